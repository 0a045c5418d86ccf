#include "debug/elf_files.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <system_error>

#include "base/ignoring_case.h"
#include "debug/quoted.h"

namespace probegate {
namespace {

namespace fs = std::filesystem;

absl::Status Elsewhere() {
  return absl::PermissionDeniedError(
      "the ELF file is in none of the folders that --elf-folder allows; upload it instead");
}

bool HasMainFileName(const fs::path& path) { return path.extension() == ".ino" || path.extension() == ".pde"; }

// The name of the file that Arduino CLI makes of a sketch, whose folder or main file `sketch` is.
std::string ElfNameOf(const fs::path& sketch) {
  fs::path folder = sketch.has_filename() ? sketch : sketch.parent_path();
  if (HasMainFileName(folder)) folder = folder.parent_path();
  return folder.filename().string() + ".ino.elf";
}

// The entries of `folder` that `counts` accepts. A range-based for would throw if reading the folder fails half-way.
std::vector<fs::path> EntriesOf(const fs::path& folder, const std::function<bool(const fs::path&)>& counts,
                                std::error_code& error) {
  std::vector<fs::path> found;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (counts(entry->path())) found.push_back(entry->path());
  }
  return found;
}

// The folder of this name: exactly, or else the only one in another case. NOT_FOUND if there is none.
absl::StatusOr<fs::path> FolderIn(const fs::path& parent, const std::string& name) {
  std::error_code error;
  const std::vector<fs::path> found = EntriesOf(
      parent,
      [&name](const fs::path& entry) {
        std::error_code ignored;
        return EqualsIgnoringCase(entry.filename().string(), name) && fs::is_directory(entry, ignored);
      },
      error);
  if (error || found.empty()) return absl::NotFoundError("no such folder");
  const auto exact = std::find(found.begin(), found.end(), parent / name);
  if (exact != found.end()) return *exact;
  if (found.size() == 1) return found.front();
  return absl::InvalidArgumentError("several folders in the sketch's build differ from " + Quoted(name) +
                                    " only in their case; use the exact name in fqbn");
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

absl::StatusOr<fs::path> ElfFiles::ElfIn(const fs::path& folder, const std::string& preferred) const {
  std::error_code error;
  const std::vector<fs::path> found =
      EntriesOf(folder, [](const fs::path& entry) { return entry.extension() == ".elf"; }, error);
  if (error) return absl::NotFoundError("cannot read the folder that should contain the ELF file: " + error.message());
  if (found.empty()) return absl::NotFoundError("the folder contains no .elf file; name a folder that has one");
  if (found.size() == 1) return Resolve(found.front().string());
  const auto named = std::find(found.begin(), found.end(), folder / preferred);
  if (named != found.end()) return Resolve(named->string());
  return absl::InvalidArgumentError("the folder contains several .elf files; name one with import_file");
}

absl::StatusOr<fs::path> ElfFiles::FindImport(const std::string& name, const std::string& preferred) const {
  auto path = Resolve(name);
  std::error_code error;
  if (path.ok() && fs::is_directory(*path, error)) return ElfIn(*path, preferred);
  return path;
}

absl::StatusOr<fs::path> ElfFiles::FindInSketch(const ElfRequest& request) const {
  const auto path = Resolve(request.sketch_path);
  std::error_code error;
  if (!path.ok()) return path;
  const bool is_folder = fs::is_directory(*path, error);
  if (!is_folder && !HasMainFileName(*path)) return path;
  const fs::path sketch = is_folder ? *path : path->parent_path();
  auto folder = Resolve((sketch / "build").string());
  if (folder.ok()) folder = FolderIn(*folder, request.build_folder);
  if (folder.ok()) folder = Resolve(folder->string());
  // Without a folder for this board, the sketch's own counts.
  if (absl::IsNotFound(folder.status())) folder = Resolve(sketch.string());
  if (!folder.ok()) return folder;
  auto elf = ElfIn(*folder, ElfNameOf(sketch));
  if (!absl::IsNotFound(elf.status())) return elf;
  return absl::NotFoundError("there is no .elf file in the folder " + Quoted("build/" + request.build_folder) +
                             " of the sketch; compile the sketch for this board with --export-binaries, or " +
                             "set import_dir to the folder that has the ELF file");
}

absl::StatusOr<fs::path> ElfFiles::Find(const ElfRequest& request) const {
  struct Field {
    const char* name;
    const std::string& value;
  };
  const std::array<Field, 3> fields = {
      {{"import_file", request.import_file}, {"import_dir", request.import_dir}, {"sketch_path", request.sketch_path}}};
  const auto* const field =
      std::find_if(fields.begin(), fields.end(), [](const Field& candidate) { return !candidate.value.empty(); });
  if (field == fields.end()) {
    return absl::InvalidArgumentError("no ELF file is named; set import_file, import_dir or sketch_path");
  }
  auto path =
      field == &fields.back() ? FindInSketch(request) : FindImport(field->value, ElfNameOf(request.sketch_path));
  const absl::Status status = path.ok() ? CheckElf(*path) : path.status();
  if (status.ok()) return path;
  return absl::Status(status.code(),
                      std::string(field->name) + " " + Quoted(field->value) + ": " + std::string(status.message()));
}

}  // namespace probegate
