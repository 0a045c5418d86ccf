"""The test firmware of simulated boards has what debuggers and tests expect, and its build is reproducible."""

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

# The symbols in RAM that are meant for debuggers and tests, with their sizes: see watched.h and rtt.c.
WATCHED = {"counter": 4, "watched": 60, "fault": 28, "command": 4, "_SEGGER_RTT": 16 + 2 * 4 + 2 * 24}

# Handlers by their number in the vector table.
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
        assert symbols[name]["st_value"] & 1, f"{name} is not Thumb code"
        assert vectors[number] == symbols[name]["st_value"], name
    assert elf["e_entry"] == vectors[1]


def test_every_enabled_interrupt_has_its_own_handler(binary, symbols):
    vectors = struct.unpack_from("<25I", binary)
    unexpected = symbols["UnexpectedHandler"]["st_value"]
    assert [n for n in range(16, 25) if vectors[n] != unexpected] == [18, 24]


def test_watched_variables_are_in_ram(symbols):
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
    assert len(binary) < 4096, "the firmware should fit one page, so that programming it is quick"
    assert RAM.start < symbols["process_stack_top"]["st_value"] < RAM.stop - 4096


def test_only_the_running_program_has_a_control_block(binary):
    assert b"SEGGER RTT" not in binary


def test_it_needs_no_library(elf, symbols):
    undefined = [name for name, symbol in symbols.items() if name and symbol["st_shndx"] == "SHN_UNDEF"]
    assert not undefined
    files = {name for name, symbol in symbols.items() if symbol["st_info"]["type"] == "STT_FILE"}
    assert files <= {path.name for path in (ROOT / "sim/firmware").glob("*.c")}, files


def test_it_has_no_build_paths():
    assert str(ROOT).encode() not in (FIRMWARE / "firmware.elf").read_bytes()


def test_a_debugger_finds_the_sources(elf):
    """The debug information has the sources' paths relative to the root of the tree."""
    sources = set()
    for unit in elf.get_dwarf_info().iter_CUs():
        top = unit.get_top_DIE()
        assert top.attributes["DW_AT_comp_dir"].value == b"."
        sources.add(top.attributes["DW_AT_name"].value.decode())
    assert sources == {f"sim/firmware/{path.name}" for path in (ROOT / "sim/firmware").glob("*.c")}


def test_the_build_is_reproducible(tmp_path):
    """Runs the build's own command with other source and output directories."""
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
