"""The units of systemd let the programs do what they do: all their system calls, while a real pyOCD flashes a board through them, are
among those that the units allow."""

import os
import pathlib
import re
import subprocess

import pytest
from debug_client import Debugd, DebugSession
from metrics import scrape
from stack import Stack

UNITS = pathlib.Path(__file__).parents[2] / "deploy" / "systemd"
FIRMWARE = pathlib.Path(os.environ.get("PROBEGATE_BUILD", UNITS.parents[1] / "build/dev")) / "firmware" / "firmware.elf"
PROGRAMS = {"server": "probegate-server", "gateway": "probegate-gateway", "debugd": "probegate-debugd"}


def settings(program, key):
    text = (UNITS / f"{program}.service.in").read_text()
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def system_calls():
    """The names in each of systemd's sets, sets in sets resolved."""
    text = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager"], stdout=subprocess.PIPE, text=True, check=True
    ).stdout
    sets = {}
    for line in text.splitlines():
        if line.startswith("@"):
            sets[line.strip()] = members = set()
        elif line.strip() and not line.strip().startswith("#"):
            members.add(line.strip())

    def resolve(name):
        return set().union(*(resolve(member) if member.startswith("@") else {member} for member in sets[name]))

    return {name: resolve(name) for name in sets}


def allowed(program, sets):
    """As systemd.exec(5) says: the first list allows, those behind ~ take away; @default is always allowed."""
    calls = set()
    for words in settings(program, "SystemCallFilter"):
        names = set().union(
            *(sets[word] if word.startswith("@") else {word} for word in words.removeprefix("~").split())
        )
        calls = calls - names if words.startswith("~") else calls | names
    return calls | sets["@default"]


@pytest.fixture
def traced(programs, tmp_path):
    """A stack whose server and gateway are traced, and a debugd that will be; gives what they did, when all has ended."""
    real = programs.bin
    programs.bin = tmp_path / "bin"
    programs.bin.mkdir()
    for name in ("probegate", "probegate-sim"):
        (programs.bin / name).symlink_to(real / name)
    traces = {program: tmp_path / f"{program}.trace" for program in PROGRAMS.values()}
    for program, trace in traces.items():
        # The tracer is the child, so that signals reach the program.
        script = programs.bin / program
        script.write_text(f'#!/bin/sh\nexec strace -D -f -qq -e signal=none -o "{trace}" "{real / program}" "$@"\n')
        script.chmod(0o755)
    return Stack(programs, sim_flags=["--flash-speed", 1000]), traces


def test_units_allow_what_programs_do(traced, pyocd, api):
    stack, traces = traced
    pyocd.run("flash", stack.uid, "--target", "nrf52840", FIRMWARE)
    debugd = Debugd(stack)
    for program in (stack.server, stack.gateway, debugd.program):
        assert scrape(program.metrics_url()).value("process_start_time_seconds") > 0
    # Its tools, too, run as what the unit allows, though they are confined further.
    session = DebugSession(api, debugd)
    session.wait_for(r"\(gdb\) ")
    assert "load size" in session.command("load") and "0x" in session.command("info registers pc")
    session.write("quit\n")
    session.wait_end()
    debugd.program.stop()
    stack.gateway.stop()
    stack.server.stop()
    writes = {
        "probegate-server": [],
        "probegate-gateway": [stack.state],
        "probegate-debugd": [stack.programs.directory],
    }
    sets = system_calls()
    for program, trace in traces.items():
        text = trace.read_text()
        used = set(re.findall(r"^\d+ +(\w+)\((?!.*= -1 EPERM)", text, re.MULTILINE))
        assert len(used) > 30 and used - allowed(program, sets) == set()
        families = set(re.findall(r"\bsocket\((AF_\w+)", text))
        assert families and families <= set(settings(program, "RestrictAddressFamilies")[0].split())
        # MemoryDenyWriteExecute, ProtectSystem: what is written is the gateway's state, and debugd's folder.
        assert not re.search(r"PROT_WRITE\|PROT_EXEC", text)
        written = set(re.findall(r'open\w*\([^"]*"([^"]+)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)[^)]*\) = \d', text)) - {
            "/dev/null"
        }
        assert [
            path for path in written if not any(pathlib.Path(path).is_relative_to(folder) for folder in writes[program])
        ] == []


def test_a_call_that_is_not_allowed_would_be_seen():
    sets = system_calls()
    assert {"openat", "epoll_wait", "exit_group"} <= allowed("probegate-server", sets)
    assert not {"reboot", "mount", "chown", "setuid"} & allowed("probegate-server", sets)
