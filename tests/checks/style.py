"""What a formatter does not see: length of lines, words that must not stay, headers without a guard, types in pieces."""

import collections
import pathlib
import re

LONG_TYPE = 300  # lines of a type's implementation: often two ideas
LONGEST_LINE = 120
LEFT_BEHIND = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def problems(root, files):
    for file in files:
        path = file.relative_to(root).as_posix()
        text = file.read_text()
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if len(line) > LONGEST_LINE:
                yield f"{path}:{number}: {len(line)} columns; {LONGEST_LINE} are allowed"
            if line != line.rstrip():
                yield f"{path}:{number}: white space at the end"
            if "\t" in line:
                yield f"{path}:{number}: a tab"
            if LEFT_BEHIND.search(line):
                yield f"{path}:{number}: {LEFT_BEHIND.search(line)[0]}"
        if not text.endswith("\n") or text.endswith("\n\n"):
            yield f"{path}: must end with one newline"
        if file.suffix == ".h" and "#pragma once" not in lines:
            yield f"{path}: a header without #pragma once"


# A type that a header declares, and a member function that is defined outside of its type: `Result Type::Name(`, or
# `Type::Type(`, at the beginning of a line.
DECLARED = re.compile(r"^(?:class|struct) (\w+)(?: final)?(?: : [^{]*)?\s*\{", re.MULTILINE)
DEFINED = re.compile(r"^(?!\s|//|#)(?:[^()\n;=]*[\s*&>])?(\w+)::(?:\w+::)*(?:~?\w+|operator[^(\n]+)\(", re.MULTILINE)


def implementations(root, files):
    """Where the types that headers declare are implemented: (room, type) -> the sources, in order."""
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


def scattered_types(root, files):
    """A type whose implementation is in several files: a reader must hold all of them in mind to change one."""
    for (room, name), sources in sorted(implementations(root, files).items()):
        if len(sources) > 1:
            yield f"{room}: {name} is implemented in {', '.join(file.name for file in sources)}"


def long_types(root, files):
    """Types that are implemented in so many lines that there may be a second idea in them."""
    for (room, name), sources in sorted(implementations(root, files).items()):
        count = sum(file.read_text().count("\n") for file in sources)
        if count > LONG_TYPE and not room.startswith("tests"):
            yield f"{room}: {name}, {count} lines"


def files_of(root):
    """The project's sources and scripts, but for fixtures, whose faults are their purpose."""
    root = pathlib.Path(root)
    for place in sorted(root.iterdir()):
        if place.name == "build" or place.name.startswith("."):
            continue
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            is_source = file.suffix in (".h", ".c", ".cc", ".proto", ".cmake") or file.name == "CMakeLists.txt"
            if is_source and "fixtures" not in file.relative_to(root).parts:
                yield file
