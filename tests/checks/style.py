"""Checks that the formatter does not make: line lengths, left-over TODOs, include guards, types in several files."""

import collections
import pathlib
import re

LONG_TYPE = 300  # lines; a longer implementation of a type often contains two ideas
LONGEST_LINE = 120
LEFT_BEHIND = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def problems(root, files):
    for file in files:
        path = file.relative_to(root).as_posix()
        text = file.read_text()
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if len(line) > LONGEST_LINE:
                yield f"{path}:{number}: {len(line)} columns; the limit is {LONGEST_LINE}"
            if line != line.rstrip():
                yield f"{path}:{number}: trailing white space"
            if "\t" in line:
                yield f"{path}:{number}: a tab"
            if LEFT_BEHIND.search(line):
                yield f"{path}:{number}: {LEFT_BEHIND.search(line)[0]}"
        if not text.endswith("\n") or text.endswith("\n\n"):
            yield f"{path}: must end with one newline"
        if file.suffix == ".h" and "#pragma once" not in lines:
            yield f"{path}: a header without #pragma once"


# A type that a header defines.
DECLARED = re.compile(r"^(?:class|struct) (\w+)(?: final)?(?: : [^{]*)?\s*\{", re.MULTILINE)
# A member function that is defined outside of its type: a line that begins with `Result Type::Name(` or `Type::Type(`.
DEFINED = re.compile(r"^(?!\s|//|#)(?:[^()\n;=]*[\s*&>])?(\w+)::(?:\w+::)*(?:~?\w+|operator[^(\n]+)\(", re.MULTILINE)


def implementations(root, files):
    """The sources that implement each type that a header defines: (room, type) -> sources, in order."""
    types = collections.defaultdict(set)
    sources = collections.defaultdict(list)
    for file in files:
        if file.suffix == ".h":
            types[file.parent].update(DECLARED.findall(file.read_text()))
    for file in files:
        if file.suffix == ".cc":
            for name in sorted(set(DEFINED.findall(file.read_text())) & types[file.parent]):
                sources[file.parent.relative_to(root).as_posix(), name].append(file)
    return sources


def types_in_several_files(root, files):
    """One line for each type that is implemented in several files: changing it would require knowing all of them."""
    for (room, name), sources in sorted(implementations(root, files).items()):
        if len(sources) > 1:
            yield f"{room}: {name} is implemented in {', '.join(file.name for file in sources)}"


def long_types(root, files):
    """One line for each type whose implementation is so long that it may contain a second idea."""
    for (room, name), sources in sorted(implementations(root, files).items()):
        count = sum(file.read_text().count("\n") for file in sources)
        if count > LONG_TYPE and not room.startswith("tests"):
            yield f"{room}: {name}, {count} lines"


def files_of(root):
    """The project's sources and CMake files, except fixtures, which contain faults on purpose."""
    root = pathlib.Path(root)
    for place in sorted(root.iterdir()):
        if place.name == "build" or place.name.startswith("."):
            continue
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            is_source = file.suffix in (".h", ".c", ".cc", ".proto", ".cmake") or file.name == "CMakeLists.txt"
            if is_source and "fixtures" not in file.relative_to(root).parts:
                yield file
