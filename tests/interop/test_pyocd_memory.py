"""Memory accesses with pyOCD's library: every width, alignment and length around the boundaries at
which blocks are split."""

import random

import pytest
from pyocd_client import PyocdError
from raw_client import FAULTING, RAM
from stack import wait_until

SIZE = 0x3000


@pytest.fixture
def attached(stack, workers):
    (worker,) = workers(1)
    worker.attach(stack.uid)
    yield worker
    worker.detach()


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_single_accesses_at_every_lane(attached, bits):
    attached.target("write_memory_block8", RAM, [0] * 16)
    expected = bytearray(16)
    for i in range(0, 16, bits // 8):
        value = random.Random(i).getrandbits(bits)
        expected[i : i + bits // 8] = value.to_bytes(bits // 8, "little")
        attached.target("write_memory", RAM + i, value, bits)
        assert attached.target("read_memory", RAM + i, bits) == value
    assert bytes(attached.target("read_memory_block8", RAM, 16)) == expected


@pytest.mark.parametrize("border", [0x10, 0x400, 0x1000])
def test_blocks_of_bytes_across_borders(attached, border):
    """Blocks that start within four bytes of a boundary; the bytes around them must not change."""
    rng = random.Random(border)
    content = bytearray(rng.randbytes(SIZE))
    attached.target("write_memory_block8", RAM, list(content))
    for start in range(border - 4, border + 4):
        for length in (1, 2, 3, 4, 5, 7, 8, 9):
            data = rng.randbytes(length)
            content[start : start + length] = data
            attached.target("write_memory_block8", RAM + start, list(data))
            got = attached.target("read_memory_block8", RAM + start, length)
            assert bytes(got) == data, f"{length} bytes at {RAM + start:#x}"
    assert bytes(attached.target("read_memory_block8", RAM, SIZE)) == content


@pytest.mark.parametrize("offset", [0, 4, 0x3FC, 0xFF8])
def test_blocks_of_words(attached, offset):
    source = random.Random(offset)
    words = [source.getrandbits(32) for _ in range(1500)]
    attached.target("write_memory_block32", RAM + offset, words)
    assert attached.target("read_memory_block32", RAM + offset, len(words)) == words


def test_64_kib_both_ways(attached):
    source = random.Random(3)
    words = [source.getrandbits(32) for _ in range(16384)]
    attached.target("write_memory_block32", RAM, words)
    assert attached.target("read_memory_block32", RAM, len(words)) == words


def test_a_fault_is_a_fault_and_leaves_the_link_usable(attached):
    attached.target("write32", RAM, 0x12345678)
    for _ in range(3):
        with pytest.raises(PyocdError) as error:
            attached.target("read32", FAULTING)
        assert error.value.kind == "TransferFaultError"
        assert attached.target("read32", RAM) == 0x12345678


def test_a_block_beyond_the_end_of_ram_is_a_fault(attached):
    end = RAM + 0x40000
    with pytest.raises(PyocdError) as error:
        attached.target("read_memory_block32", end - 64, 32)
    assert error.value.kind == "TransferFaultError"
    attached.target("write32", end - 4, 7)
    assert attached.target("read32", end - 4) == 7


def test_halt_registers_and_go(attached):
    attached.target("halt")
    assert attached.call("core_state") == "HALTED"
    attached.target("resume")
    wait_until(lambda: attached.call("core_state") == "SLEEPING", "the core is back in the idle program's WFI")


def test_core_registers(attached):
    attached.target("halt")
    values = {"r0": 0x12345678, "r7": 0xFFFFFFFF, "r12": 1, "lr": 0x20000001}
    for name, value in values.items():
        attached.target("write_core_register", name, value)
    assert {name: attached.target("read_core_register", name) for name in values} == values
    attached.target("resume")
