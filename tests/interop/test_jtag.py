"""JTAG, from the real pyOCD to the simulated board's TAP, also with several clients on one probe."""

import pytest
from pyocd_client import PyocdError
from raw_client import CLEAR_STICKY, CSW, CSW_WORDS, CTRL_STAT, DPIDR, FAULTING, POWER_UP, POWERED, RAM, RemoteError

WORDS = [0x10000000 + 0x01010101 * i for i in range(16)]
IDCODE = 0x4BA00477
DPIDR_VALUE = 0x2BA01477
JTAG = {"dap_protocol": "jtag"}


def connect(client, protocol="JTAG"):
    client.call("hello", 1)
    client.call("open")
    client.call("connect", protocol)
    return client


def enter_idle(client):
    """Goes to Test-Logic-Reset and then to Run-Test/Idle, as pyOCD does."""
    client.call("jtag_sequence", 6, 1, False, 0x3F)
    client.call("jtag_sequence", 1, 0, False, 1)


def wake(client):
    client.call("swj_sequence", 51, (1 << 51) - 1)
    client.call("swj_sequence", 16, 0xE73C)
    client.call("swj_sequence", 8, 0xFF)
    enter_idle(client)
    assert client.call("read_dp", DPIDR) == DPIDR_VALUE
    client.call("write_dp", CTRL_STAT, POWER_UP)
    while client.call("read_dp", CTRL_STAT) & POWERED != POWERED:
        pass
    client.call("write_ap", CSW, CSW_WORDS)


def read_idcode(client):
    """Reads IDCODE with raw sequences only, starting from Test-Logic-Reset and ending in Run-Test/Idle."""
    enter_idle(client)
    client.call("jtag_sequence", 1, 1, False, 1)
    client.call("jtag_sequence", 2, 0, False, 3)
    low = client.call("jtag_sequence", 31, 0, True, 0)
    high = client.call("jtag_sequence", 1, 1, True, 0)
    client.call("jtag_sequence", 1, 1, False, 1)
    client.call("jtag_sequence", 1, 0, False, 1)
    return low | high << 31


def test_offered_protocols_and_capabilities(stack, raw):
    client = raw(stack.port)
    assert client.call("readprop", "supported_wire_protocols") == ["DEFAULT", "SWD", "JTAG"]
    assert "JTAG_SEQUENCE" in client.call("readprop", "capabilities")


def test_commander_attaches_and_reads(stack, pyocd):
    output = pyocd.run(
        "commander",
        stack.uid,
        "-O",
        "dap_protocol=jtag",
        "-c",
        "status",
        "-c",
        "halt",
        "-c",
        f"write32 {RAM:#x} 0xfeedf00d",
        "-c",
        f"read32 {RAM:#x} 4",
        "-c",
        "read32 0xe000ed00",
    )
    assert "Sleeping" in output and "Successfully halted" in output
    assert "feedf00d" in output
    assert "410fc241" in output


def test_pyocd_continues_after_a_fault(stack, workers):
    (worker,) = workers(1)
    worker.attach(stack.uid, **JTAG)
    worker.target("write_memory_block32", RAM, WORDS)
    for method, arguments in (
        ("read32", (FAULTING,)),
        ("read_memory_block32", (FAULTING, 64)),
        ("write_memory_block32", (FAULTING, WORDS)),
    ):
        with pytest.raises(PyocdError) as error:
            worker.target(method, *arguments)
            worker.target("flush")
        assert error.value.kind == "TransferFaultError"
        assert worker.target("read_memory_block32", RAM, 16) == WORDS
    worker.detach()


def test_the_board_serves_swd_and_jtag_in_turn(stack, workers):
    (worker,) = workers(1)
    for protocol in ("jtag", "swd", "jtag", "swd"):
        worker.attach(stack.uid, dap_protocol=protocol)
        worker.target("write_memory_block32", RAM, WORDS)
        assert worker.target("read_memory_block32", RAM, 16) == WORDS
        worker.detach()


def test_switching_through_dormant_state(stack, workers):
    (worker,) = workers(1)
    for protocol in ("swd", "jtag", "swd"):
        worker.attach(stack.uid, dap_protocol=protocol, dap_swj_use_dormant=True)
        assert isinstance(worker.target("read32", RAM), int)
        worker.detach()


def test_error_names_the_protocol_that_is_already_connected(stack, workers, raw):
    first, second = workers(2)
    first.attach(stack.uid, **JTAG)
    with pytest.raises(PyocdError):
        second.attach(stack.uid, dap_protocol="swd")
    second.detach()
    with pytest.raises(RemoteError, match="cannot connect with SWD.*is connected with JTAG by"):
        connect(raw(stack.port), "SWD")
    first.detach()


def test_two_at_once(stack, workers):
    both = workers(2)
    for worker in both:
        worker.attach(stack.uid, **JTAG)
    for i, worker in enumerate(both):
        worker.start("check_memory_until_stopped", RAM + 0x1000 * i, 512, i)
    (reader,) = workers(1)
    reader.attach(stack.uid, **JTAG)
    reader.target("write_memory_block32", RAM + 0x4000, WORDS)
    assert reader.call("read_expecting", "read32", RAM + 0x4000, WORDS, 300) == 0
    for worker in both:
        result = worker.stop()
        assert result["rounds"] > 0 and result["mismatch"] is None
    for worker in (*both, reader):
        worker.detach()


def test_faults_of_one_client_do_not_affect_another(stack, workers):
    reader, faulter = workers(2)
    for worker in (reader, faulter):
        worker.attach(stack.uid, **JTAG)
    reader.target("write_memory_block32", RAM, WORDS)
    faulter.start("write_faulting_until_stopped", FAULTING)
    assert reader.call("read_expecting", "read32", RAM, WORDS, 500) == 0
    result = faulter.stop()
    assert result["faults"] == result["count"] > 0
    reader.detach()
    faulter.detach()


def test_raw_sequences_while_another_client_reads(stack, workers, raw):
    """The raw sequences leave the TAP in various states; each time, the server re-establishes the
    link for the reader."""
    (reader,) = workers(1)
    reader.attach(stack.uid, **JTAG)
    reader.target("write_memory_block32", RAM, WORDS)
    reader.start("read_until_stopped", RAM, WORDS)
    raw_user = connect(raw(stack.port))
    for round_number in range(60):
        raw_user.take_lock()  # without the lock, the reader's commands would come in between and move the TAP
        assert read_idcode(raw_user) == IDCODE
        raw_user.call("unlock")
        raw_user.call("jtag_sequence", 1 + round_number % 7, round_number % 2, False, 0x55)
        raw_user.call("jtag_sequence", 64, 0, True, (1 << 64) - 1)
    result = reader.stop()
    assert result["wrong"] == 0 and result["count"] > 0
    raw_user.call("disconnect")
    reader.detach()


def test_raw_sequences_of_any_length(stack, raw):
    """In BYPASS, TDO is TDI delayed by one bit."""
    client = connect(raw(stack.port))
    wake(client)
    client.call("jtag_sequence", 2, 1, False, 3)
    client.call("jtag_sequence", 2, 0, False, 3)
    client.call("jtag_sequence", 3, 0, False, 7)
    client.call("jtag_sequence", 3, 1, False, 7)
    client.call("jtag_sequence", 2, 0, False, 3)
    for length in (1, 8, 63, 64, 65, 1000, 14000):
        value = (0xA5C3 << length) // 7 & (1 << length) - 1
        client.call("jtag_sequence", 1, 0, False, 0)
        assert client.call("jtag_sequence", length, 0, True, value) == value << 1 & (1 << length) - 1
    for cycles, tms in ((0, 0), (65537, 0), (8, 2)):
        assert client.status("jtag_sequence", cycles, tms, True, 0) == 1
    client.detach()


def test_raw_sequences_need_their_protocol(stack, raw):
    client = connect(raw(stack.port), "SWD")
    assert client.status("jtag_sequence", 8, 1, False, 0xFF) == 3
    client.detach()
    client.call("open")
    client.call("connect", "JTAG")
    assert client.status("swd_sequence", [[8, 0xFF]]) == 3
    assert client.call("readprop", "wire_protocol") == "JTAG"
    client.detach()


def test_a_client_that_dies_does_not_affect_another(stack, workers, raw):
    (reader,) = workers(1)
    reader.attach(stack.uid, **JTAG)
    reader.target("write_memory_block32", RAM, WORDS)
    raw_user = connect(raw(stack.port))
    raw_user.call("jtag_sequence", 3, 1, False, 7)
    raw_user.close()
    assert reader.call("read_expecting", "read32", RAM, WORDS, 32) == 0
    reader.detach()


def test_wait_and_loss_of_the_tap_are_distinguished(make_stack, raw, control):
    stack = make_stack()
    client = connect(raw(stack.port))
    wake(client)
    client.call("write_dp", 0, CLEAR_STICKY)
    board = control(stack)
    board.call("inject", board=0, fault="wait", at=1, times=0)
    assert client.status("read_dp", CTRL_STAT) == 11
    board.call("clear_faults")
    assert client.call("read_dp", CTRL_STAT) & POWERED == POWERED
    board.call("inject", board=0, fault="no_ack")
    assert client.status("read_dp", CTRL_STAT) == 10
    assert client.status("read_dp", CTRL_STAT) == 10
    wake(client)
    client.detach()
