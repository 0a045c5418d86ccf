// Finds the ELF file that a client names: it must be below one of the folders that the operator allows. No other file
// is opened, whatever a client writes: a name is resolved, including symbolic links, before its location is checked.
//
// Threads: any. Blocks on the file system.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace probegate {

// The fields of DebugConfigReq that name the file.
struct ElfRequest {
  std::string import_file;
  std::string import_dir;
  std::string sketch_path;
  std::string fqbn;  // names the folder in a sketch's build/
};

class ElfFiles {
 public:
  // INVALID_ARGUMENT if one of `folders` is not a folder. Without folders, Find finds nothing, and clients have to
  // upload their files.
  static absl::StatusOr<ElfFiles> Make(const std::vector<std::string>& folders);

  // The absolute path of the file, without symbolic links. A relative name is looked up in each folder.
  // INVALID_ARGUMENT if the request names no file, or one that is not an ELF file; NOT_FOUND; PERMISSION_DENIED if the
  // name leads outside the folders, whether such a file exists or not.
  absl::StatusOr<std::filesystem::path> Find(const ElfRequest& request) const;

 private:
  absl::StatusOr<std::filesystem::path> Resolve(const std::string& name) const;
  absl::StatusOr<std::filesystem::path> OnlyElfIn(const std::filesystem::path& folder) const;
  bool IsInside(const std::filesystem::path& path) const;

  std::vector<std::filesystem::path> folders_;  // absolute, without symbolic links
};

// INVALID_ARGUMENT unless `path` is a regular file that starts with ELF's magic number.
absl::Status CheckElf(const std::filesystem::path& path);

}  // namespace probegate
