"""Extracts from the documentation what it says about the programs: flags, methods of the API,
metrics and log events."""

import pathlib
import re

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PROGRAMS = (
    "probegate-sim",
    "probegate-server",
    "probegate-gateway",
    "probegate-broker",
    "probegate-debugd",
    "probegate-launch",
    "probegate-health",
    "probegate",
)
FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OTHERS = re.compile(
    r"(?<![\w-])(pyocd|gdb-multiarch|ctest|cmake|ninja|pytest|python3?|dev|ssh|systemctl|config\.sh|"
    r"docker|docker-compose|local-base\.sh|pip|uv|lock\.sh|kubectl|make-lab-ca\.sh|curl|jq)[\s,][^|`]*--"
)
NAMED = re.compile(r"(?<![\w/-])(" + "|".join(PROGRAMS) + r")(?![\w-])")


def commands_of(text):
    """(program, flag) for each flag on a line that runs a program: `$ probegate-server --listen …`. What follows ` -- ` is
    another program's."""
    for line in text.splitlines():
        program = re.match(r"\s*(?:\w*\$\s+)?(" + "|".join(PROGRAMS) + r")(?=\s|$)", line)
        if program is not None:
            for flag in FLAG.findall(line.partition(" -- ")[0]):
                yield program[1], flag


def flags_of(text):
    """Every flag in `text` that belongs to one of our programs: all flags except those on lines
    that run another program."""
    for line in text.splitlines():
        if not OTHERS.search(line):
            yield from FLAG.findall(line)


def unknown_flags(text, helps):
    """One line for each flag in `text` that does not exist. `helps` maps each program to the output of its --help."""
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


def table_rows(text):
    """The cells of each table row whose first cell is code; the first one is returned without its backquotes."""
    for line in text.splitlines():
        row = re.fullmatch(r"\| `([^`|]+)` \|(.*)\|", line)
        if row is not None:
            yield [row[1], *(cell.strip() for cell in row[2].split("|"))]


def metrics_of(text):
    """The name, type and labels of each row that begins with a metric, with the labels in alphabetical order."""
    for name, *cells in table_rows(text):
        if re.fullmatch(r"(probegate|grpc|process)_\w+", name):
            yield name, cells[0], tuple(sorted(label.strip() for label in cells[1].split(",") if label.strip()))


def code_block(text, language):
    """The contents of the first code block in this language."""
    return re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[1]


def _calls_to_log(source):
    """The method and the arguments of each logging call in C++ code."""
    for call in re.finditer(r"\blog_?\.(Debug|Info|Warning|Error|Write)\(", source):
        depth = 1
        for token in re.finditer(r'"(?:[^"\\]|\\.)*"|[()]', source[call.end() :]):
            depth += {"(": 1, ")": -1}.get(token[0], 0)
            if depth == 0:
                yield call[1], source[call.end() : call.end() + token.start()]
                break


def events_of(source):
    """The events that C++ code logs, in alphabetical order, each with its level and its fields."""
    events = set()
    for method, arguments in _calls_to_log(source):
        # A level may be a choice, too (`condition ? LogLevel::kInfo : LogLevel::kWarning`).
        levels = re.findall(r"LogLevel::k(\w+)", arguments) if method == "Write" else [method]
        before, _, fields = arguments.partition("{")
        # The name may be a choice between two events (`condition ? "a" : "b"`). The message has
        # spaces, so it does not match.
        names = re.findall(r"\"([a-z_]+(?:\.[a-z_]+)?)\"", before)
        level = ", ".join(levels).lower()
        events.update((name, level, tuple(re.findall(r"\{\"(\w+)\",", fields))) for name in names)
    return sorted(events)


def events_of_table(text):
    """The events that a table of the documentation lists, in the same form and order as events_of()."""
    return sorted((name, level, tuple(re.findall(r"\w+", fields))) for name, level, fields, _ in table_rows(text))
