"""Old and new versions of pyOCD on a simulated board: everyday operations work with each of them.

`./dev test --full` installs the versions in tools/requirements-pyocd.txt, and sets PROBEGATE_PYOCD_VERSIONS to their
directory."""

import os
import pathlib
import re

import pytest
from gdb_client import Gdb, GdbServer
from pyocd_client import PyocdCommands, words_printed
from sim_control import BY_PIN, BY_SOFTWARE, GPREGRET, RESETREAS, BoardMemory

ROOT = pathlib.Path(__file__).parents[2]
VERSIONS = re.findall(r"^pyocd==(\S+)$", (ROOT / "tools/requirements-pyocd.txt").read_text(), re.MULTILINE)
NRF52840 = ("--target", "nrf52840")
INSTALLED = os.environ.get("PROBEGATE_PYOCD_VERSIONS")
ERASED = 0xFFFFFFFF

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not INSTALLED, reason="other versions of pyOCD: only ./dev test --full installs them"),
]


def test_versions_are_listed():
    assert VERSIONS


@pytest.fixture(params=VERSIONS)
def python(request):
    """The Python interpreter of the virtual environment with this version."""
    python = pathlib.Path(INSTALLED) / f"pyocd-{request.param}" / "bin" / "python"
    assert python.exists(), f"pyOCD {request.param} is not in {python.parents[1]}; the output of ./dev test shows why"
    return python


@pytest.fixture
def pyocd(python, tmp_path):
    return PyocdCommands(tmp_path, python)


@pytest.fixture
def board(lab, control):
    return BoardMemory(control(lab))


def test_attaches(lab, pyocd, board):
    """Attaches without a reset, and reads memory."""
    board.write(RESETREAS, ERASED)
    output = pyocd.run(
        "commander", lab.uid, *NRF52840, "-M", "attach", "-c", "read32 0x0 8", "-c", "read32 0x10000100 4"
    )
    assert words_printed(output) == [board.read(0), board.read(4), 0x52840]
    assert board.read(RESETREAS) == 0


def test_erases_and_flashes(lab, pyocd, board, firmware, symbols):
    pyocd.run("erase", lab.uid, *NRF52840, "--chip")
    assert board.read(0) == board.read(0x1000) == ERASED
    pyocd.run("flash", lab.uid, *NRF52840, firmware)
    assert board.read(4) == symbols["ResetHandler"] | 1
    board.wait_for_change(symbols["counter"])


@pytest.mark.parametrize("method, reason, kept", [("hw", BY_PIN, 0), ("sysresetreq", BY_SOFTWARE, 0x5A)])
def test_resets(lab, pyocd, board, symbols, method, reason, kept):
    for address, value in ((RESETREAS, ERASED), (GPREGRET, 0x5A)):
        board.write(address, value)
    pyocd.run("reset", lab.uid, *NRF52840, "-m", method)
    assert (board.read(RESETREAS), board.read(GPREGRET)) == (reason, kept)
    board.wait_for_change(symbols["counter"])


def test_serves_gdb(lab, python, board, firmware, symbols, tmp_path):
    server = GdbServer(tmp_path, lab.uid, python=python)
    gdb = Gdb(firmware, tmp_path)
    try:
        gdb.attach(server)
        gdb.monitor("reset halt")
        assert board.core() == "halted"
        gdb.command("break main")
        stop = gdb.run("continue")
        assert (stop.reason, stop.function) == ("breakpoint-hit", "main")
        gdb.command("delete")
        gdb.start("continue")  # pyOCD up to 0.36 leaves it halted when gdb detaches
        board.wait_for_change(symbols["counter"])
    finally:
        gdb.kill()
        server.kill()
