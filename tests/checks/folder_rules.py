"""Checks every include in the source tree against folder_rules.txt."""

import fnmatch
import pathlib
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


class Rules:
    """The parsed contents of folder_rules.txt."""

    def __init__(self, text):
        self.libraries = {}  # name -> patterns of headers, in order
        self.folders = {}  # path -> (folders of the project, names of libraries) that it may include
        section = None
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("["):
                section = line.strip("[]")
            elif section == "libraries":
                name, *patterns = line.split()
                self.libraries[name] = patterns
            else:
                path, project, libraries = (part.strip() for part in line.split("|"))
                unknown = set(libraries.split()) - set(self.libraries)
                if unknown:
                    raise ValueError(f"folder_rules.txt: {path} allows {unknown}, which [libraries] does not define")
                self.folders[path] = (project.split(), libraries.split())

    def row_of(self, path):
        """The row for `path`: the longest path in the table that is `path` or one of its parents, or None."""
        rows = [row for row in self.folders if path == row or path.startswith(row + "/")]
        return max(rows, key=len, default=None)

    def library_of(self, header):
        for name, patterns in self.libraries.items():
            if any(fnmatch.fnmatch(header, pattern) for pattern in patterns):
                return name
        return None if "/" in header or "." in header else "std"


def violations(root, rules):
    """One line for each include that the rules do not allow, and for each source folder without a row."""
    found = []
    root = pathlib.Path(root)
    for file in sorted(source_files(root)):
        path = file.relative_to(root).as_posix()
        row = rules.row_of(path)
        if row is None:
            found.append(f"{path}: folder_rules.txt has no row for its folder")
            continue
        found += [f"{path}: {problem}" for problem in _problems_of(root, rules, row, file)]
    return found


def source_files(root):
    """The files to which the rules apply: the sources of the programs, outside of tests/, tools/ and build/."""
    for folder in pathlib.Path(root).iterdir():
        if folder.is_dir() and folder.name not in ("build", "tests", "tools") and not folder.name.startswith("."):
            for pattern in ("*.h", "*.c", "*.cc"):
                yield from folder.rglob(pattern)


def _includes_of(root, rules, file):
    """Each header that `file` includes, with the row of its folder if it is the project's, or else with its library."""
    for _, header in INCLUDE.findall(file.read_text()):
        if (root / header).is_file():
            target = rules.row_of(header)
            # A row for a single file applies to that file's includes. For files that include it,
            # its folder's row counts.
            if target is not None and (root / target).is_file():
                target = rules.row_of(str(pathlib.PurePosixPath(target).parent))
            yield header, target, None
        else:
            yield header, None, rules.library_of(header)


def _problems_of(root, rules, row, file):
    project, libraries = rules.folders[row]
    home = row if (root / row).is_dir() else rules.row_of(str(pathlib.PurePosixPath(row).parent))
    for header, target, library in _includes_of(root, rules, file):
        if (root / header).is_file():
            if target not in (home, *project):
                yield f"may not include {header}: {row} is not allowed to use {target}"
        elif library is None:
            yield f"includes {header}, which belongs to no library of folder_rules.txt"
        elif library != "std" and library not in libraries:
            yield f"may not include {header}: {row} is not allowed to use {library}"


def unused_permissions(root, rules):
    """One line for each permission in a row that no file uses, and for each library that no row allows."""
    root = pathlib.Path(root)
    used = {row: set() for row in rules.folders}
    for file in source_files(root):
        row = rules.row_of(file.relative_to(root).as_posix())
        if row is not None:
            used[row].update(target or library for _, target, library in _includes_of(root, rules, file))
    for row, (project, libraries) in rules.folders.items():
        for permission in (*project, *libraries):
            if permission not in used[row]:
                yield f"{row} may use {permission}, but does not"
    permitted = {library for _, libraries in rules.folders.values() for library in libraries} | {"std"}
    for library in rules.libraries:
        if library not in permitted:
            yield f"no folder may use {library}"


def orphan_sources(root, compiled):
    """One line for each source that no target compiles. `compiled` is the list of sources in compile_commands.json."""
    compiled = {pathlib.Path(path).resolve() for path in compiled}
    root = pathlib.Path(root)
    sources = list(source_files(root)) + list((root / "tests").rglob("*.cc"))
    for file in sorted(sources):
        if file.suffix != ".cc" or file.name.endswith("_fuzz.cc") or "fixtures" in file.parts:
            continue  # tests/fuzz/CMakeLists.txt compiles every *_fuzz.cc
        if file.resolve() not in compiled:
            yield f"{file.relative_to(root)}: no target compiles it"


def orphan_headers(root):
    """One line for each header that no file includes, by its path from the root or relative to the including file."""
    root = pathlib.Path(root)
    files = list(source_files(root))
    files += [f for pattern in ("*.h", "*.cc") for f in (root / "tests").rglob(pattern) if "fixtures" not in f.parts]
    included = set()
    for file in files:
        for _, header in INCLUDE.findall(file.read_text()):
            included.update((header, (file.parent / header).relative_to(root).as_posix()))
    for file in sorted(files):
        if file.suffix == ".h" and file.relative_to(root).as_posix() not in included:
            yield f"{file.relative_to(root)}: nothing includes it"
