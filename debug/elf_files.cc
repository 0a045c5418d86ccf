#include "debug/elf_files.h"

#include <algorithm>
#include <fstream>

namespace probegate {
namespace {

namespace fs = std::filesystem;

absl::Status Elsewhere() {
  return absl::PermissionDeniedError(
      "the ELF file is in none of the folders that --elf-folder allows; upload it instead");
}

}  // namespace

absl::Status CheckElf(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) return absl::InvalidArgumentError("the ELF file is not a regular file");
  std::ifstream file(path, std::ios::binary);
  char magic[4] = {};
  file.read(magic, sizeof magic);
  if (file && std::string_view(magic, sizeof magic) ==
                  "\x7f"
                  "ELF")
    return absl::OkStatus();
  return absl::InvalidArgumentError("the file is not a valid ELF file");
}

absl::StatusOr<ElfFiles> ElfFiles::Make(const std::vector<std::string>& folders) {
  ElfFiles files;
  for (const std::string& folder : folders) {
    std::error_code error;
    const fs::path path = fs::canonical(folder, error);
    if (error || !fs::is_directory(path))
      return absl::InvalidArgumentError("--elf-folder: " + folder + " is not a folder");
    files.folders_.push_back(path);
  }
  return files;
}

bool ElfFiles::IsInside(const fs::path& path) const {
  return std::any_of(folders_.begin(), folders_.end(), [&path](const fs::path& folder) {
    return std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
  });
}

absl::StatusOr<fs::path> ElfFiles::Resolve(const std::string& name) const {
  if (name.find('\0') != std::string::npos)
    return absl::InvalidArgumentError("the name of the ELF file contains a zero byte");
  const fs::path wanted(name);
  bool inside = false;
  for (const fs::path& folder : folders_) {
    // If `wanted` is absolute, this is `wanted`.
    const fs::path candidate = folder / wanted;
    std::error_code error;
    const fs::path path = fs::canonical(candidate, error);
    if (!error && IsInside(path)) return path;
    // A client must not learn which files exist elsewhere: NOT_FOUND is returned only for a name that stays inside.
    inside = inside || (error && IsInside(candidate.lexically_normal()) && !fs::exists(candidate, error));
  }
  if (inside) return absl::NotFoundError("there is no such ELF file or folder below the folders of --elf-folder");
  return Elsewhere();
}

absl::StatusOr<fs::path> ElfFiles::OnlyElfIn(const fs::path& folder) const {
  std::vector<fs::path> found;
  std::error_code error;
  // A range-based for would throw if reading the folder fails half-way.
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() == ".elf") found.push_back(entry->path());
  }
  if (error) return absl::NotFoundError("cannot read the folder that should contain the ELF file: " + error.message());
  if (found.empty()) return absl::NotFoundError("the folder contains no .elf file");
  if (found.size() > 1)
    return absl::InvalidArgumentError("the folder contains several .elf files; name one with import_file");
  return Resolve(found.front().string());
}

absl::StatusOr<fs::path> ElfFiles::Find(const ElfRequest& request) const {
  absl::StatusOr<fs::path> path;
  if (!request.import_file.empty()) {
    path = Resolve(request.import_file);
  } else if (!request.import_dir.empty()) {
    path = Resolve(request.import_dir);
  } else if (!request.sketch_path.empty()) {
    path = Resolve(request.sketch_path);
    // Arduino CLI exports to <sketch>/build/<fqbn, with dots>/.
    std::string board = request.fqbn;
    std::replace(board.begin(), board.end(), ':', '.');
    if (path.ok() && board.find('/') == std::string::npos) {
      std::error_code error;
      if (const fs::path built = *path / "build" / board; fs::is_directory(built, error))
        path = Resolve(built.string());
    }
  } else {
    return absl::InvalidArgumentError("no ELF file is named; set import_file, import_dir or sketch_path");
  }
  std::error_code error;
  if (path.ok() && fs::is_directory(*path, error)) path = OnlyElfIn(*path);
  if (!path.ok()) return path.status();
  if (const absl::Status status = CheckElf(*path); !status.ok()) return status;
  return path;
}

}  // namespace probegate
