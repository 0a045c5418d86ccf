"""The systemd units allow all system calls that the programs make while a real pyOCD flashes a
board through them and a debugging session runs."""

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


# Linux's names of namespaces, and systemd's.
NAMESPACES = {"USER": "user", "NET": "net", "NS": "mnt", "PID": "pid", "IPC": "ipc"}


def settings(program, key):
    text = (UNITS / f"{program}.service.in").read_text()
    return re.findall(rf"^{key}=(.*)$", text, re.MULTILINE)


def system_calls():
    """The system calls in each of systemd's sets, with nested sets resolved."""
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
    """The system calls that a unit allows. See systemd.exec(5): lists add calls, lists that begin with ~ remove calls,
    and @default is always allowed."""
    calls = set()
    for words in settings(program, "SystemCallFilter"):
        names = set().union(
            *(sets[word] if word.startswith("@") else {word} for word in words.removeprefix("~").split())
        )
        calls = calls - names if words.startswith("~") else calls | names
    return calls | sets["@default"]


@pytest.fixture
def traced(programs, tmp_path):
    """A stack whose programs run under strace, as does a debugd that is started later; and the paths of the traces,
    which are complete when the programs have ended."""
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
    # The unit's limits also apply to the tools that debugd starts.
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
        kinds = set(
            re.findall(r"CLONE_NEW(\w+)", "".join(re.findall(r"^\d+ +(?:unshare|setns)\(.*", text, re.MULTILINE)))
        )
        # The value `yes` means that none are allowed.
        assert {NAMESPACES[kind] for kind in kinds} <= set(settings(program, "RestrictNamespaces")[0].split())
        # MemoryDenyWriteExecute and ProtectSystem: only the gateway's state and debugd's folder may be written.
        assert not re.search(r"PROT_WRITE\|PROT_EXEC", text)
        written = set(re.findall(r'open\w*\([^"]*"([^"]+)", [^)]*(?:O_WRONLY|O_RDWR|O_CREAT)[^)]*\) = \d', text)) - {
            "/dev/null",
            # How a user namespace is set up. ProtectKernelTunables leaves these writable.
            "/proc/self/setgroups",
            "/proc/self/uid_map",
            "/proc/self/gid_map",
        }
        assert [
            path for path in written if not any(pathlib.Path(path).is_relative_to(folder) for folder in writes[program])
        ] == []


def test_allowed_calls_are_parsed_correctly():
    sets = system_calls()
    assert {"openat", "epoll_wait", "exit_group"} <= allowed("probegate-server", sets)
    assert not {"reboot", "mount", "chown", "setuid"} & allowed("probegate-server", sets)
