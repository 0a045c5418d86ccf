"""`probegate top`: what people see of a server that works, and scripts read of it."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import threading

import pytest
from raw_client import DPIDR
from stack import BOUND, LOOPBACK, free_port, wait_until
from terminal import Terminal

ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


@pytest.fixture
def top(stack):
    """Runs `probegate top` with these arguments, which must end by themselves."""

    def run(*arguments):
        result = stack.programs.run("probegate", "--server", stack.server_address, "top", *arguments)
        assert result.returncode == 0, result
        return result.stdout

    return run


@contextlib.contextmanager
def reading(client):
    """A client that reads a register again and again."""
    over = threading.Event()

    def read():
        while not over.is_set():
            client.status("read_dp", DPIDR)

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def terminal(bin_directory):
    opened = []

    def start(server, *arguments, columns=200):
        opened.append(Terminal([bin_directory / "probegate", "--server", server, "top", *arguments], columns))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_once_shows_what_happens(top, stack, raw):
    client = raw(stack.port).attach()
    with reading(client):
        header, row = top("--once", "--interval", "0.5").splitlines()
        (probe,) = json.loads(top("--once", "--json", "--interval", "0.5"))["probes"]
    assert header.split()[:4] == ["PROBE", "HOST", "STATE", "USERS"]
    assert row.startswith(stack.serial)
    assert probe["probe"] == stack.serial
    assert probe["state"] == "in use"
    assert probe["users"][0].endswith("@127.0.0.1:%d" % client.socket.getsockname()[1])
    assert probe["commands_per_second"] > 0
    assert probe["command_failures_per_second"] == 0
    assert probe["packets_per_second"] > 0
    assert probe["bytes_per_second"] > 0
    assert 0 < probe["wire_p50_seconds"] <= probe["wire_p99_seconds"]
    assert 0 < probe["wait_p50_seconds"] <= probe["wait_p99_seconds"]


def test_one_of_the_probes_is_named_by_a_part(top, stack):
    (probe,) = json.loads(top("--once", "--json", "--interval", "0.1", "-u", stack.serial[-6:]))["probes"]
    assert probe["probe"] == stack.serial
    assert probe["wire_p50_seconds"] is None


def test_failures_at_the_start(stack):
    def fails(server, *arguments):
        result = stack.programs.run("probegate", "--server", server, "top", *arguments)
        assert result.stdout == "" and result.stderr.startswith("probegate: "), result
        return result.returncode

    assert fails(stack.server_address, "-u", "nobody") == 4
    assert fails(f"{LOOPBACK}:{free_port()}") == 3
    assert [fails(stack.server_address, "--interval", seconds) for seconds in ("0", "nan", "3601")] == [2, 2, 2]


def test_a_terminal_is_redrawn_and_given_back(terminal, stack):
    program = terminal(stack.server_address, "--interval", "0.1", columns=60)
    wait_until(lambda: len(program.pages()) > 3, "it draws again")
    assert program.output.startswith(ENTER)
    program.type(b"\x03")
    assert program.process.wait(BOUND) == 0
    wait_until(lambda: program.output.endswith(LEAVE), "the screen is given back")
    assert program.output.count(ENTER) == program.output.count(LEAVE) == 1
    assert program.settings_now() == program.settings
    page = program.pages()[2]
    assert stack.server_address in page and stack.serial in page
    assert max(map(len, page.splitlines())) == 60


def test_sigterm_ends_it_too(terminal, stack):
    program = terminal(stack.server_address)
    wait_until(program.pages, "it draws")
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(BOUND) == 0
    wait_until(lambda: program.output.endswith(LEAVE), "the screen is given back")


def blocks(pid, number):
    """Whether the process has blocked the signal, to take it when it comes."""
    with open(f"/proc/{pid}/status") as status:
        blocked = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk"))
    return blocked >> (number - 1) & 1


def test_ctrl_c_ends_it_while_a_server_hangs(terminal, make_stack):
    stack = make_stack(start_gateway=False)
    stack.server.signal(signal.SIGSTOP)
    program = terminal(stack.server_address)
    wait_until(lambda: blocks(program.process.pid, signal.SIGINT), "it waits for the server")
    program.type(b"\x03")
    assert program.process.wait(BOUND) == 0
    stack.server.signal(signal.SIGCONT)
    assert ENTER not in program.output


def waits_to_write(pid):
    """Whether a thread of the process is in a write to standard output that blocks."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/syscall") as call:
                # Its number, and its arguments: the descriptor, and an address, which a sleep by clock 1 has not.
                fields = call.read().split()
        except (FileNotFoundError, ProcessLookupError):
            # It has ended: each question to a server has a thread of its own.
            continue
        if len(fields) > 3 and int(fields[1], 16) == 1 and int(fields[2], 16) > 4096:
            return True
    return False


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_it_ends_while_nobody_reads_a_full_pipe(stack, bin_directory, arguments):
    reading_end, writing_end = os.pipe()
    fcntl.fcntl(writing_end, fcntl.F_SETPIPE_SZ, 4096)
    try:
        with subprocess.Popen(
            [bin_directory / "probegate", "--server", stack.server_address, "top", "--interval", "0.1", *arguments],
            stdout=writing_end,
            stdin=subprocess.DEVNULL,
        ) as program:
            try:
                wait_until(lambda: waits_to_write(program.pid), "the pipe is full")
                program.send_signal(signal.SIGTERM)
                assert program.wait(BOUND) == 0
            finally:
                program.kill()
    finally:
        os.close(reading_end)
        os.close(writing_end)


def test_it_ends_while_the_terminal_is_stopped(terminal, stack):
    program = terminal(stack.server_address, "--interval", "0.1")
    wait_until(program.pages, "it draws")
    program.type(b"\x13")
    wait_until(lambda: waits_to_write(program.process.pid), "it cannot draw")
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(BOUND) == 0


def test_json_says_on_standard_error_that_the_server_went(make_stack, bin_directory, tmp_path):
    stack = make_stack(start_gateway=False)
    out, err = tmp_path / "out", tmp_path / "err"
    with (
        open(out, "wb") as stdout,
        open(err, "wb") as stderr,
        subprocess.Popen(
            [bin_directory / "probegate", "--server", stack.server_address, "--json", "top", "--interval", "0.1"],
            stdout=stdout,
            stderr=stderr,
            stdin=subprocess.DEVNULL,
        ) as program,
    ):
        try:
            wait_until(lambda: out.read_text().count("\n") > 1, "it looks")
            assert err.read_text() == ""
            stack.server.kill()
            wait_until(err.read_text, "it says that the server is gone")
            seen = out.read_text().count("\n")
            stack.start_server()
            wait_until(lambda: out.read_text().count("\n") > seen, "it finds the server again")
            program.send_signal(signal.SIGTERM)
            assert program.wait(BOUND) == 0
        finally:
            program.kill()
    said = err.read_text().splitlines()
    assert all(line.startswith("probegate: ") and line.endswith("; trying again") for line in said), said
    assert all(one != next_one for one, next_one in zip(said, said[1:])), said
    assert all(json.loads(line)["probes"] is not None for line in out.read_text().splitlines())


def test_a_server_that_goes_and_comes_back(terminal, make_stack):
    stack = make_stack(start_gateway=False)
    program = terminal(stack.server_address, "--interval", "0.1")
    wait_until(program.pages, "it draws")
    stack.server.kill()
    wait_until(lambda: any("trying again" in page for page in program.pages()), "it says that the server is gone")
    assert program.process.poll() is None
    stack.start_server()
    seen = len(program.pages())
    wait_until(
        lambda: any("trying again" not in page and stack.serial in page for page in program.pages()[seen:-1]),
        "it finds the server again",
    )
    program.type(b"\x03")
    assert program.process.wait(BOUND) == 0


def test_without_a_terminal_it_prints_one_table_after_the_other(stack, bin_directory):
    with subprocess.Popen(
        [bin_directory / "probegate", "--server", stack.server_address, "top", "--interval", "0.1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ) as program:
        tables = b""
        while tables.count(b"\n\n") < 2:
            tables += program.stdout.readline()
        assert b"\x1b" not in tables
        assert tables.count(stack.serial.encode()) == 2
        # Nobody reads any more, which is no failure.
        program.stdout.close()
        assert program.wait(BOUND) == 0
        assert program.stderr.read() == b""
