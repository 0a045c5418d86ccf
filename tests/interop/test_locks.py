"""The lock's rules over the wire: it is exclusive, first come first served, released when its holder ends, and broken
if another session waits too long."""

import datetime
import json
import os
import select
import subprocess
import sys

import pytest
from raw_client import DPIDR, GENERAL, RAM
from stack import wait_until

HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
from raw_client import RawClient
client = RawClient(int(sys.argv[2])).attach()
client.take_lock()
print("locked", flush=True)
sys.stdin.read()
"""
NEVER_BROKEN = ["--lock-idle", 3600, "--lock-max", 3600]


@pytest.fixture
def attached(raw):
    """Attaches the given number of clients to a stack."""
    return lambda stack, count: [raw(stack.port).attach() for _ in range(count)]


def has_answer(client):
    return bool(select.select([client.socket], [], [], 0)[0])


def sessions(stack):
    """The server's list of sessions, by their clients' ports."""
    output = stack.programs.run("probegate", "--server", stack.server_address, "sessions", "--json").stdout
    return {int(s["client"]["peer_address"].rsplit(":", 1)[1]): s for s in json.loads(output)["sessions"]}


def sessions_waiting(stack):
    """How many sessions wait for the lock."""
    return sum(s["waits_for_lock"] for s in sessions(stack).values())


def silent_for(session):
    """Seconds since the session's last command."""
    last = datetime.datetime.fromisoformat(session["last_command_at"])
    return (datetime.datetime.now(datetime.UTC) - last).total_seconds()


def test_others_wait_first_come_first_served(make_stack, attached):
    stack = make_stack(server_flags=NEVER_BROKEN)
    holder, second, third = attached(stack, 3)
    holder.take_lock()
    second.call("lock")
    due_second = second.send("flush")
    wait_until(lambda: sessions_waiting(stack) == 1, "the second client waits")
    third.call("lock")
    due_third = third.send("flush")
    wait_until(lambda: sessions_waiting(stack) == 2, "the third client waits")
    assert not has_answer(second) and not has_answer(third)
    holder.call("unlock")
    second.result("flush", due_second)
    assert not has_answer(third)
    second.call("unlock")
    third.result("flush", due_third)


def test_without_posting_lock_is_answered_when_it_is_taken(make_stack, attached):
    stack = make_stack(server_flags=NEVER_BROKEN, gateway_flags=["--posting", "off"])
    holder, other = attached(stack, 2)
    holder.call("lock")
    due = other.send("lock")
    wait_until(lambda: sessions_waiting(stack) == 1, "the other client waits")
    assert not has_answer(other)
    holder.call("unlock")
    other.result("lock", due)


def test_requests_that_do_not_use_the_wire_do_not_wait(make_stack, attached, raw):
    stack = make_stack(server_flags=NEVER_BROKEN)
    holder, other = attached(stack, 2)
    holder.take_lock()
    assert other.call("readprop", "is_open") is True
    assert other.call("readprop", "wire_protocol") == "SWD"
    assert other.call("has_swo") is True
    newcomer = raw(stack.port)
    assert newcomer.status("hello", 1) == 0
    assert newcomer.call("readprop", "unique_id") == stack.serial


def test_nested_locks_are_counted(make_stack, attached):
    stack = make_stack(server_flags=NEVER_BROKEN)
    holder, other = attached(stack, 2)
    holder.call("lock")
    holder.take_lock()
    holder.call("unlock")
    holder.call("flush")
    due = other.send("read_dp", DPIDR)
    wait_until(lambda: sessions_waiting(stack) == 1, "the other client waits")
    holder.call("unlock")
    other.result("read_dp", due)


def test_unlock_without_lock(make_stack, attached):
    (client,) = attached(make_stack(), 1)
    assert client.status("unlock") == GENERAL
    assert client.status("read_dp", DPIDR) == 0


@pytest.mark.parametrize("end", ["close", "abort"])
def test_released_when_the_connection_ends(make_stack, attached, end):
    stack = make_stack(server_flags=NEVER_BROKEN)
    holder, other = attached(stack, 2)
    holder.take_lock()
    due = other.send("read_dp", DPIDR)
    wait_until(lambda: sessions_waiting(stack) == 1, "the other client waits")
    getattr(holder, end)()
    other.result("read_dp", due)


def test_released_when_the_holder_is_killed(make_stack, attached):
    """After SIGKILL the kernel closes the connection at once, and the next session gets the lock. This takes less than
    a second, but perhaps not on a loaded machine; the bound here is still far below the 60 s of --lock-idle."""
    stack = make_stack(server_flags=["--lock-idle", 60, "--lock-max", 3600])
    (other,) = attached(stack, 1)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, os.path.dirname(__file__), str(stack.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "locked\n"
        due = other.send("read_dp", DPIDR)
        wait_until(lambda: sessions_waiting(stack) == 1, "the other client waits")
        assert not has_answer(other)
        other.socket.settimeout(5)
        holder.kill()
        other.result("read_dp", due)


def test_broken_when_its_holder_is_idle(make_stack, attached):
    stack = make_stack(server_flags=["--lock-idle", 1, "--lock-max", 3600])
    holder, other = attached(stack, 2)
    holder.write_word(RAM, 0x51137)
    holder.take_lock()
    other.call("read_dp", DPIDR)
    # The holder's session continues: its unlock succeeds as if nothing had happened, and so do its commands.
    holder.call("unlock")
    assert holder.read_word(RAM) == 0x51137
    assert holder.status("unlock") == GENERAL


def test_broken_when_held_too_long(make_stack, attached):
    stack = make_stack(server_flags=["--lock-idle", 3600, "--lock-max", 1])
    holder, other = attached(stack, 2)
    holder.take_lock()
    due = other.send("read_dp", DPIDR)

    def answered():
        holder.call("read_dp", DPIDR)  # the holder is far from silent
        return has_answer(other)

    wait_until(answered, "the lock is broken")
    other.result("read_dp", due)


def test_not_broken_while_no_session_waits(make_stack, attached):
    stack = make_stack(server_flags=["--lock-idle", 1, "--lock-max", 1])
    holder, other = attached(stack, 2)
    holder.take_lock()
    port = holder.socket.getsockname()[1]

    def idle_longer_than_both_limits():
        session = sessions(stack)[port]
        assert session["holds_lock"], session
        return silent_for(session) > 2

    wait_until(idle_longer_than_both_limits, "the holder has been idle for longer than both limits")
    due = other.send("read_dp", DPIDR)
    other.result("read_dp", due)
    assert not sessions(stack)[port]["holds_lock"]
    holder.call("unlock")


def test_connects_and_opens_are_released(make_stack, attached, control):
    stack = make_stack()
    clients = attached(stack, 3)
    sim = control(stack)
    assert sim.is_connected(0)
    clients[0].abort()
    clients[1].close()
    assert clients[2].call("read_dp", DPIDR) == 0x2BA01477
    clients[2].abort()
    wait_until(lambda: not sim.is_connected(0), "the probe is released")
