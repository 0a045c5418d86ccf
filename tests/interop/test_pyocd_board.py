"""More pyOCD commands on a simulated board with the test firmware: reset, commander, rtt, and two pyOCDs at once."""

import re
import struct

import pytest
from sim_control import BY_PIN, BY_SOFTWARE, GPREGRET, RESETREAS, BoardMemory
from stack import wait_until

pytestmark = pytest.mark.long

NRF52840 = ("--target", "nrf52840")
BEFORE = 0x40000000  # the value of `counter` before a reset; it cannot count this far by itself


@pytest.fixture
def board(lab, control):
    """Reads and writes the board's memory without a debug probe."""
    return BoardMemory(control(lab))


@pytest.mark.parametrize(
    "method, reason, kept",
    [
        ("hw", BY_PIN, 0),
        ("sw", BY_SOFTWARE, 0x5A),
        ("sysresetreq", BY_SOFTWARE, 0x5A),
        ("vectreset", 0, 0x5A),
        ("emulated", 0, 0x5A),
    ],
)
def test_reset(lab, pyocd, board, symbols, method, reason, kept):
    """RESETREAS shows the kind of reset. VECTRESET and pyOCD's emulated reset do not reset the chip, so it shows none.
    GPREGRET, which software uses to leave a value for a bootloader, survives a reset by software."""
    for address, value in ((RESETREAS, 0xFFFFFFFF), (GPREGRET, 0x5A), (symbols["counter"], BEFORE)):
        board.write(address, value)
    pyocd.run("reset", lab.uid, *NRF52840, "--method", method)
    assert (board.read(RESETREAS), board.read(GPREGRET)) == (reason, kept)
    wait_until(lambda: 0 < board.read(symbols["counter"]) < BEFORE, "the program counts from 0 again")


def test_reset_and_halt(lab, pyocd, board, symbols):
    pyocd.run("reset", lab.uid, *NRF52840, "--halt")
    assert board.core() == "halted"
    output = pyocd.run("commander", lab.uid, *NRF52840, "-M", "attach", "-c", "reg pc", "-c", "go")
    assert f"pc = 0x{symbols['ResetHandler'] & ~1:08x}" in output
    board.wait_for_change(symbols["counter"])


def commander(pyocd, lab, *commands):
    return pyocd.run("commander", lab.uid, *NRF52840, *(part for command in commands for part in ("-c", command)))


def register(output, name):
    return int(re.findall(rf"\b{name}: (0x[0-9a-f]+)", output)[-1], 16)


def test_commander_registers(lab, pyocd):
    """Registers keep the values that are written; a second pyOCD reads them back."""
    core = {**{f"r{i}": 0x11111111 * i for i in range(13)}, "lr": 0x20000001, "psp": 0x20010000, "primask": 1}
    commander(
        pyocd,
        lab,
        "reset halt",
        *(f"wreg {name} {value:#x}" for name, value in core.items()),
        *(f"wreg s{i} {i + 0.25}" for i in range(32)),
    )
    output = commander(pyocd, lab, "status", "reg general", "reg float", "reg system", "reset")
    assert "Halted" in output
    assert {name: register(output, name) for name in core} == core
    shown = dict(re.findall(r"\b(s\d+): ([0-9.]+) \(", output))
    assert {name: float(value) for name, value in shown.items()} == {f"s{i}": i + 0.25 for i in range(32)}


@pytest.fixture
def held(lab, pyocd):
    """A commander at its prompt; the board has been reset and halted."""
    with pyocd.interactive(lab.uid, *NRF52840) as commander:
        ask(commander, "reset halt", r"Successfully halted")
        yield commander
        for command in ("reset", "exit"):
            commander.type(command)
        assert commander.wait() == 0


def ask(commander, command, answer):
    """Types a command, waits until the new output matches `answer`, and returns the match."""
    before = len(commander.wait_for(lambda text: text or "\n"))
    commander.type(command)
    return commander.wait_for(lambda text: re.search(answer, text[before:]))


def pc(commander):
    return int(ask(commander, "reg pc", r"pc = (0x[0-9a-f]+)")[1], 16)


def wait_for_halt(commander):
    wait_until(lambda: ask(commander, "status", r"Core 0.*:\s+(\w+)")[1] == "Halted", "the core halts")


def test_commander_steps(held, symbols):
    assert pc(held) == symbols["ResetHandler"] & ~1
    ask(held, "step 3", "0x")
    assert symbols["ResetHandler"] < pc(held) < symbols["ResetHandler"] + 16


def test_commander_breakpoint(held, symbols):
    function = symbols["PollRtt"] & ~1
    ask(held, f"break {function:#x}", "(?i)set breakpoint at")
    ask(held, "lsbreak", f"(?i)0x0*{function:x}")
    held.type("go")
    wait_for_halt(held)
    assert pc(held) == function
    ask(held, f"rmbreak {function:#x}", "(?i)removed breakpoint")


def test_commander_watchpoint(held, symbols, board):
    """The core halts after the store, so `counter` already has its new value."""
    ask(held, f"break {symbols['main'] & ~1:#x}", "(?i)set breakpoint at")
    held.type("go")
    wait_for_halt(held)
    ask(held, f"rmbreak {symbols['main'] & ~1:#x}", "(?i)removed breakpoint")
    ask(held, f"watch {symbols['counter']:#x} w 4", "(?i)set watchpoint at")
    for expected in (1, 2):
        held.type("go")
        wait_for_halt(held)
        assert board.read(symbols["counter"]) == expected
    ask(held, f"rmwatch {symbols['counter']:#x}", "(?i)removed watchpoint")


def test_commander_writes_while_the_program_runs(held, board, symbols):
    held.type("go")
    board.wait_for_change(symbols["counter"])
    held.type(f"write32 {symbols['counter']:#x} {BEFORE:#x}")
    wait_until(lambda: board.read(symbols["counter"]) > BEFORE, "the program counts on from the new value")


def test_rtt_both_ways(lab, pyocd):
    commander(pyocd, lab, "reset")
    with pyocd.rtt(lab.uid, *NRF52840) as viewer:
        viewer.wait_for("Probegate test firmware: echoes what you type")
        for line in ("hello", "a second one"):
            viewer.type(line + "\n")
            viewer.wait_for(f"> {line}\n")
        assert viewer.leave() == 0


def test_flash_while_a_commander_stays_connected(lab, pyocd, board, held, firmware, symbols):
    """A second pyOCD erases and programs the flash. The commander, which does not know, continues to work."""
    held.type("go")
    board.wait_for_change(symbols["counter"])
    pyocd.run("erase", lab.uid, *NRF52840, "--chip")
    assert board.read(0) == 0xFFFFFFFF
    pyocd.run("flash", lab.uid, *NRF52840, firmware)
    board.wait_for_change(symbols["counter"])
    assert int(ask(held, "read32 0", r"00000000:\s+([0-9a-f]{8})")[1], 16) == board.read(0) != 0xFFFFFFFF
    ask(held, "halt", "Successfully halted")
    assert board.core() == "halted"
    ask(held, "step", "0x")
    held.type("go")
    board.wait_for_change(symbols["counter"])


@pytest.mark.parametrize("vectors", [(0xFFFFFFFF, 0xFFFFFFFF), (0x60000000, 0x60000001)], ids=["erased", "nowhere"])
def test_a_vector_table_that_points_nowhere(make_stack, pyocd, control, tmp_path, vectors):
    """The core locks up, as real hardware does. A debugger can halt it, and a step returns."""
    (tmp_path / "nowhere.bin").write_bytes(struct.pack("<II", *vectors))
    stack = make_stack(sim_flags=["--flash", tmp_path / "nowhere.bin"])
    board = BoardMemory(control(stack))
    wait_until(lambda: board.core() == "locked up", "the core locks up")
    output = commander(
        pyocd, stack, "halt", "status", "$ target.step()", "status", "reset halt", "$ target.step()", "status", "go"
    )
    assert re.findall(r"Core 0.*:\s+(\w+)", output) == ["Halted"] * 3
    wait_until(lambda: board.core() == "locked up", "the core locks up again")
