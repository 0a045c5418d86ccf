"""Locks and writes that are posted, which means answered before they are done: order, failures, and
that none is lost."""

import pytest
from pyocd_client import PyocdError
from raw_client import CSW, CSW_BYTES, DPIDR, DRW, FAULT, FAULTING, GENERAL, PROBE_ERROR, RAM, TAR, RemoteError
from stack import wait_until


@pytest.fixture
def client(stack, raw):
    return raw(stack.port).attach()


def test_posted_writes_are_visible_to_the_next_reader(stack, client, raw):
    client.call("lock")
    for word in range(100):
        client.write_word(RAM + 4 * word, word)
    client.call("unlock")
    client.call("flush")
    assert raw(stack.port).attach().read_words(RAM, 100) == list(range(100))


def test_next_answer_reports_a_failure_and_writes_in_between_are_skipped(client):
    client.write_word(RAM, 1)
    client.write_word(FAULTING, 0)
    client.write_word(RAM, 2)
    with pytest.raises(RemoteError, match="an earlier write_ap 0xc, which was posted, failed") as told:
        client.call("read_ap", DRW)
    assert told.value.status == FAULT
    assert client.read_word(RAM) == 1


def test_flush_reports_failures(client):
    client.write_word(FAULTING, 0)
    assert client.status("flush") == FAULT
    assert client.status("flush") == 0


def test_skipped_csw_and_tar_writes_take_effect_later(client):
    client.write_word(RAM, 0x11223344)
    client.call("flush")
    client.write_word(FAULTING, 0)
    client.call("write_ap", CSW, CSW_BYTES)
    client.call("write_ap", TAR, RAM)
    assert client.status("flush") == FAULT
    assert [client.call("read_ap", DRW) >> 8 * i & 0xFF for i in range(4)] == [0x44, 0x33, 0x22, 0x11]


def test_invalid_requests_fail_at_once(stack, raw):
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


def test_a_failure_that_no_answer_can_report_is_logged(make_stack, raw):
    stack = make_stack()
    client = raw(stack.port).attach()
    client.write_word(FAULTING, 0)
    client.socket.shutdown(1)
    assert client.receive_line() == b""
    assert "FAULT" in stack.gateway.wait_for_line(r"client\.posted_in_vain.*")[0]


def test_more_writes_than_the_limit_are_done_in_order(client):
    count = 240  # TAR increments only within 1 KiB
    sent = [client.send("write_ap", TAR, RAM)]
    sent += [client.send("write_ap", DRW, word) for word in range(count)]
    sent += [client.send("write_ap_multiple", DRW, list(range(10)))]
    for number in sent:
        client.result("write_ap", number)
    assert client.read_words(RAM, count + 10) == [*range(count), *range(10)]


def test_a_failure_stops_a_flood_of_writes(client):
    """Each write has its own address, so a write that used another write's TAR would be noticed."""
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


def test_a_failure_is_reported_after_any_number_of_requests(client):
    """pyOCD locks for each access, so most of the requests are locks and unlocks, which do not report the failure."""
    client.call("write_ap", TAR, FAULTING)
    sent = []
    for _ in range(1000):
        sent += [client.send("lock"), client.send("write_ap", DRW, 0), client.send("unlock")]
    assert {client.receive()["status"] for _ in sent} == {0}
    assert client.status("flush") == FAULT
    assert client.status("flush") == 0


def test_disconnect_reports_a_failure_and_disconnects(client):
    client.write_word(FAULTING, 0)
    assert client.status("disconnect") == FAULT
    assert client.call("readprop", "wire_protocol") is None
    assert client.status("close") == 0


def test_posting_can_be_turned_off(make_stack, raw):
    client = raw(make_stack(gateway_flags=["--posting", "off"]).port).attach()
    client.call("write_ap", TAR, FAULTING)
    assert client.status("write_ap", DRW, 0) == FAULT
    assert client.status("flush") == 0


def test_pyocd_gets_the_error_of_a_failed_write_when_it_flushes(stack, workers):
    [pyocd] = workers(1)
    pyocd.attach(stack.uid)
    pyocd.target("write32", FAULTING, 1)
    with pytest.raises(PyocdError) as error:
        pyocd.target("flush")
    assert error.value.kind == "TransferFaultError"
    pyocd.target("write32", RAM, 0x5A5A)
    assert pyocd.target("read32", RAM) == 0x5A5A
    pyocd.detach()


def test_posted_writes_are_lost_with_their_session(make_stack, raw):
    stack = make_stack()
    client = raw(stack.port).attach()
    stack.sim.kill()
    wait_until(lambda: client.status("write_ap", TAR, RAM) == 2, "the gateway has noticed")
    assert client.status("flush") == 2
