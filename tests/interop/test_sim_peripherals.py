"""A simulated board's peripherals as users see them: flash programmed by pyOCD, a locked chip, the serial port."""

import random
import socket

import pytest
from stack import BOUND, LOOPBACK

NRF52840 = ("--target", "nrf52840")
FAST = ("--flash-speed", 1000)
BANNER = b"Probegate test firmware, UARTE0\r\n"


@pytest.fixture
def image(tmp_path):
    """A file with a little more than three pages of random bytes."""
    path = tmp_path / "image.bin"
    path.write_bytes(random.Random(7).randbytes(13000))
    return path


def flash_word(board, address):
    return board.call("read_word", board=0, address=address)["value"]


def in_flash(board, contents):
    words = (contents[i : i + 4] for i in range(0, len(contents) // 4 * 4, 4 * 61))
    return all(flash_word(board, 4 * 61 * i) == int.from_bytes(word, "little") for i, word in enumerate(words))


def test_pyocd_flashes_and_erases(make_stack, control, pyocd, image):
    stack = make_stack(sim_flags=FAST)
    board = control(stack)
    pyocd.run("flash", stack.uid, *NRF52840, image)
    assert in_flash(board, image.read_bytes())
    pyocd.run("erase", stack.uid, *NRF52840, "--sector", "0x1000")
    assert [flash_word(board, a) == 0xFFFFFFFF for a in (0, 0xFFC, 0x1000, 0x1FFC, 0x2000)] == [
        False,
        False,
        True,
        True,
        False,
    ]
    pyocd.run("erase", stack.uid, *NRF52840, "--chip")
    assert {flash_word(board, a) for a in (0, 0xFFC, 0x2000)} == {0xFFFFFFFF}


def test_a_locked_chip_cannot_be_read_until_it_has_been_erased(make_stack, control, pyocd, image):
    stack = make_stack(sim_flags=["--locked", *FAST])
    board = control(stack)
    assert board.call("state", board=0)["locked"]
    output = pyocd.fail("commander", stack.uid, *NRF52840, "-c", "read32 0")
    assert "APPROTECT enabled" in output
    assert board.call("state", board=0)["locked"]
    pyocd.run("flash", stack.uid, *NRF52840, image)
    assert not board.call("state", board=0)["locked"]
    assert in_flash(board, image.read_bytes())
    assert flash_word(board, 0x10001208) == 0xFFFFFFFF


def test_the_serial_port_is_a_tcp_port(programs):
    sim = programs.start("probegate-sim", "--listen", f"{LOOPBACK}:0", "--uart", f"{LOOPBACK}:0", "--boards", 2)
    for board in (0, 1):
        port = int(sim.wait_for_line(rf"board {board} serial port listening on {LOOPBACK}:(\d+)")[1])
        with socket.create_connection((LOOPBACK, port), timeout=BOUND) as client:
            received = b""
            while len(received) < len(BANNER):
                received += client.recv(100)
            assert received == BANNER
