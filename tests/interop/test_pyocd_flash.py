"""`pyocd flash` and `pyocd erase` on a simulated board with fast flash; the contents are read back."""

import random
import struct

import pytest

pytestmark = pytest.mark.long

FLASH_SIZE, PAGE = 0x100000, 0x1000
NRF52840 = ("--target", "nrf52840")
VECTORS = struct.pack("<II", 0x20040000, 9)


def contents(size, seed):
    """Random contents that depend on the seed, after a vector table and a program that executes WFI forever."""
    program = VECTORS + struct.pack("<HH", 0xBF30, 0xE7FD)
    return program + random.Random(seed).randbytes(size - len(program))


def as_hex(data):
    """Encodes data as Intel HEX, 32 bytes per record."""

    def record(kind, address, payload):
        line = struct.pack(">BHB", len(payload), address & 0xFFFF, kind) + payload
        return b":" + (line + bytes([-sum(line) & 0xFF])).hex().upper().encode() + b"\n"

    lines = []
    for offset in range(0, len(data), 32):
        if offset % 0x10000 == 0:
            lines.append(record(4, 0, struct.pack(">H", offset >> 16)))
        lines.append(record(0, offset, data[offset : offset + 32]))
    return b"".join(lines) + record(1, 0, b"")


def as_elf(data):
    """Encodes data as ELF32 for Arm with two segments. The second has a virtual address in RAM, and a physical address
    in flash after the first."""
    half = len(data) // 2 // 4 * 4
    parts = [(0, 0, data[:half]), (0x20000000, half, data[half:])]
    offset = 52 + 32 * len(parts)
    headers = body = b""
    for virtual, physical, part in parts:
        headers += struct.pack("<8I", 1, offset + len(body), virtual, physical, len(part), len(part), 5, 4)
        body += part
    ident = b"\x7fELF\x01\x01\x01" + bytes(9)
    return (
        ident
        + struct.pack("<HHIIIIIHHHHHH", 2, 40, 1, 9, 52, 0, 0x05000000, 52, 32, len(parts), 40, 0, 0)
        + headers
        + body
    )


@pytest.fixture
def read_back(lab, pyocd, tmp_path):
    def read(size):
        saved = tmp_path / "saved.bin"
        pyocd.run("commander", lab.uid, *NRF52840, "-c", f"savemem 0 {size} {saved}")
        return saved.read_bytes()

    return read


@pytest.mark.parametrize(
    "name, size, encode",
    [
        ("firmware.bin", FLASH_SIZE, bytes),
        ("firmware.hex", 66_001, as_hex),
        ("firmware.elf", 20_004, as_elf),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_flash_and_read_back(lab, pyocd, read_back, tmp_path, name, size, encode):
    """The second time nothing is programmed, because pyOCD compares the pages by a CRC that the chip computes."""
    data = contents(size, name)
    (tmp_path / name).write_bytes(encode(data))
    first = pyocd.run("flash", lab.uid, *NRF52840, tmp_path / name)
    assert "identical 0 bytes" in first
    assert read_back(size) == data
    pages = -(-size // PAGE)
    again = pyocd.run("flash", lab.uid, *NRF52840, tmp_path / name)
    assert "programmed 0 bytes (0 pages)" in again and f"({pages} pages)" in again


def test_a_page_that_differs_is_found(lab, pyocd, control, tmp_path):
    data = contents(3 * PAGE, "difference")
    (tmp_path / "a.bin").write_bytes(data)
    pyocd.run("flash", lab.uid, *NRF52840, tmp_path / "a.bin")
    changed = data[:PAGE] + b"other" + data[PAGE + 5 :]
    (tmp_path / "b.bin").write_bytes(changed)
    output = pyocd.run("flash", lab.uid, *NRF52840, tmp_path / "b.bin")
    assert f"programmed {PAGE} bytes (1 page), identical {2 * PAGE} bytes (2 pages)" in output
    assert control(lab).call("read_word", board=0, address=PAGE)["value"] == int.from_bytes(b"othe", "little")


def test_erase(lab, pyocd, control, tmp_path):
    """Erases single sectors, given by address, range and length; then the whole chip, in both ways that pyOCD has."""
    board = control(lab)
    (tmp_path / "a.bin").write_bytes(contents(8 * PAGE, "erase"))

    def erased():
        return [
            page
            for page in range(8)
            if all(
                board.call("read_word", board=0, address=page * PAGE + offset)["value"] == 0xFFFFFFFF
                for offset in range(0, PAGE, PAGE // 4)
            )
        ]

    pyocd.run("flash", lab.uid, *NRF52840, tmp_path / "a.bin")
    assert erased() == []
    pyocd.run("erase", lab.uid, *NRF52840, "--sector", "0x1000", "0x3000-0x5000", "0x6000+4096")
    assert erased() == [1, 3, 4, 6]
    pyocd.run("erase", lab.uid, *NRF52840, "--chip")
    assert erased() == list(range(8))
    pyocd.run("flash", lab.uid, *NRF52840, tmp_path / "a.bin")
    assert erased() == []
    pyocd.run("erase", lab.uid, *NRF52840, "--mass")
    assert erased() == list(range(8))
