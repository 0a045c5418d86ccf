"""The `probegate` command: its output for people and scripts, and its exit codes."""

import json
import resource

import pytest
from raw_client import DISCONNECTED, DPIDR, FAULTING, RAM
from stack import LOOPBACK, free_port, wait_until

# Exit codes, as `probegate --help` lists them.
OK, FAILED, USAGE, UNREACHABLE, NOT_FOUND, BUSY, AWAY = range(7)


@pytest.fixture
def cli(stack):
    def run(*arguments, code=OK):
        result = stack.programs.run("probegate", "--server", stack.server_address, *arguments)
        assert result.returncode == code, result
        return result.stdout if code == OK else result.stderr

    return run


def test_list(cli, stack, raw):
    assert stack.serial in cli("list")
    (probe,) = json.loads(cli("list", "--json"))["probes"]
    assert probe["status"]["description"]["unique_id"] == stack.serial
    assert probe["status"]["state"] == "PROBE_STATE_IDLE"
    client = raw(stack.port).attach()
    (probe,) = json.loads(cli("list", "--json"))["probes"]
    assert probe["status"]["state"] == "PROBE_STATE_IN_USE"
    assert "127.0.0.1:%d" % client.socket.getsockname()[1] in cli("list")


def test_list_with_ports(cli, stack):
    assert str(stack.port) in cli("list", "--gateway", f"{LOOPBACK}:{stack.port}")


def test_sessions(cli, stack, raw):
    client = raw(stack.port).attach()
    address = "127.0.0.1:%d" % client.socket.getsockname()[1]
    assert address in cli("sessions")
    (session,) = json.loads(cli("sessions", "--json"))["sessions"]
    assert session["client"]["peer_address"] == address
    assert session["probe"] == stack.serial


@pytest.mark.parametrize(
    "text, hertz", [("400k", 400_000), ("2M", 2_000_000), ("1.5mhz", 1_500_000), ("123456", 123_456)]
)
def test_clock(cli, stack, control, text, hertz):
    cli("read", "--clock", text, hex(RAM))
    assert control(stack).call("state", board=0)["clock_hz"] == hertz
    cli("write", hex(RAM), "1", "--clock", text)
    assert control(stack).call("state", board=0)["clock_hz"] == hertz
    cli("read", hex(RAM))
    assert control(stack).call("state", board=0)["clock_hz"] == 1_000_000


def test_another_sessions_clock_is_reported(cli, stack, raw):
    client = raw(stack.port)
    client.call("open")
    client.call("set_clock", 100_000)
    result = stack.programs.run("probegate", "--server", stack.server_address, "read", "--clock", "2M", hex(RAM))
    assert result.returncode == OK
    assert "the clock is 100000 Hz instead of 2000000 Hz" in result.stderr


@pytest.mark.parametrize("text", ["fast", "0", "5G", "-1", ""])
def test_a_clock_must_be_a_frequency(cli, text):
    assert "--clock" in cli("read", f"--clock={text}", hex(RAM), code=USAGE)


def test_kick(cli, stack, raw):
    client = raw(stack.port).attach()
    (session,) = json.loads(cli("sessions", "--json"))["sessions"]
    cli("kick", session["session"])
    wait_until(lambda: client.status("read_dp", DPIDR) == DISCONNECTED, "the client gets status DISCONNECTED")
    assert session["session"] in cli("kick", session["session"], code=NOT_FOUND)


def test_write_and_read(cli, stack, raw):
    cli("write", hex(RAM), "0x11223344", "0x55667788")
    client = raw(stack.port).attach()
    assert client.read_words(RAM, 2) == [0x11223344, 0x55667788]
    output = cli("read", hex(RAM), "2").lower()
    assert "11223344" in output and "55667788" in output


def test_fault_message_has_the_address(cli):
    message = cli("read", hex(FAULTING), "1", code=FAILED)
    assert f"{FAULTING:#010x}" in message.lower()
    assert len(message.strip().splitlines()) == 1


def test_unknown_probe(cli):
    assert "nobody" in cli("read", "--uid", "nobody", hex(RAM), "1", code=NOT_FOUND)


def test_usage(cli):
    cli("read", code=USAGE)
    cli("no-such", code=USAGE)


def test_server_unreachable(stack):
    port = free_port()
    result = stack.programs.run("probegate", "--server", f"{LOOPBACK}:{port}", "list")
    assert result.returncode == UNREACHABLE, result
    assert f"{LOOPBACK}:{port}" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_sessions_of_a_probe(cli, stack, raw):
    raw(stack.port).attach()
    assert stack.serial in cli("sessions", "--uid", stack.serial[2:].lower())
    assert "nobody" in cli("sessions", "--uid", "nobody", code=NOT_FOUND)


def test_busy_names_the_holder(make_stack, raw):
    """A command that waits for a lock names its holder, and gives up after --timeout."""
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
    holder = raw(stack.port).attach()
    holder.take_lock()
    result = stack.programs.run("probegate", "--server", stack.server_address, "read", "--timeout", 4, hex(RAM))
    assert result.returncode == BUSY, result
    waiting, gave_up = result.stderr.splitlines()
    address = "127.0.0.1:%d" % holder.socket.getsockname()[1]
    assert "waiting" in waiting and address in waiting
    assert "4 s" in gave_up and address in gave_up


def test_sessions_name_holder_and_waiter(make_stack, raw):
    """The list of sessions shows which one holds the lock and which one waits for it."""
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 3600])
    holder, waiting = raw(stack.port).attach(), raw(stack.port).attach()
    holder.take_lock()
    waiting.send("read_dp", DPIDR)

    def sessions():
        output = stack.programs.run("probegate", "--server", stack.server_address, "sessions", "--json").stdout
        return {s["client"]["peer_address"]: s for s in json.loads(output)["sessions"]}

    wait_until(lambda: any(s["waits_for_lock"] for s in sessions().values()), "one session waits for the lock")
    by_address = sessions()
    assert by_address["127.0.0.1:%d" % holder.socket.getsockname()[1]]["holds_lock"]
    assert by_address["127.0.0.1:%d" % waiting.socket.getsockname()[1]]["waits_for_lock"]


def test_write_error_on_standard_output_is_a_failure(stack):
    with open("/dev/full", "w") as full:
        result = stack.programs.run("probegate", "--server", stack.server_address, "list", stdout=full)
    assert result.returncode == FAILED
    assert "standard output" in result.stderr


@pytest.mark.parametrize("command", [["top", "--once"], ["debug", "-u", "1", "--elf", "a.elf"]])
def test_fails_cleanly_if_no_thread_can_be_created(programs, command):
    def have_no_threads():
        """Makes the stack of each new thread larger than the address space, so that no thread can be created."""
        resource.setrlimit(resource.RLIMIT_STACK, (1 << 60, resource.getrlimit(resource.RLIMIT_STACK)[1]))

    result = programs.run("probegate", "--server", f"{LOOPBACK}:{free_port()}", *command, preexec_fn=have_no_threads)
    assert (result.returncode, result.stdout) == (FAILED, "")
    assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith("probegate: ")
