"""Checks the configuration files in deploy/: whether their program knows the options, and starts with them."""

import re

from stack import LOOPBACK, SERVER_LISTENS, free_port

FLAG = re.compile(r"--[a-z][a-z0-9-]*")


def flags_of(programs, program):
    """The long flags in a program's --help."""
    return set(FLAG.findall(programs.run(program, "--help").stdout))


def start_with(programs, program, path):
    """Starts a program (such as "server") with a configuration file, on free ports and without USB."""
    flags = {
        "server": ["--listen", f"{LOOPBACK}:0", "--no-usb"],
        "gateway": ["--server", f"{LOOPBACK}:{free_port()}", "--state", programs.directory / "state"],
        "debugd": ["--listen", f"{LOOPBACK}:0", "--work-dir", programs.directory],
    }[program]
    started = programs.start(f"probegate-{program}", "--config", path, "--metrics-listen", f"{LOOPBACK}:0", *flags)
    started.wait_for_line(r"Metrics on http" if program == "gateway" else SERVER_LISTENS)
