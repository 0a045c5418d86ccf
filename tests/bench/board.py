"""Measures simulated boards: speed, memory and processor time. It uses the control port, /proc and pyOCD."""

import os
import struct
import time

from sim_control import SimControl
from stack import LOOPBACK, Stack

# A loop of eight instructions with one load and one store: ldr r0, =0x20000100; 1: ldr r1, [r0]; adds r1, #1;
# str r1, [r0]; adds r2, r2, r1; eors r3, r2; lsls r4, r3, #3; subs r5, r4, r2; b 1b
LOOP = struct.pack(
    "<II10HI",
    0x20040000,
    8 | 1,
    0x4804,
    0x6801,
    0x3101,
    0x6001,
    0x1852,
    0x4053,
    0x00DC,
    0x1AA5,
    0xE7F7,
    0xBF00,
    0x20000100,
)

DHCSR, DEMCR = 0xE000EDF0, 0xE000EDFC
DEBUG_ON = 0xA05F0001
TRACE_ON = 1 << 24
DWT_CTRL, CYCCNT, DWT_COMP3 = 0xE0001000, 0xE0001004, 0xE0001050
MPU_CTRL = 0xE000ED94
FP_CTRL, FP_COMP0 = 0xE0002000, 0xE0002008

# Registers that are set before the speed is measured. The breakpoint and the watchpoint are never hit.
SPEEDS = {
    "bare": {},
    "with a breakpoint": {DHCSR: DEBUG_ON, FP_COMP0: 0x40001001, FP_CTRL: 3},
    "with the MPU": {MPU_CTRL: 5},
    "with a watchpoint": {DHCSR: DEBUG_ON, DWT_COMP3: 0x20030000, DWT_COMP3 + 4: 2, DWT_COMP3 + 8: 6},
}


def resident_mib(pids):
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/status") as status:
            total += next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return total / 1024


class Boards:
    """A simulator with a control port, without a server and a gateway."""

    def __init__(self, programs, label, *flags):
        self._sim = programs.start(
            "probegate-sim", "--listen", f"{LOOPBACK}:0", "--control", f"{LOOPBACK}:0", *flags, label=label
        )
        self._control = SimControl(int(self._sim.wait_for_line(rf"control listening on {LOOPBACK}:(\d+)")[1]))

    def stop(self):
        self._control.close()
        self._sim.stop()

    def write(self, address, value):
        self._control.call("write_word", board=0, address=address, value=value)

    def read(self, address):
        return self._control.call("read_word", board=0, address=address)["value"]

    def mips(self, seconds):
        """The core's speed, in millions of instructions per second."""
        start, first = time.perf_counter(), self.read(CYCCNT)
        time.sleep(seconds)
        last, end = self.read(CYCCNT), time.perf_counter()
        return (last - first) % 2**32 / (end - start) / 1e6

    def resident_mib(self):
        return resident_mib([self._sim.pid])

    def processor_percent(self, seconds):
        """The processor time that the simulator uses, as a percentage of one processor."""

        def used():
            with open(f"/proc/{self._sim.pid}/stat") as stat:
                fields = stat.read().rpartition(")")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        start, before = time.perf_counter(), used()
        time.sleep(seconds)
        return 100 * (used() - before) / (time.perf_counter() - start)


def speeds(programs, directory, seconds):
    """The speed of LOOP in MIPS, with each set of registers in SPEEDS."""
    image = directory / "loop.bin"
    image.write_bytes(LOOP)
    result = {}
    for name, registers in SPEEDS.items():
        board = Boards(programs, f"speed {name}", "--flash", image)
        board.write(DEMCR, TRACE_ON)
        board.write(DWT_CTRL, 1)
        for address, value in registers.items():
            board.write(address, value)
        result[name] = board.mips(seconds)
        board.stop()
    return result


def idle_boards(programs, count, seconds):
    """The memory per board in MiB, and the processor time of all boards in percent, with the built-in firmware."""
    one = Boards(programs, "one board")
    many = Boards(programs, "many boards", "--boards", 1 + count)
    percent = many.processor_percent(seconds)
    mib = (many.resident_mib() - one.resident_mib()) / count
    one.stop()
    many.stop()
    return mib, percent


class OwnStack(Stack):
    """A second stack, with its own serial numbers and ports; a context manager that ends it."""

    def __init__(self, programs, name, boards=1, sim_flags=()):
        self._name = name
        super().__init__(programs, boards=boards, sim_flags=["--serial-prefix", name, *sim_flags])

    def start_gateway(self):
        self.state = self.programs.directory / f"state-{self._name}"
        super().start_gateway()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in (self.gateway, self.server, self.sim):
            program.stop()


def fleet_mib(programs, probes):
    """The memory of the server and the gateway with this number of probes."""
    with OwnStack(programs, "FLEET", boards=probes) as stack:
        return resident_mib([stack.server.pid, stack.gateway.pid])


def programming_stack(programs):
    """A stack whose board's flash takes no time, so that only the time of the transfers is measured."""
    return OwnStack(programs, "PROGRAMMED", sim_flags=["--flash-speed", "1000000"])
