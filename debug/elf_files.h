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

// What a client says about the file. The first name that is not empty counts.
struct ElfRequest {
  std::string import_file;   // the file
  std::string import_dir;    // the folder with the file
  std::string sketch_path;   // a sketch's folder, or its .ino file
  std::string build_folder;  // the name of the folder in the sketch's build/ (Fqbn::BuildFolder)
};

class ElfFiles {
 public:
  // INVALID_ARGUMENT if one of `folders` is not a folder. Without folders, Find finds nothing, and clients have to
  // upload their files.
  static absl::StatusOr<ElfFiles> Make(const std::vector<std::string>& folders);

  // The absolute path of the file, without symbolic links. A relative name is looked up in each folder.
  //
  // Each of the three names may also be that of the file, or of a folder that contains it. In a sketch's folder, the
  // file is in build/<build_folder>/, if that exists. An exact match of that name is preferred to one in another case.
  // If a folder contains several .elf files, the one that Arduino CLI makes of the sketch, <sketch>.ino.elf, is used.
  //
  // INVALID_ARGUMENT if the request names no file, several, or one that is not an ELF file; NOT_FOUND;
  // PERMISSION_DENIED if the name leads outside the folders, whether such a file exists or not. The message begins with
  // the field.
  absl::StatusOr<std::filesystem::path> Find(const ElfRequest& request) const;

 private:
  using Path = std::filesystem::path;

  absl::StatusOr<Path> Resolve(const std::string& name) const;
  // `preferred`: the name of the file to use if there are several.
  absl::StatusOr<Path> FindImport(const std::string& name, const std::string& preferred) const;
  absl::StatusOr<Path> FindInSketch(const ElfRequest& request) const;
  absl::StatusOr<Path> ElfIn(const Path& folder, const std::string& preferred) const;
  bool IsInside(const Path& path) const;

  std::vector<std::filesystem::path> folders_;  // absolute, without symbolic links
};

// INVALID_ARGUMENT unless `path` is a regular file that starts with ELF's magic number.
absl::Status CheckElf(const std::filesystem::path& path);

}  // namespace probegate
