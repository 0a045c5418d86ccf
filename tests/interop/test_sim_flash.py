"""The contents of simulated boards' flash: the built-in firmware, a file, or a saved state."""

import re
import struct

import pytest
from sim_control import SimControl
from stack import LOOPBACK

FLASH_SIZE = 0x100000
UICR = 0x10001000
STATE_SIZE = FLASH_SIZE + 0x1000


@pytest.fixture
def boards(programs):
    """Starts a simulator and opens its control port."""
    opened = []

    def start(*flags):
        sim = programs.start("probegate-sim", "--listen", f"{LOOPBACK}:0", "--control", f"{LOOPBACK}:0", *flags)
        opened.append(SimControl(int(sim.wait_for_line(rf"control listening on {LOOPBACK}:(\d+)")[1])))
        return sim, opened[-1]

    yield start
    for control in opened:
        control.close()


def word(control, address, board=0):
    return control.call("read_word", board=board, address=address)["value"]


def test_a_board_starts_with_the_built_in_firmware(boards, programs):
    binary = (programs.bin.parent / "firmware/firmware.bin").read_bytes()
    _, control = boards("--boards", 2)
    for board in (0, 1):
        for offset in range(0, len(binary) - 3, 64):
            assert word(control, offset, board) == struct.unpack_from("<I", binary, offset)[0]
        assert word(control, FLASH_SIZE - 4, board) == 0xFFFFFFFF
        assert word(control, UICR + 0x208, board) == 0xFFFFFFFF


@pytest.mark.parametrize(
    "name, contents",
    [
        ("a.bin", b"\x00\x04\x00\x20\x09\x00\x00\x00"),
        ("a.hex", b":080000000004002009000000CB\n:00000001FF\n"),
        ("no_extension", b":080000000004002009000000CB\n:00000001FF\n"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_is_loaded_into_flash(boards, tmp_path, name, contents):
    (tmp_path / name).write_bytes(contents)
    _, control = boards("--flash", tmp_path / name)
    assert word(control, 0) == 0x20000400
    assert word(control, 4) == 9
    assert word(control, 8) == 0xFFFFFFFF


def test_elf_and_built_in_firmware_are_equal(boards, programs):
    _, built_in = boards()
    _, from_elf = boards("--flash", programs.bin.parent / "firmware/firmware.elf")
    for address in range(0, 4096, 32):
        assert word(built_in, address) == word(from_elf, address)


def damaged(offset, value):
    """Makes a function that overwrites a field of an ELF file."""
    return lambda elf: elf[:offset] + value + elf[offset + len(value) :]


MACHINE, BYTE_ORDER, PROGRAM_HEADER = 18, 5, 52
PHYSICAL = PROGRAM_HEADER + 12
OUTSIDE = "lie outside flash (0x00000000-0x000fffff) and UICR (0x10001000-0x10001fff)"
HEX_WORD = b":0400000001020304F2\n"


@pytest.mark.parametrize(
    "name, contents, complaint",
    [
        ("none.bin", None, "cannot open the file: No such file or directory"),
        ("empty.hex", b"", "is empty"),
        ("empty.bin", b"", "is empty"),
        ("large.bin", bytes(FLASH_SIZE + 1), "too large: 1048577 bytes; flash holds 1048576"),
        ("host.elf", b"\x7fELF\x02\x01\x01" + bytes(57), "not an ELF file for 32-bit Arm: its class is 64-bit"),
        ("x86.elf", damaged(MACHINE, b"\x03\x00"), "not an ELF file for Arm: its machine is x86"),
        ("big.elf", damaged(BYTE_ORDER, b"\x02"), "not an ELF file for little-endian Arm: it is big-endian"),
        ("cut.elf", lambda elf: elf[:1000], "truncated ELF file: 1000 bytes, but segment 0 ends at "),
        (
            "headers.elf",
            lambda elf: elf[:60],
            "truncated ELF file: 60 bytes, too few for the program headers",
        ),
        ("stub.elf", b"\x7fELF\x01\x01\x01" + bytes(13), "truncated"),
        ("elsewhere.elf", damaged(PHYSICAL, struct.pack("<I", 0x60000000)), f"bytes at 0x60000000 {OUTSIDE}"),
        ("sum.hex", b":0100000055AA\n:0100010055AA\n:00000001FF\n", "line 2"),
        ("cut.hex", HEX_WORD, "truncated Intel HEX file: there is no end-of-file record"),
        ("short.hex", HEX_WORD + b":100010", "line 2: has 3 bytes, which does not match its length field"),
        ("ram.hex", b":020000042000DA\n" + HEX_WORD + b":00000001FF\n", f"line 2: 4 bytes at 0x20000000 {OUTSIDE}"),
        ("text.hex", b"hello\n", "line 1: does not begin with a colon"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value and " " not in value else "",
)
def test_invalid_firmware_files_are_reported(programs, firmware, tmp_path, name, contents, complaint):
    """The error is one line, the exit code is 2, and no board is started."""
    path = tmp_path / name
    if contents is not None:
        path.write_bytes(contents(firmware.read_bytes()) if callable(contents) else contents)
    result = programs.run("probegate-sim", "--flash", path)
    assert (result.returncode, result.stdout) == (2, "")
    assert re.fullmatch(rf"probegate-sim: --flash: {re.escape(str(path))}: .*{re.escape(complaint)}.*\n", result.stderr)


def test_saved_state_takes_precedence_over_the_file(boards, programs, tmp_path):
    sim, control = boards("--boards", 2, "--state", tmp_path / "made/here")
    serial = sim.wait_for_line(r"board 1 \((\w+)\)")[1]
    assert word(control, 0, 1) == 0x20040000
    assert sim.stop() == 0
    assert not list((tmp_path / "made/here").glob("*.flash")), "nothing has changed"

    state = tmp_path / "made/here" / f"{serial}.flash"
    kept = bytearray(b"\xff" * STATE_SIZE)
    kept[0:4] = struct.pack("<I", 0x12345678)
    kept[FLASH_SIZE + 0x208 : FLASH_SIZE + 0x20C] = struct.pack("<I", 0x5A)
    state.write_bytes(kept)
    (tmp_path / "other.bin").write_bytes(b"\x01\x02\x03\x04")
    sim, control = boards("--boards", 2, "--state", tmp_path / "made/here", "--flash", tmp_path / "other.bin")
    assert word(control, 0, 0) == 0x04030201
    assert word(control, 0, 1) == 0x12345678
    assert word(control, UICR + 0x208, 1) == 0x5A

    second = programs.run("probegate-sim", "--listen", f"{LOOPBACK}:0", "--state", tmp_path / "made/here")
    assert second.returncode == 1 and "in use by another process" in second.stderr
    assert sim.stop() == 0
    state.write_bytes(kept[:-1])
    third = programs.run("probegate-sim", "--listen", f"{LOOPBACK}:0", "--boards", 2, "--state", tmp_path / "made/here")
    assert third.returncode == 1 and str(state) in third.stderr and "1052671 bytes" in third.stderr
