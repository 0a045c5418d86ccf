"""Locks and writes that are answered before they are done: order, failures, and that nothing is lost."""

import pytest
from pyocd_client import PyocdError
from raw_client import CSW, CSW_BYTES, DPIDR, DRW, FAULT, FAULTING, GENERAL, PROBE_ERROR, RAM, TAR, RemoteError
from stack import wait_until


@pytest.fixture
def client(stack, raw):
    return raw(stack.port).attach()


def test_what_is_written_is_there_for_whoever_reads_next(stack, client, raw):
    client.call("lock")
    for word in range(100):
        client.write_word(RAM + 4 * word, word)
    client.call("unlock")
    client.call("flush")
    assert raw(stack.port).attach().read_words(RAM, 100) == list(range(100))


def test_a_failure_is_told_by_the_next_answer_and_nothing_ran_in_between(client):
    client.write_word(RAM, 1)
    client.write_word(FAULTING, 0)
    client.write_word(RAM, 2)
    with pytest.raises(RemoteError, match="an earlier write_ap 0xc, which was posted, failed") as told:
        client.call("read_ap", DRW)
    assert told.value.status == FAULT
    assert client.read_word(RAM) == 1


def test_flush_asks_for_failures(client):
    client.write_word(FAULTING, 0)
    assert client.status("flush") == FAULT
    assert client.status("flush") == 0


def test_what_was_skipped_is_what_the_client_believes(client):
    client.write_word(RAM, 0x11223344)
    client.call("flush")
    client.write_word(FAULTING, 0)
    client.call("write_ap", CSW, CSW_BYTES)
    client.call("write_ap", TAR, RAM)
    assert client.status("flush") == FAULT
    assert [client.call("read_ap", DRW) >> 8 * i & 0xFF for i in range(4)] == [0x44, 0x33, 0x22, 0x11]


def test_who_errs_hears_of_it_at_once(stack, raw):
    client = raw(stack.port)
    client.call("hello", 1)
    client.call("open")
    assert client.status("write_ap", TAR, RAM) == PROBE_ERROR  # not connected
    client.call("connect", "SWD")
    client.wake()
    assert client.status("unlock") == GENERAL
    assert client.status("write_dp", 0x3, 0) == GENERAL
    assert client.status("write_ap", 0x3, 0) == GENERAL
    assert client.call("read_dp", DPIDR)


def test_nothing_is_lost_with_a_fin(stack, client, raw):
    client.write_word(RAM, 0xA5A5)
    client.socket.shutdown(1)
    assert client.receive_line() == b""
    assert raw(stack.port).attach().read_word(RAM) == 0xA5A5


def test_a_failure_that_nobody_can_be_told_is_logged(make_stack, raw):
    stack = make_stack()
    client = raw(stack.port).attach()
    client.write_word(FAULTING, 0)
    client.socket.shutdown(1)
    assert client.receive_line() == b""
    assert "FAULT" in stack.gateway.wait_for_line(r"client\.posted_in_vain.*")[0]


def test_more_than_may_be_posted_is_done_in_order(client):
    count = 240  # within the KiB in which TAR counts
    sent = [client.send("write_ap", TAR, RAM)]
    sent += [client.send("write_ap", DRW, word) for word in range(count)]
    sent += [client.send("write_ap_multiple", DRW, list(range(10)))]
    for number in sent:
        client.result("write_ap", number)
    assert client.read_words(RAM, count + 10) == [*range(count), *range(10)]


def test_a_failure_in_a_flood_stops_the_flood(client):
    """Each write has an address of its own: one that went with another's TAR would be seen."""
    addresses = [RAM, RAM + 0x100]
    for address in addresses:
        client.write_word(address, address)
    client.call("flush")
    sent = [client.send("write_ap", TAR, FAULTING), client.send("write_ap", DRW, 0)]
    for _ in range(500):
        for address in addresses:
            sent.append(client.send("write_ap", TAR, address))
            sent.append(client.send("write_ap", DRW, address))
    assert {client.receive()["status"] for _ in sent} == {0}
    assert client.status("flush") == FAULT
    assert [client.read_word(address) for address in addresses] == addresses


def test_however_much_is_behind_a_failure_it_is_told(client):
    """pyOCD locks each access, so most of a flood is locks, which take no failure."""
    client.call("write_ap", TAR, FAULTING)
    sent = []
    for _ in range(1000):
        sent += [client.send("lock"), client.send("write_ap", DRW, 0), client.send("unlock")]
    assert {client.receive()["status"] for _ in sent} == {0}
    assert client.status("flush") == FAULT
    assert client.status("flush") == 0


def test_disconnect_tells_what_failed_and_disconnects(client):
    client.write_word(FAULTING, 0)
    assert client.status("disconnect") == FAULT
    assert client.call("readprop", "wire_protocol") is None
    assert client.status("close") == 0


def test_it_can_be_turned_off(make_stack, raw):
    client = raw(make_stack(gateway_flags=["--posting", "off"]).port).attach()
    client.call("write_ap", TAR, FAULTING)
    assert client.status("write_ap", DRW, 0) == FAULT
    assert client.status("flush") == 0


def test_pyocd_hears_of_a_failed_write_where_it_flushes(stack, workers):
    [pyocd] = workers(1)
    pyocd.attach(stack.uid)
    pyocd.target("write32", FAULTING, 1)
    with pytest.raises(PyocdError) as error:
        pyocd.target("flush")
    assert error.value.kind == "TransferFaultError"
    pyocd.target("write32", RAM, 0x5A5A)
    assert pyocd.target("read32", RAM) == 0x5A5A
    pyocd.detach()


def test_a_lost_session_takes_what_was_posted_with_it(make_stack, raw):
    stack = make_stack()
    client = raw(stack.port).attach()
    stack.sim.kill()
    wait_until(lambda: client.status("write_ap", TAR, RAM) == 2, "the gateway knows")
    assert client.status("flush") == 2
