"""The table of bounds in docs/operations.md agrees with the programs: their flags, defaults and quotas."""

import re

import bounds
import pytest
from metrics import golden

ROWS = list(bounds.bounds_of(bounds.PAGE.read_text()))


def shown_default(help_text, flag):
    """The default that --help shows for a flag, as a number in the base unit; None if there is none."""
    match = re.search(rf"(?<![\w-]){flag} [^\[\n]*\[([^\]]+)\]", help_text)
    return match and bounds.value_of(match[1])


def test_the_table_is_read():
    assert len(ROWS) > 30 and {program for row in ROWS for program in row.programs} == set(bounds.PROGRAMS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{'-'.join(row.programs)}: {row.what}"[:60])
def test_each_bound_agrees_with_the_programs(row, programs):
    assert row.seen and row.default, "what is the bound, and what does a client see at it?"
    for program in row.programs:
        if row.flag:
            help_text = programs.run(f"probegate-{program}", "--help").stdout
            assert shown_default(help_text, row.flag) == row.value, f"{program} {row.flag}"


@pytest.mark.parametrize("program", bounds.PROGRAMS)
def test_each_quota_is_in_the_table(program):
    shown = {
        name
        for metric in golden(program)
        for values in metric.values
        for name in values.removeprefix("quota=").split("|")
        if values.startswith("quota=")
    }
    assert shown == {row.quota for row in ROWS if program in row.programs and row.quota}


@pytest.mark.parametrize(
    "help_text,flag,value",
    [
        ("  --max-input BYTES [4194304]    Maximum amount", "--max-input", 4 << 20),
        ("  --clock-min HZ [10kHz]   The slowest clock", "--clock-min", 10_000),
        ("  --max-sessions COUNT [16]   …\n  --max-sessions-per-client COUNT [8]", "--max-sessions-per-client", 8),
        ("  --lock-max SECONDS [60]", "--lock-idle", None),
        ("  --max-sessions COUNT [16]", "--max", None),
    ],
)
def test_defaults_in_help(help_text, flag, value):
    assert shown_default(help_text, flag) == value


@pytest.mark.parametrize(
    "text,value",
    [("256 MiB", 256 << 20), ("10 kHz", 10_000), ("60 s, at most a day", 60), ("128, of 256 KiB", 128), ("none", None)],
)
def test_values(text, value):
    assert bounds.value_of(text) == value


def test_a_row_is_understood():
    text = f"{bounds.HEADER}\n|---|---|---|---|---|\n| server, debugd: a thing | `--thing` | 10 s | it waits | `things` |\n\n|x|\n"
    (row,) = bounds.bounds_of(text)
    assert row == bounds.Bound(("server", "debugd"), "a thing", "--thing", "10 s", "it waits", "things")
