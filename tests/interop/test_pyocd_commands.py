"""pyOCD's unmodified command line on the whole stack."""

import random
import re

import pytest
from pyocd_client import words_printed
from raw_client import RAM
from sim_control import BY_PIN, BY_SOFTWARE, GPREGRET, RESETREAS, BoardMemory
from stack import wait_until

VTOR = 0xE000ED08


def test_commander_reads_memory(stack, pyocd, raw):
    client = raw(stack.port).attach()
    expected = [0xA5000000 + i for i in range(16)]
    for i, word in enumerate(expected):
        client.write_word(RAM + 4 * i, word)
    assert words_printed(pyocd.commander(stack.uid, "read32 0x20000000 64")) == expected


def test_commander_widths(stack, pyocd, raw):
    pyocd.commander(
        stack.uid,
        "write32 0x20000100 0x11223344 0x55667788",
        "write16 0x20000102 0xabcd",
        "write8 0x20000107 0xef 0x01",
    )
    client = raw(stack.port).attach()
    assert client.read_words(RAM + 0x100, 2) == [0xABCD3344, 0xEF667788]
    assert client.read_word(RAM + 0x108) & 0xFF == 1
    output = pyocd.commander(stack.uid, "read8 0x20000101 3", "read16 0x20000106 2")
    assert re.search(r"33 cd ab", output), output
    assert re.search(r"ef66", output), output


def test_loadmem_and_savemem_compare_equal(stack, pyocd, tmp_path):
    source, saved = tmp_path / "source.bin", tmp_path / "saved.bin"
    source.write_bytes(random.Random(1).randbytes(65536))
    pyocd.commander(stack.uid, f"loadmem 0x20000000 {source}", f"savemem 0x20000000 65536 {saved}")
    assert saved.read_bytes() == source.read_bytes()


def test_loadmem_and_savemem_at_odd_ends(stack, pyocd, tmp_path):
    source, saved = tmp_path / "source.bin", tmp_path / "saved.bin"
    source.write_bytes(random.Random(2).randbytes(5001))
    pyocd.commander(stack.uid, f"loadmem 0x20000ffd {source}", f"savemem 0x20000ffd 5001 {saved}")
    assert saved.read_bytes() == source.read_bytes()


@pytest.fixture
def board(stack, control):
    """The board's memory, with the reset reason cleared and a value in GPREGRET."""
    memory = BoardMemory(control(stack))
    for address, value in ((RESETREAS, 0xFFFFFFFF), (GPREGRET, 0x5A)):
        memory.write(address, value)
    assert (memory.read(RESETREAS), memory.read(GPREGRET)) == (0, 0x5A)
    return memory


@pytest.mark.parametrize(
    "method, reason, kept",
    [("hw", BY_PIN, 0), ("sysresetreq", BY_SOFTWARE, 0x5A)],
)
def test_reset(stack, pyocd, raw, board, method, reason, kept):
    """The chip shows the kind of reset, its core has lost its settings, and the program runs again."""
    client = raw(stack.port).attach()
    client.write_word(VTOR, 0x100)
    assert client.read_word(VTOR) == 0x100
    pyocd.run("reset", stack.uid, "-m", method)
    assert (board.read(RESETREAS), board.read(GPREGRET)) == (reason, kept)
    assert raw(stack.port).attach().read_word(VTOR) == 0
    wait_until(lambda: board.core() == "asleep", "the idle program is in WFI")


def test_commander_resets_and_goes_on(stack, pyocd, raw, board):
    raw(stack.port).attach().write_word(RAM + 0x200, 0xC0FFEE)
    output = pyocd.commander(stack.uid, "reset", "read32 0x20000200")
    assert words_printed(output) == [0xC0FFEE]
    assert (board.read(RESETREAS), board.read(GPREGRET)) == (BY_SOFTWARE, 0x5A)


def test_halt_and_go(stack, pyocd):
    output = pyocd.commander(stack.uid, "halt", "status", "go", "status")
    states = re.findall(r"Core 0[^:]*:\s+(\w+)", output)
    halted, going = [s.lower() for s in states]
    assert halted == "halted" and going in ("running", "sleeping"), output  # the idle program soon reaches its WFI


def test_unmapped_memory_is_a_fault(stack, pyocd):
    output = pyocd.fail("commander", stack.uid, "-c", "read32 0x60000000")
    assert re.search(r"Error: memory transfer failed", output), output
    assert words_printed(output) == []


def test_commander_held_open_while_another_writes(stack, pyocd):
    with pyocd.interactive(stack.uid) as held:
        held.type("read32 0x20000300")
        (before,) = held.wait_for(words_printed)
        value = before ^ 0xFFFFFFFF
        pyocd.commander(stack.uid, f"write32 0x20000300 {value:#x}")
        held.type("read32 0x20000300")
        assert held.wait_for(lambda output: words_printed(output)[1:]) == [value]
        held.type("exit")
        assert held.wait() == 0
