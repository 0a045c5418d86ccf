"""What a formatter does not see: length of files and lines, words that must not stay, headers without a guard."""

import pathlib
import re

LONG_FILE = 300  # lines: one idea a file
LONGEST_FILE = 450
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
        if is_judged_by_length(path) and line_count(text) > LONGEST_FILE:
            yield f"{path}: {line_count(text)} lines; {LONGEST_FILE} are allowed, {LONG_FILE} are many"


def long_files(root, files):
    """Files that are over the length at which one file is usually two ideas."""
    for file in files:
        path = file.relative_to(root).as_posix()
        count = line_count(file.read_text())
        if is_judged_by_length(path) and LONG_FILE < count <= LONGEST_FILE:
            yield f"{path}: {count} lines"


def is_judged_by_length(path):
    """Not tests, which are lists of cases, nor wire contracts, which are read by looking things up."""
    return path.endswith((".c", ".cc", ".h")) and not path.startswith("tests/")


def line_count(text):
    return text.count("\n")


def files_of(root):
    """The project's sources and scripts, but for fixtures, whose faults are their purpose."""
    root = pathlib.Path(root)
    for pattern in ("*.h", "*.c", "*.cc", "*.proto", "*.cmake", "CMakeLists.txt"):
        for file in sorted(root.rglob(pattern)):
            inside = file.relative_to(root).parts
            if inside[0] != "build" and "fixtures" not in inside and not inside[0].startswith("."):
                yield file
