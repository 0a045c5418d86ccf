"""`probegate connect` and `probegate exec`: a gateway of one's own, with the user's identity, for the real pyOCD."""

import json
import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys

import pytest
from pyocd_client import words_printed
from raw_client import RawClient
from stack import BOUND, LOOPBACK, free_port, wait_until
from terminal import Terminal
from test_access import Lab
from test_client import token_file

OK, FAILED, USAGE, UNREACHABLE, NOT_FOUND, BUSY, AWAY, DENIED = range(8)
RAM = 0x20000000
ANOTHER_USER = 12345
PYOCD = f"{sys.executable} -m pyocd"


@pytest.fixture
def lab(make_stack, api, tmp_path):
    return Lab(make_stack, api, tmp_path)


def flags(lab, name="user"):
    token = token_file(lab.folder, name)
    return ["--server", lab.address, "--tls-ca", lab.authority.cert, "--token-file", token]


def exec_argv(lab, *words, name="user", probe=None):
    options = [*flags(lab, name), "exec", "--uid", probe or lab.first]
    return [str(word) for word in (lab.stack.programs.path("probegate"), *options, "--", *words)]


def run_exec(lab, *words, **options):
    """Runs `probegate exec` to its end; returns the result."""
    argv = exec_argv(lab, *words, **{key: options.pop(key) for key in ("name", "probe") if key in options})
    return subprocess.run(argv, capture_output=True, text=True, timeout=2 * BOUND, check=False, **options)


def connect(lab, *more, name="user"):
    """Starts `probegate connect`; returns the program and the port, once it serves the probe."""
    program = lab.stack.programs.start(
        "probegate", *flags(lab, name), "connect", "--uid", lab.first, *more, label="connect"
    )
    return program, int(program.wait_for_line(rf"--uid remote:{LOOPBACK}:(\d+)\n")[1])


def test_pyocd_through_exec(lab):
    script = f'{PYOCD} commander --no-config --uid "remote:$PROBEGATE_BOARD" -t cortex_m -c "read32 0x20000000"'
    result = run_exec(lab, "sh", "-c", script)
    assert result.returncode == OK and len(words_printed(result.stdout)) == 1, result
    assert lab.audited(event="session.opened", identity="token:user", probe=lab.first)


def test_pyocd_is_denied(lab):
    script = f'{PYOCD} commander --no-config --uid "remote:$PROBEGATE_BOARD" -t cortex_m -c "read32 0x20000000"'
    result = run_exec(lab, "sh", "-c", script, name="viewer")
    assert result.returncode != OK, result
    assert "token:viewer does not have the right `use` for" in result.stdout + result.stderr, result
    assert lab.audited(decision="denied", identity="token:viewer")


def test_the_command_that_connect_prints_works(lab):
    program, _ = connect(lab)
    command = program.wait_for_line(r"\n  pyocd (gdbserver .*)\n")[1]
    port = free_port()
    argv = [sys.executable, "-m", "pyocd", *shlex.split(command), "--no-config", "--port", str(port)]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as pyocd:
        try:
            assert next(line for line in pyocd.stderr if f"GDB server listening on port {port}" in line)
        finally:
            pyocd.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_connect_ends(lab, number):
    program, port = connect(lab)
    with RawClient(port) as client:
        client.call("open")
        program.signal(number)
        assert program.wait() == OK
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port))


def test_connect_on_a_port(lab):
    port = free_port()
    _, served = connect(lab, "--port", str(port))
    assert served == port
    other = lab.stack.programs.run("probegate", *flags(lab), "connect", "--uid", lab.first, "--port", port)
    assert other.returncode == FAILED and f"port {port}" in other.stderr and "in use" in other.stderr, other


def test_connect_for_programs(lab):
    program = lab.stack.programs.start("probegate", *flags(lab), "--json", "connect", label="json")
    line = json.loads(program.wait_for_line(r"(\{.*\})\n")[1])
    assert line["probe"] == lab.first and line["board"].startswith(f"{LOOPBACK}:")


@pytest.mark.parametrize("command", ["connect", "exec"])
def test_what_cannot_be_served(lab, command):
    words = ["--", "true"] if command == "exec" else []

    def run(*options, name="user", server=None):
        base = flags(lab, name)
        base[1] = server or base[1]
        return lab.stack.programs.run("probegate", *base, command, *options, *words)

    result = run(server=f"{LOOPBACK}:{free_port()}")
    assert result.returncode == UNREACHABLE and "no probegate-server answers" in result.stderr, result
    result = run("--uid", "nonsense")
    assert result.returncode == NOT_FOUND and 'no probe matches "nonsense"' in result.stderr, result
    result = run(name="kicker")
    assert result.returncode == NOT_FOUND and "there are several probes" in result.stderr, result
    result = run(name="nobody")
    assert result.returncode == DENIED and "token:nobody does not have the right" in result.stderr, result
    assert lab.second not in result.stderr


def test_the_environment_and_the_exit_code(lab):
    result = run_exec(lab, "sh", "-c", 'echo "$PROBEGATE_BOARD $PROBEGATE_PROBE"; exit 42')
    assert result.returncode == 42, result
    assert re.fullmatch(rf"{LOOPBACK}:\d+ {lab.first}\n", result.stdout)
    assert result.stderr == ""


def test_words_arrive_unchanged(lab):
    words = ["[a,b]", "", "--uid", "x y", "--", "$HOME", "list"]
    result = run_exec(lab, sys.executable, "-c", "import sys, json; print(json.dumps(sys.argv[1:]))", *words)
    assert json.loads(result.stdout) == words, result


def test_standard_input_and_output_are_the_commands(lab):
    data = bytes(range(256)) * 1000
    result = subprocess.run(exec_argv(lab, "cat"), input=data, capture_output=True, timeout=BOUND, check=True)
    assert result.stdout == data


def test_commands_that_cannot_be_run(lab, tmp_path):
    result = run_exec(lab, "no-such-command")
    assert result.returncode == 127 and "cannot run no-such-command" in result.stderr, result
    result = run_exec(lab, tmp_path)
    assert result.returncode == 126 and "Permission denied" in result.stderr, result
    result = lab.stack.programs.run("probegate", *flags(lab), "exec", "--uid", lab.first, "true")
    assert result.returncode == USAGE and "write -- before the command" in result.stderr, result


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_signal_that_ends_the_command(lab, number):
    assert run_exec(lab, "sh", "-c", f"kill -{int(number)} $$").returncode == 128 + number


class Running:
    """`probegate exec` with a command that prints READY, and then the signals that it gets; USR2 ends it."""

    SCRIPT = """
import signal, sys, time
def show(number, _):
    print(signal.Signals(number).name, flush=True)
    if number == signal.SIGUSR2:
        sys.exit(7)
for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"):
    signal.signal(getattr(signal, name), show)
print("READY", flush=True)
while True:
    signal.pause()
"""

    @classmethod
    def argv(cls, lab):
        return exec_argv(lab, sys.executable, "-c", cls.SCRIPT)


def test_signals_are_passed_on(lab):
    with subprocess.Popen(Running.argv(lab), stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout.readline() == "READY\n"
        for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1"):
            program.send_signal(getattr(signal, name))
            assert program.stdout.readline() == f"{name}\n"
        program.send_signal(signal.SIGUSR2)
        assert program.stdout.readline() == "SIGUSR2\n"
        assert program.wait(BOUND) == 7


def test_ctrl_c_arrives_once(lab):
    """The terminal sends it to the command, too, so it is not passed on. The gateway does not get it."""
    terminal = Terminal(Running.argv(lab), columns=80)
    try:
        wait_until(lambda: b"READY" in terminal.output, "the command runs")
        terminal.type(b"\x03")
        wait_until(lambda: b"SIGINT" in terminal.output, "the command gets SIGINT")
        terminal.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: b"SIGUSR1" in terminal.output, "the command still runs")
        assert terminal.output.count(b"SIGINT") == 1
        terminal.process.send_signal(signal.SIGUSR2)
        assert terminal.process.wait(BOUND) == 7
    finally:
        terminal.close()


def children_of(program):
    return pathlib.Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text(encoding="ascii").split()


def gateway_of(program):
    """The process ID of the gateway that `probegate` has started."""

    def look():
        for pid in children_of(program):
            if "probegate-gateway" in os.readlink(f"/proc/{pid}/exe"):
                return int(pid)
        return None

    return wait_until(look, "a gateway runs")


def test_the_command_ends_with_its_gateway(lab):
    with subprocess.Popen(
        exec_argv(lab, "sleep", "1000"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    ) as program:
        gateway = gateway_of(program)
        wait_until(lambda: len(children_of(program)) == 2, "the command runs")
        os.kill(gateway, signal.SIGKILL)
        assert program.wait(BOUND) == 125
        assert "the gateway ended, so the command was ended: it ended with exit code 137" in program.stderr.read()


def test_connect_ends_although_its_gateway_hangs(lab):
    program, _ = connect(lab)
    gateway = gateway_of(program)
    os.kill(gateway, signal.SIGSTOP)
    program.signal(signal.SIGTERM)
    assert program.wait() == OK
    assert not os.path.exists(f"/proc/{gateway}")


def test_no_gateway_is_left(lab):
    with subprocess.Popen(exec_argv(lab, "cat"), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as program:
        gateway = gateway_of(program)
        program.kill()
        program.wait(BOUND)
        wait_until(lambda: not os.path.exists(f"/proc/{gateway}"), "the gateway has ended")


CONNECT = f"""
import socket, sys
try:
    client = socket.create_connection(("{LOOPBACK}", int(sys.argv[1])), timeout={BOUND})
    client.sendall(b'{{"id": 0, "request": "hello", "arguments": [1]}}\\n')
    print(len(client.recv(1000)))
except ConnectionError:
    print("reset")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_other_users_are_refused(lab):
    program, port = connect(lab)

    def as_user(user):
        return subprocess.run(
            [sys.executable, "-c", CONNECT, str(port)],
            user=user,
            capture_output=True,
            text=True,
            timeout=BOUND,
            check=True,
        ).stdout.strip()

    assert int(as_user(os.geteuid())) > 0
    assert as_user(ANOTHER_USER) == "reset"
    program.wait_for_line(
        rf"only programs of uid 0 may connect \(--own-user-only\), and this one is of uid {ANOTHER_USER}"
    )
    assert int(as_user(os.geteuid())) > 0
