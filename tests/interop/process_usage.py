"""What a program uses, from /proc, and whether it uses no more than before an attack."""

import dataclasses
import os
import pathlib

from stack import wait_until

MIB = 1 << 20
# How long after an attack everything must be as it was before, in seconds.
RECOVERY = 30.0


@dataclasses.dataclass(frozen=True)
class Usage:
    resident: int  # bytes
    descriptors: int
    threads: int

    def __str__(self):
        return f"{self.resident / MIB:.0f} MiB, {self.descriptors} descriptors, {self.threads} threads"


def _status(pid, key):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0])
    raise AssertionError(f"/proc/{pid}/status has no {key}")


def usage(program):
    """What a Program (stack.py) uses now."""
    pid = program.pid
    return Usage(
        resident=_status(pid, "VmRSS") * 1024,
        descriptors=len(os.listdir(f"/proc/{pid}/fd")),
        threads=_status(pid, "Threads"),
    )


def forget_peak(program):
    """From here on, peak() is the most memory that the program has had since this call."""
    pathlib.Path(f"/proc/{program.pid}/clear_refs").write_text("5")


def peak(program):
    """The most resident memory that the program has had, in bytes."""
    return _status(program.pid, "VmHWM") * 1024


def cpu_seconds(program):
    """The processor time that the program has used."""
    fields = pathlib.Path(f"/proc/{program.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_until_as_before(program, before, memory=64 * MIB, descriptors=0, threads=8, bound=RECOVERY):
    """Waits until the program uses what it used `before` (a Usage), and at most these amounts more. gRPC keeps some threads
    in reserve."""

    def is_back():
        now = usage(program)
        return (
            now.resident <= before.resident + memory
            and now.descriptors <= before.descriptors + descriptors
            and now.threads <= before.threads + threads
        )

    try:
        wait_until(is_back, f"{program.name} uses no more than before the attack", bound)
    except AssertionError as error:
        raise AssertionError(f"{error}; before: {before}; now: {usage(program)}") from None
