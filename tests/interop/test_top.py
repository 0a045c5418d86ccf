"""`probegate top`: its display for people, and its JSON for scripts."""

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
    """Runs `probegate top` with arguments with which it ends by itself; returns its output."""

    def run(*arguments):
        result = stack.programs.run("probegate", "--server", stack.server_address, "top", *arguments)
        assert result.returncode == 0, result
        return result.stdout

    return run


@contextlib.contextmanager
def reading(client):
    """Lets a client read a register repeatedly, in a thread."""
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


def test_once_shows_activity(top, stack, raw):
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


def test_a_partial_id_selects_a_probe(top, stack):
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


def test_a_terminal_is_redrawn_and_restored(terminal, stack):
    program = terminal(stack.server_address, "--interval", "0.1", columns=60)
    wait_until(lambda: len(program.pages()) > 3, "it redraws the page")
    assert program.output.startswith(ENTER)
    program.type(b"\x03")
    assert program.process.wait(BOUND) == 0
    wait_until(lambda: program.output.endswith(LEAVE), "the screen is restored")
    assert program.output.count(ENTER) == program.output.count(LEAVE) == 1
    assert program.settings_now() == program.settings
    page = program.pages()[2]
    assert stack.server_address in page and stack.serial in page
    assert max(map(len, page.splitlines())) == 60


def test_sigterm_ends_it_too(terminal, stack):
    program = terminal(stack.server_address)
    wait_until(program.pages, "it draws a page")
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(BOUND) == 0
    wait_until(lambda: program.output.endswith(LEAVE), "the screen is restored")


def blocks(pid, number):
    """Whether the process has blocked the signal, in order to wait for it."""
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
    """Whether a thread of the process is blocked in a write to standard output."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{thread}/syscall") as call:
                # The number of the system call and its arguments: the file descriptor and the buffer's address. The
                # address distinguishes a write to 1 from clock_nanosleep with clock 1, whose second argument is small.
                fields = call.read().split()
        except (FileNotFoundError, ProcessLookupError):
            # The thread has ended: each query of a server runs in a new thread.
            continue
        if len(fields) > 3 and int(fields[1], 16) == 1 and int(fields[2], 16) > 4096:
            return True
    return False


@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_sigterm_ends_it_while_its_pipe_is_full(stack, bin_directory, arguments):
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


def test_sigterm_ends_it_while_the_terminal_is_stopped(terminal, stack):
    program = terminal(stack.server_address, "--interval", "0.1")
    wait_until(program.pages, "it draws a page")
    program.type(b"\x13")
    wait_until(lambda: waits_to_write(program.process.pid), "its output is blocked")
    program.process.send_signal(signal.SIGTERM)
    assert program.process.wait(BOUND) == 0


def test_json_reports_a_lost_server_on_standard_error(make_stack, bin_directory, tmp_path):
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
            wait_until(lambda: out.read_text().count("\n") > 1, "it has printed two lines")
            assert err.read_text() == ""
            stack.server.kill()
            wait_until(err.read_text, "it reports that the server is gone")
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


def test_a_server_that_is_killed_and_restarted(terminal, make_stack):
    stack = make_stack(start_gateway=False)
    program = terminal(stack.server_address, "--interval", "0.1")
    wait_until(program.pages, "it draws a page")
    stack.server.kill()
    wait_until(lambda: any("trying again" in page for page in program.pages()), "it reports that the server is gone")
    assert program.process.poll() is None
    stack.start_server()
    seen = len(program.pages())
    wait_until(
        lambda: any("trying again" not in page and stack.serial in page for page in program.pages()[seen:-1]),
        "it finds the server again",
    )
    program.type(b"\x03")
    assert program.process.wait(BOUND) == 0


def test_without_a_terminal_it_prints_tables(stack, bin_directory):
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
        # A closed pipe is not an error.
        program.stdout.close()
        assert program.wait(BOUND) == 0
        assert program.stderr.read() == b""
