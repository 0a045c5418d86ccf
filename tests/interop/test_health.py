"""probegate-health reports whether a program is healthy, with an exit code for health checks."""

import contextlib
import json
import signal
import socket
import threading

import pytest
from stack import LOOPBACK, free_port


def ask(programs, *flags):
    done = programs.run("probegate-health", *flags)
    return done.returncode, (done.stdout + done.stderr).strip()


def http_of(program):
    return program.metrics_url().removeprefix("http://").removesuffix("/metrics")


@contextlib.contextmanager
def answers(reply):
    """Runs a server that sends this reply to one client, whatever the request; yields its address."""

    def serve():
        with contextlib.suppress(OSError):  # the client may disconnect before it has read everything
            client, _ = listener.accept()
            with client:
                client.recv(1024)
                client.sendall(reply)

    with socket.create_server((LOOPBACK, 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"{LOOPBACK}:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)  # ends accept() if no client connected
            thread.join()


def test_healthy_programs(stack, programs):
    for program in (stack.server, stack.gateway):
        assert ask(programs, "--http", http_of(program)) == (0, "ready")
        assert ask(programs, "--http", http_of(program), "--path", "/healthz")[0] == 0
        assert ask(programs, "--http", http_of(program), "--path", "/nothing")[0] == 1
    code, said = ask(programs, "--sim", f"{LOOPBACK}:{stack.control_port}")
    assert code == 0 and stack.serial in said


def test_gateway_without_a_server_is_unhealthy(programs):
    gateway = programs.start(
        "probegate-gateway",
        "--server",
        f"{LOOPBACK}:{free_port()}",
        "--metrics-listen",
        f"{LOOPBACK}:0",
        "--state",
        programs.directory / "state",
        "--port",
        free_port(),
    )
    code, said = ask(programs, "--http", http_of(gateway))
    assert code == 1 and "server" in said
    assert ask(programs, "--http", http_of(gateway), "--path", "/healthz")[0] == 0


def test_connection_refused(programs):
    port = free_port()
    for flag in ("--http", "--sim"):
        assert ask(programs, flag, f"{LOOPBACK}:{port}") == (1, f"{LOOPBACK}:{port}: Connection refused")


def test_a_program_that_hangs(make_stack, programs):
    stack = make_stack(start_gateway=False)
    stack.sim.signal(signal.SIGSTOP)
    stack.server.signal(signal.SIGSTOP)
    try:
        for flags in (["--sim", f"{LOOPBACK}:{stack.control_port}"], ["--http", http_of(stack.server)]):
            assert ask(programs, *flags, "--timeout", 1) == (1, f"{flags[1]}: Connection timed out")
    finally:
        stack.sim.signal(signal.SIGCONT)
        stack.server.signal(signal.SIGCONT)


def test_wrong_protocol(stack, programs):
    """The control port does not speak HTTP, and the metrics port does not speak the control protocol."""
    assert ask(programs, "--http", f"{LOOPBACK}:{stack.control_port}", "--timeout", 1)[0] == 1
    assert ask(programs, "--sim", http_of(stack.server), "--timeout", 1)[0] == 1


def test_a_thousand_boards(programs):
    """A fake control port lists a thousand boards, because a thousand simulated boards would need too much memory."""
    boards = [
        {
            "board": board,
            "client": False,
            "host": LOOPBACK,
            "plugged": True,
            "port": 4441 + board,
            "serial": f"{board:032}",
        }
        for board in range(1000)
    ]
    line = json.dumps({"boards": boards, "ok": True}, separators=(",", ":")).encode() + b"\n"
    with answers(line) as address:
        code, said = ask(programs, "--sim", address)
    assert code == 0 and said.startswith('{"boards":[{"board":0,')
    with answers(line[:-2]) as address:
        assert ask(programs, "--sim", address)[0] == 1


@pytest.mark.parametrize(
    "reply", [b"HTTP/1.1 200", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n"]
)
def test_an_incomplete_answer(programs, reply):
    with answers(reply) as address:
        assert ask(programs, "--http", address) == (1, f"{address}: the answer is incomplete")


def test_output_is_one_short_printable_line(programs):
    head = b"HTTP/1.1 503 No\r\n\r\n"
    with answers(head + b"\x1b[2Ja board\r\na \xffserver\n\n") as address:
        assert ask(programs, "--http", address) == (1, r"\x1b[2Ja board; a \xffserver")
    for flag, reply in (("--http", head + b"\x1b[2Jz\n" * 10000), ("--sim", b"\x00" * 10000 + b"\n")):
        with answers(reply) as address:
            code, said = ask(programs, flag, address)
        assert code == 1 and said.isprintable() and said.endswith("...") and len(said) < 1100


def test_wrong_arguments(programs):
    for flags in (
        [],
        ["--http", "nowhere"],
        ["--http", f"{LOOPBACK}:0"],
        ["--path", "/readyz"],
        ["--sim", f"{LOOPBACK}:1", "--timeout", 0],
        ["--http", f"{LOOPBACK}:1", "--path", "/a b"],
        ["--http", f"{LOOPBACK}:1", "--sim", f"{LOOPBACK}:1"],
    ):
        code, said = ask(programs, *flags)
        assert code == 1 and "probegate-health --help" in said, (flags, said)
