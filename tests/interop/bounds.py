"""The table of bounds in docs/operations.md."""

import dataclasses
import re

import docs

PAGE = docs.DOCS / "operations.md"
HEADER = "| what is bounded | flag | default | what a client sees at it | quota |"
PROGRAMS = ("server", "gateway", "debugd", "broker")
UNITS = {
    "": 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "s": 1,
    "min": 60,
    "h": 3600,
    "Hz": 1,
    "kHz": 1000,
    "bytes": 1,
}


@dataclasses.dataclass(frozen=True)
class Bound:
    """A row: the programs that have the bound, what it is, and the other columns without their formatting."""

    programs: tuple
    what: str
    flag: str  # empty if the bound is fixed, or the client's
    default: str
    seen: str
    quota: str  # the name of a Quota; empty if it is none

    @property
    def value(self):
        """The default as a number of bytes, seconds, Hz or things."""
        return value_of(self.default)


def value_of(text):
    """The number with which the text begins, in the base unit; None if it does not begin with one."""
    match = re.match(r"(\d+(?:\.\d+)?) ?([A-Za-z]*)", text)
    return float(match[1]) * UNITS[match[2]] if match and match[2] in UNITS else None


def bounds_of(text):
    """The rows of the table in `text`."""
    rows = text.partition(HEADER)[2].lstrip("\n").splitlines()[1:]
    for row in rows:
        if not row.startswith("|"):
            return
        what, flag, default, seen, quota = (cell.strip() for cell in row.strip("|").split("|"))
        programs, _, what = what.partition(": ")
        yield Bound(
            tuple(programs.split(", ")),
            what,
            flag.strip("`") if flag.startswith("`--") else "",
            default,
            seen,
            quota.strip("`"),
        )


def _default_of(flag):
    (value,) = {bound.value for bound in bounds_of(PAGE.read_text()) if bound.flag == flag}
    return int(value)


def memory_in_flight():
    """How many bytes a program lets requests hold by default."""
    return _default_of("--max-memory-in-flight")


def connections():
    """How many connections a program accepts by default."""
    return _default_of("--max-connections")
