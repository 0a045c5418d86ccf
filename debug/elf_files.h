// Which ELF file a client means: one below a folder that the operator named, or one that was uploaded. No other file is
// opened, whatever a client writes: names are resolved, symbolic links too, before it is looked where they are.
//
// Threads: any. Blocks for the file system.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace probegate {

// What DebugConfigReq says of it.
struct ElfRequest {
  std::string import_file;
  std::string import_dir;
  std::string sketch_path;
  std::string fqbn;  // names the folder in a sketch's build/
};

class ElfFiles {
 public:
  // INVALID_ARGUMENT where one of `folders` is none. Without folders there are only uploads.
  static absl::StatusOr<ElfFiles> Make(const std::vector<std::string>& folders);

  // The whole path of the file, without symbolic links. A relative name is looked for in each folder. INVALID_ARGUMENT
  // where the request names none, or one that is no ELF file; NOT_FOUND; PERMISSION_DENIED where it is elsewhere,
  // whether it exists or not.
  absl::StatusOr<std::filesystem::path> Find(const ElfRequest& request) const;

 private:
  absl::StatusOr<std::filesystem::path> Resolve(const std::string& name) const;
  absl::StatusOr<std::filesystem::path> OnlyElfIn(const std::filesystem::path& folder) const;
  bool IsInside(const std::filesystem::path& path) const;

  std::vector<std::filesystem::path> folders_;  // whole, without symbolic links
};

// Whether the file begins as ELF files do, and is a plain file.
absl::Status CheckElf(const std::filesystem::path& path);

}  // namespace probegate
