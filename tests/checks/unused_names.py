"""Finds functions declared in headers, and constants, to which no code refers.

The search is textual. Any occurrence of a name that is neither a declaration nor a definition counts as a reference,
even if the name refers to something else there. So it misses an unused function that shares its name with a used one,
but everything it finds is unused. References from tests count, because tests may need functions that programs do not.
"""

import re

SKIPPED = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\[^\n\']+|\\\'|[^\'\\\n])\'', re.DOTALL
)
NAME = re.compile(r"[A-Za-z_]\w*")

# A line that declares or defines a function, as clang-format formats it: a type, perhaps a scope, the name and "(".
FUNCTION = re.compile(r"^ *((?:[\w:<>,\[\]*&]+ +)+)[*&]*(?:\w+::)*(\w+)\(", re.MULTILINE)
NOT_IN_A_TYPE = re.compile(r"\b(return|co_return|co_await|co_yield|else|throw|new|delete|case|using|typedef|do)\b")
# A base class, perhaps in a library, may call it.
OVERRIDE = re.compile(r"[^;{]*\b(override|final)\b")
CALLED_BY_THE_LANGUAGE = {"main", "operator"}

CONSTANT = re.compile(
    r"^[^\n]*\b(?:constexpr|const)\b[^\n=({]*?\b(k[A-Z]\w*)(?:\[[^\]]*\])*\s*(?:=(?!=)|\{)", re.MULTILINE
)


def without_comments_and_strings(text):
    """The code without comments and string literals, but with all line breaks."""
    return SKIPPED.sub(lambda match: "\n" * match[0].count("\n") + " ", text)


def is_type(text):
    """Whether `text`, which precedes a name, can be a type in a declaration rather than a part of an expression."""
    outside_brackets = re.sub(r"<.*>", "", text)
    operators = [word for word in text.split() if not re.search(r"\w", word)]
    return "," not in outside_brackets and not operators and not NOT_IN_A_TYPE.search(text)


def functions(code):
    """Declarations and definitions of functions: (offset, name, whether it overrides another function)."""
    for match in FUNCTION.finditer(code):
        if is_type(match[1]) and match[2] not in CALLED_BY_THE_LANGUAGE:
            yield match.start(2), match[2], bool(OVERRIDE.match(code, match.end()))


def constants(code):
    for match in CONSTANT.finditer(code):
        yield match.start(1), match[1]


def unused_names(root, files):
    """One line for each function in a header and each constant, outside of tests, to which nothing
    in `files` refers."""
    occurrences = {}
    declarations = {}
    overridden = set()
    candidates = {}  # name -> the line of its first declaration
    for file in files:
        path = file.relative_to(root).as_posix()
        code = without_comments_and_strings(file.read_text())
        for name in NAME.findall(code):
            occurrences[name] = occurrences.get(name, 0) + 1
        found = [(place, name, True) for place, name in constants(code)]
        for place, name, overrides in functions(code):
            found.append((place, name, file.suffix == ".h"))
            if overrides:
                overridden.add(name)
        for place, name, is_judged in found:
            declarations[name] = declarations.get(name, 0) + 1
            if is_judged and not path.startswith("tests/"):
                line = code.count("\n", 0, place) + 1
                candidates.setdefault(name, f"{path}:{line}")
    for name, where in candidates.items():
        if name not in overridden and occurrences[name] <= declarations[name]:
            yield f"{where}: nothing refers to {name}"
