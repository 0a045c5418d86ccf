"""The firmware that boards have in flash: what a debugger expects of it, and that it is the same wherever it is built."""

import os
import pathlib
import struct
import subprocess

import pytest
from elftools.elf.elffile import ELFFile

ROOT = pathlib.Path(__file__).parents[2]
FIRMWARE = pathlib.Path(os.environ.get("PROBEGATE_BIN", ROOT / "build/dev/bin")).resolve().parent / "firmware"

FLASH_SIZE = 0x100000
RAM = range(0x20000000, 0x20040000)

# Symbols of RAM that tests and their readers use, with their sizes: watched.h, rtt.c.
WATCHED = {"counter": 4, "watched": 60, "fault": 28, "command": 4, "_SEGGER_RTT": 16 + 2 * 4 + 2 * 24}

# What the vector table has where.
HANDLERS = {
    1: "ResetHandler",
    3: "FaultHandler",
    11: "SvcHandler",
    14: "PendSvHandler",
    15: "SysTickHandler",
    16 + 2: "Uarte0Handler",
    16 + 8: "Timer0Handler",
}


@pytest.fixture(scope="module")
def elf():
    with open(FIRMWARE / "firmware.elf", "rb") as file:
        yield ELFFile(file)


@pytest.fixture(scope="module")
def binary():
    return (FIRMWARE / "firmware.bin").read_bytes()


@pytest.fixture(scope="module")
def symbols(elf):
    return {symbol.name: symbol for symbol in elf.get_section_by_name(".symtab").iter_symbols()}


def test_the_vector_table_is_at_the_start(binary, symbols, elf):
    vectors = struct.unpack_from("<25I", binary)
    assert vectors[0] == RAM.stop
    for number, name in HANDLERS.items():
        assert symbols[name]["st_value"] & 1, f"{name} is no Thumb code"
        assert vectors[number] == symbols[name]["st_value"], name
    assert elf["e_entry"] == vectors[1]


def test_every_enabled_interrupt_has_its_own_handler(binary, symbols):
    vectors = struct.unpack_from("<25I", binary)
    unexpected = symbols["UnexpectedHandler"]["st_value"]
    assert [n for n in range(16, 25) if vectors[n] != unexpected] == [18, 24]


def test_what_is_watched_is_in_ram(symbols):
    for name, size in WATCHED.items():
        symbol = symbols[name]
        assert symbol["st_info"]["bind"] == "STB_GLOBAL", name
        assert symbol["st_size"] == size, name
        assert symbol["st_value"] in RAM and symbol["st_value"] % 4 == 0, name


def test_it_fits(elf, binary, symbols):
    loaded = [segment for segment in elf.iter_segments("PT_LOAD") if segment["p_filesz"]]
    image = bytearray(b"\xff" * FLASH_SIZE)
    for segment in loaded:
        address = segment["p_paddr"]
        assert address + segment["p_filesz"] <= FLASH_SIZE
        image[address : address + segment["p_filesz"]] = segment.data()
    assert bytes(image[: len(binary)]) == binary
    assert not bytes(image[len(binary) :]).strip(b"\xff")
    assert len(binary) < 4096, "one page: a newcomer's flash programming is quick"
    assert RAM.start < symbols["process_stack_top"]["st_value"] < RAM.stop - 4096


def test_only_the_running_program_has_a_control_block(binary):
    assert b"SEGGER RTT" not in binary


def test_it_needs_no_library(elf, symbols):
    undefined = [name for name, symbol in symbols.items() if name and symbol["st_shndx"] == "SHN_UNDEF"]
    assert not undefined
    files = {name for name, symbol in symbols.items() if symbol["st_info"]["type"] == "STT_FILE"}
    assert files <= {path.name for path in (ROOT / "sim/firmware").glob("*.c")}, files


def test_nothing_of_where_it_was_built_is_in_it():
    assert str(ROOT).encode() not in (FIRMWARE / "firmware.elf").read_bytes()


def test_lines_can_be_found(elf):
    """A debugger shows the sources: by a path below the root of the tree."""
    sources = set()
    for unit in elf.get_dwarf_info().iter_CUs():
        top = unit.get_top_DIE()
        assert top.attributes["DW_AT_comp_dir"].value == b"."
        sources.add(top.attributes["DW_AT_name"].value.decode())
    assert sources == {f"sim/firmware/{path.name}" for path in (ROOT / "sim/firmware").glob("*.c")}


def test_a_second_build_is_the_same(tmp_path):
    """From another directory and into another: the command is the build's own."""
    build = FIRMWARE.parent
    commands = subprocess.run(
        ["ninja", "-C", build, "-t", "commands", "firmware/firmware.elf"], check=True, capture_output=True, text=True
    ).stdout
    command = next(line for line in commands.splitlines() if "-mcpu=cortex-m4" in line)
    copy = tmp_path / "elsewhere"
    (copy / "sim").mkdir(parents=True)
    (copy / "sim/firmware").symlink_to(ROOT / "sim/firmware")
    moved = command.replace(str(FIRMWARE), str(tmp_path)).replace(str(ROOT), str(copy))
    assert moved != command
    subprocess.run(moved, shell=True, check=True)
    assert (tmp_path / "firmware.elf").read_bytes() == (FIRMWARE / "firmware.elf").read_bytes()
