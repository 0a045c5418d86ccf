"""nRESET through server and gateway, as the board sees it: it is low while any session holds it, whoever else connects
or disconnects, and also before any session has connected."""

import re

import pytest
from sim_control import BY_PIN, RESETREAS, BoardMemory


@pytest.fixture
def is_low(stack, control):
    """Whether the board's nRESET is low."""
    board = control(stack)
    return lambda: board.call("state", board=0)["nreset_asserted"]


@pytest.fixture
def pin_resets(stack, control):
    """Whether the pin has reset the board since this was last asked."""
    board = control(stack)
    memory = BoardMemory(board)

    def ask():
        reasons = memory.read(RESETREAS)
        memory.write(RESETREAS, 0xFFFFFFFF)  # writing ones clears them
        return bool(reasons & BY_PIN)

    ask()
    return ask


def opened(raw, stack):
    client = raw(stack.port)
    client.call("open")
    return client


def test_a_hold_outlives_the_connections_of_others(stack, raw, is_low):
    holder, other = opened(raw, stack), opened(raw, stack)
    other.call("connect", "SWD")
    holder.call("assert_reset", True)
    assert is_low()
    other.call("disconnect")
    assert is_low()
    other.call("connect", "SWD")
    assert is_low()
    other.call("close")
    assert is_low()
    assert holder.call("is_reset_asserted") is True
    holder.call("assert_reset", False)
    assert not is_low()
    holder.call("assert_reset", True)
    assert is_low(), "the holder can hold it again"


def test_only_the_holders_last_disconnect_lets_go(stack, raw, is_low):
    client = opened(raw, stack)
    client.call("connect", "SWD")
    client.call("assert_reset", True)
    client.call("connect", "SWD")
    client.call("disconnect")
    assert is_low()
    client.call("disconnect")
    assert not is_low()


def test_a_hold_ends_with_its_session(stack, raw, is_low):
    holder, other = opened(raw, stack), opened(raw, stack)
    holder.call("assert_reset", True)
    holder.call("close")
    assert other.call("is_reset_asserted") is False
    assert not is_low()


def test_a_pulse_needs_no_connect(stack, raw, pin_resets, is_low):
    client = opened(raw, stack)
    client.call("reset")
    assert pin_resets()
    assert not is_low()


def test_a_pulse_that_is_requested_while_another_session_holds_nreset_does_nothing(stack, raw, is_low):
    holder, other = opened(raw, stack), opened(raw, stack)
    holder.call("assert_reset", True)
    other.call("reset")
    assert is_low()


@pytest.mark.parametrize("mode", ["under-reset", "pre-reset"])
def test_pyocd_resets_before_it_connects(stack, pyocd, pin_resets, mode):
    output = pyocd.run("commander", stack.uid, "--connect", mode, "-c", "read32 0x10000000 4")
    assert pin_resets()
    assert re.search(r"10000000:", output), output
