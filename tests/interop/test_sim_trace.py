"""A board is deterministic: the same seed, program and client commands always give the same trace."""

import struct

import pytest
from dap_client import DapClient
from stack import LOOPBACK, wait_until

DHCSR, DCRSR, DCRDR, DEMCR = 0xE000EDF0, 0xE000EDF4, 0xE000EDF8, 0xE000EDFC
AIRCR = 0xE000ED0C
FP_CTRL, FP_COMP0 = 0xE0002000, 0xE0002008
NVMC_READY, NVMC_CONFIG, NVMC_ERASEPAGE = 0x4001E400, 0x4001E504, 0x4001E508
KEY = 0xA05F0000
HALTED = 1 << 17
PAGE = 0x80000
FICR_DEVICEID = 0x10000060
NOISE = 0x20020000  # RAM that no program uses


def poll(probe, address, mask):
    while probe.read(address) & mask == 0:
        pass


def script(probe):
    """Halts, steps, sets breakpoints, programs a page and resets. It polls, and the board determines how often."""
    probe.attach()
    probe.write(DHCSR, KEY | 3)
    poll(probe, DHCSR, HALTED)
    probe.read(FICR_DEVICEID)
    probe.read(NOISE)
    for register in range(17):
        probe.write(DCRSR, register)
        probe.read(DCRDR)
    for _ in range(20):
        probe.write(DHCSR, KEY | 5)
    probe.write(NVMC_CONFIG, 2)
    probe.write(NVMC_ERASEPAGE, PAGE)
    poll(probe, NVMC_READY, 1)
    probe.write(NVMC_CONFIG, 1)
    probe.write(PAGE, *range(256))
    poll(probe, NVMC_READY, 1)
    probe.write(DEMCR, 1)
    probe.write(AIRCR, 0x05FA0004)
    poll(probe, DHCSR, HALTED)
    probe.write(DEMCR, 0)
    handler = probe.read(4 * 15) & ~1
    probe.write(FP_COMP0, handler & ~3 | (0x80000001 if handler & 2 else 0x40000001))
    probe.write(FP_CTRL, 3)
    for _ in range(3):
        probe.write(DHCSR, KEY | 1)
        poll(probe, DHCSR, HALTED)
        probe.write(FP_CTRL, 2)
        probe.write(DHCSR, KEY | 5)
        probe.write(FP_CTRL, 3)
    probe.write(FP_CTRL, 2)
    probe.write(DHCSR, KEY | 1)
    probe.command(bytes([0x09, 0x10, 0x27]))  # DAP_Delay of 10 ms
    # nRESET, for a while
    probe.command(bytes([0x10, 0x00, 0x80, 0, 0, 0, 0]))
    probe.command(bytes([0x09, 100, 0]))
    probe.command(bytes([0x10, 0x80, 0x80, 0, 0, 0, 0]))
    probe.command(bytes([0x09, 0x10, 0x27]))
    probe.command(bytes([0x03]))


def run(programs, directory, *flags, act):
    sim = programs.start("probegate-sim", "--listen", f"{LOOPBACK}:0", "--trace", directory, *flags)
    board = sim.wait_for_line(rf"board 0 \((\w+)\) listening on {LOOPBACK}:(\d+)")
    act(int(board[2]), directory / f"{board[1]}.trace")
    assert sim.stop() == 0
    return (directory / f"{board[1]}.trace").read_bytes()


def run_script(port, _):
    probe = DapClient(port)
    script(probe)
    probe.close()


def test_the_same_seed_and_client_make_the_same_trace(programs, tmp_path):
    first, second, other = (
        run(programs, tmp_path / name, "--wire-time", "--seed", seed, act=run_script)
        for name, seed in (("first", 5), ("second", 5), ("other", 6))
    )
    assert first == second
    assert first != other, "FICR and RAM must depend on the seed"
    lines = [line.split() for line in first.decode().splitlines()]
    times = [int(line[0]) for line in lines]
    assert times == sorted(times)
    happened = {line[1] for line in lines}
    assert happened >= {
        "reset",
        "exception",
        "return",
        "sleep",
        "halt",
        "resume",
        "pins",
        "uart",
        "flash",
        "dp",
        "ap",
    }, happened
    assert {line[3] for line in lines if line[1] == "ap" and line[2] == "read"} >= {"0000000c"}
    assert {line[2] for line in lines if line[1] == "reset"} == {"power-on", "request", "pin"}
    assert [line[1:] for line in lines if line[1:3] == ["flash", f"{PAGE:08x}"]] == [
        ["flash", "00080000", "4096"],
        ["flash", "00080000", "4"],
    ]


@pytest.mark.parametrize("flags", [(), ("--realtime",)], ids=["fast", "realtime"])
def test_a_program_without_a_client_leaves_the_same_trace(programs, tmp_path, flags):
    """The simulators run for different times, so the traces are compared up to the length of the shorter one."""
    enough = 100_000
    # SP, vectors; movs r0, #255; 1: subs r0, #1; bne 1b; svc 0; b back; handler: bx lr
    program = struct.pack("<II36xI", 0x20040000, 0x101, 0x10B).ljust(0x100) + struct.pack(
        "<6H", 0x20FF, 0x3801, 0xD1FD, 0xDF00, 0xE7FA, 0x4770
    )
    (tmp_path / "calls.bin").write_bytes(program)

    def wait(_, path):
        wait_until(lambda: path.stat().st_size > enough, "the trace is long enough")

    first, second = (
        run(programs, tmp_path / name, "--flash", tmp_path / "calls.bin", *flags, act=wait)
        for name in ("first", "second")
    )
    length = min(len(first), len(second))
    assert length > enough
    assert first[:length] == second[:length]


def test_error_names_a_trace_that_cannot_be_written(programs, tmp_path):
    (tmp_path / "file").write_text("")
    result = programs.run("probegate-sim", "--listen", f"{LOOPBACK}:0", "--trace", tmp_path / "file")
    assert result.returncode == 1 and str(tmp_path / "file") in result.stderr
