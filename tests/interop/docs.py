"""What the documentation says of the programs: each flag with the program that it is said of, each method of the API."""

import re

PROGRAMS = ("probegate-sim", "probegate-server", "probegate-gateway", "probegate")
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
NAMED = re.compile(r"(?<![\w/-])(" + "|".join(PROGRAMS) + r")(?![\w-])")


def commands_of(text):
    """(program, flag) for each flag on a line that runs a program: `$ probegate-server --listen …`."""
    for line in text.splitlines():
        program = re.match(r"\s*(?:\w*\$\s+)?(" + "|".join(PROGRAMS) + r")(?=\s|$)", line)
        if program is not None:
            for flag in FLAG.findall(line):
                yield program[1], flag


def flags_of(text):
    """Every flag in `text` that is said of one of the programs: all but those on lines that name another one."""
    for line in text.splitlines():
        if not re.search(r"(?<![\w-])(pyocd|ctest|cmake|ninja|pytest|python|dev|ssh)\s[^|`]*--", line):
            yield from FLAG.findall(line)


def unknown_flags(text, helps):
    """One line for each flag of `text` that is none. `helps` is what each program's --help prints."""
    known = {program: set(FLAG.findall(help_text)) for program, help_text in helps.items()}
    for program, flag in commands_of(text):
        if flag not in known[program]:
            yield f"{program} has no {flag}"
    for flag in flags_of(text):
        if not any(flag in flags for flags in known.values()):
            yield f"no program has {flag}"


def methods_of(proto):
    return re.findall(r"^\s*rpc (\w+)", proto, re.MULTILINE)


def unnamed_methods(text, proto):
    return [method for method in methods_of(proto) if f"`{method}`" not in text]
