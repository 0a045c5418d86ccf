// Which GDB server and which gdb to use for which boards: a table, from a YAML file or built in.
//
// clang-format off
//   recipes:
//     - name: nrf52840
//       boards: ["nrf52840", "*:nano33ble"]  # fqbn patterns, as in a shell, in any case; the first recipe counts
//       server: [pyocd, gdbserver, --uid, "remote:127.0.0.1:{gateway}", --port, "0", …]
//       ready: "GDB server listening on port {port}"  # what the server prints once gdb can connect
//       gdb: gdb-multiarch
//       gdb-commands: ["set mem inaccessible-by-default off"]  # settings, before gdb reads the ELF file
//       read: [/var/lib/packs]               # what both may read, in addition to the system's files and their own
//       environment: {XDG_DATA_HOME: /var/lib/packs}
// clang-format on
//
// `name`, `boards` and `server` must be given. The defaults of `ready`, `gdb` and `gdb-commands` are those shown; that
// of the others is nothing.
//
// `server` is a command and its arguments, which are executed as they are, without a shell. {gateway} stands for the
// port of the session's gateway, {work} for the session's own folder. Only the operator writes recipes: nothing that a
// client sends becomes part of the command.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "debug/fqbn.h"

namespace probegate {

struct Recipe {
  std::string name;
  std::vector<std::string> boards;
  std::vector<std::string> server;  // the first word is a path
  std::string ready;                // with {port} once
  std::string gdb;                  // a path
  std::vector<std::string> gdb_commands;
  std::vector<std::string> read;
  std::map<std::string, std::string> environment;
  bool has_read = false;  // `read` is given, perhaps as an empty list
  // What the GDB server and gdb may read of their own installations (RecipeBook::FindInstallations).
  std::set<std::string> server_files;
  std::set<std::string> gdb_files;
};

class RecipeBook {
 public:
  // Parses `yaml`, the contents of `file`, or the built-in recipes. Programs are looked up in `path`, which has the
  // format of PATH. The error is one line that names the file, the line and what is wrong.
  static absl::StatusOr<RecipeBook> Read(const std::string& file, const std::string& yaml, const std::string& path);
  static absl::StatusOr<RecipeBook> BuiltIn(const std::string& path);

  // Finds out what the programs need of their installations in order to run confined. The error names the recipe and
  // says what to do. Blocks.
  absl::Status FindInstallations();

  // The first recipe of which a pattern matches the board, with or without its options. INVALID_ARGUMENT, with the
  // known boards, if there is none.
  absl::StatusOr<Recipe> Find(const Fqbn& fqbn) const;

 private:
  std::vector<Recipe> recipes_;
};

// Reads a file; the error is one line.
absl::StatusOr<std::string> ReadTextFile(const std::string& file);

}  // namespace probegate
