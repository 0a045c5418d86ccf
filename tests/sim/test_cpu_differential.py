"""Compares the simulated core with user-mode qemu-arm: generated sequences of Thumb-2 instructions must leave the same
values in registers, flags and memory.

Both execute the same program, with its code at 0x10000 and its data at 0x20010000. It loads registers with the inputs
of each sequence, executes the sequence, and stores the registers and memory as results. On the simulated board the
program is entered by a vector table, under Linux by _start.
"""

import json
import os
import pathlib
import random
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest
import thumb_sequences
from elftools.elf.elffile import ELFFile

ROOT = pathlib.Path(__file__).parents[2]
BIN = pathlib.Path(os.environ.get("PROBEGATE_BIN", ROOT / "build/dev/bin")).resolve()
BOUND = 60.0

SEEDS = range(1, 7)
SEQUENCES = 60
LENGTH = 25
WORDS_BEFORE = 9 + 1 + 1 + 16  # r0 to r8, APSR, FPSCR, s0 to s15
WORDS_AFTER = WORDS_BEFORE + thumb_sequences.MEMORY_BYTES // 4
TEXT = 0x10000
DATA = 0x20010000
FLAGS = 0xF80F0000  # NZCVQ, GE

PROLOGUE = """
  .syntax unified
  .thumb
  .section .text
  .global _start, on_board
  .thumb_func
_start:
  bl execute
  movs r0, #1
  ldr r1, =results
  ldr r2, =results_end
  subs r2, r1
  movs r7, #4
  svc #0
  movs r0, #0
  movs r7, #1
  svc #0
  .thumb_func
on_board:
  ldr r0, =0xE000ED88
  mov r1, #0xF00000
  str r1, [r0]
  dsb
  isb
  bl execute
  ldr r0, =finished
  movs r1, #1
  str r1, [r0]
  b .
  .ltorg
  .thumb_func
execute:
  ldr r11, =results
  ldr r9, =keep
  str lr, [r9]
"""

BEFORE = """
  ldr r9, =inputs + {offset}
  ldr r10, =memory
  add r12, r9, #44
  vldmia r12, {{s0-s15}}
  ldr r12, [r9, #40]
  vmsr fpscr, r12
  ldr r12, [r9, #36]
  msr APSR_nzcvqg, r12
  ldmia r9, {{r0-r8}}
"""

AFTER = (
    """
  stmia r11!, {r0-r8}
  mrs r0, APSR
  vmrs r1, fpscr
  stmia r11!, {r0, r1}
  vstmia r11!, {s0-s15}
  movs r0, #0
1:
  ldr r1, [r10, r0]
  str r1, [r11], #4
  adds r0, #4
  cmp r0, #%d
  bne 1b
  b 2f
  .ltorg
2:
"""
    % thumb_sequences.MEMORY_BYTES
)

EPILOGUE = """
  ldr r9, =keep
  ldr lr, [r9]
  bx lr
  .ltorg
  .section .data
memory:
%s
inputs:
%s
  .bss
  .global results, finished
keep: .space 4
finished: .space 4
results: .space %d
results_end:
"""


def random_word(source):
    """Favours values at the limits of number ranges, and floats that are close to each other."""
    return source.choice(
        [
            source.getrandbits(32),
            source.randrange(16),
            0xFFFFFFFF - source.randrange(4),
            0x80000000,
            0x7FFFFFFF,
            struct.unpack("<I", struct.pack("<f", source.uniform(-100, 100)))[0],
            0x7FC00000,
            0x7F800000,
            0x00000001,
        ]
    )


def make_source(seed):
    source = random.Random(seed)
    generator = thumb_sequences.Generator(source)
    text, inputs = [PROLOGUE], []
    for number in range(SEQUENCES):
        words = [random_word(source) for _ in range(WORDS_BEFORE)]
        words[9] &= FLAGS
        words[10] = 0  # rounds to nearest, no exception flags
        inputs += words
        text.append(BEFORE.format(offset=4 * number * WORDS_BEFORE))
        text += ["  " + line for line in generator.sequence(LENGTH)]
        text.append(AFTER)
    memory = [random_word(source) for _ in range(thumb_sequences.MEMORY_BYTES // 4)]
    words = ["\n".join(f"  .word {word:#x}" for word in part) for part in (memory, inputs)]
    return "\n".join(text) + EPILOGUE % (*words, 4 * SEQUENCES * WORDS_AFTER)


def build(directory, seed):
    (directory / "program.s").write_text(make_source(seed))
    subprocess.run(
        [
            "arm-none-eabi-gcc",
            "-mcpu=cortex-m4",
            "-mthumb",
            "-mfloat-abi=hard",
            "-mfpu=fpv4-sp-d16",
            "-nostdlib",
            f"-Wl,-Ttext={TEXT:#x}",
            f"-Wl,-Tdata={DATA:#x}",
            "-o",
            "program.elf",
            "program.s",
        ],
        cwd=directory,
        check=True,
    )
    return directory / "program.elf"


def run_under_qemu(elf):
    result = subprocess.run(["qemu-arm", elf], capture_output=True, timeout=BOUND, check=True)
    return struct.unpack(f"<{len(result.stdout) // 4}I", result.stdout)


def make_image(elf_path, directory):
    """Makes an image of flash with a vector table and the code; also returns the data, which must be written to RAM."""
    with open(elf_path, "rb") as file:
        elf = ELFFile(file)
        symbols = {symbol.name: symbol["st_value"] for symbol in elf.get_section_by_name(".symtab").iter_symbols()}
        text = elf.get_section_by_name(".text").data()
        data = elf.get_section_by_name(".data").data()
    image = struct.pack("<II", 0x20040000, symbols["on_board"] | 1).ljust(TEXT, b"\xff") + text
    path = directory / "program.bin"
    path.write_bytes(image)
    return path, data, symbols


class Board:
    """A simulated board, accessed through its control port."""

    def __init__(self, image, directory):
        self.log = open(directory / "sim.log", "w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [BIN / "probegate-sim", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--flash", image],
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )
        self.socket = socket.create_connection(("127.0.0.1", self._control_port()), timeout=BOUND)
        self.lines = self.socket.makefile("rb")

    def _control_port(self):
        deadline = time.monotonic() + BOUND
        while time.monotonic() < deadline:
            self.log.seek(0)
            if found := re.search(r"control listening on 127\.0\.0\.1:(\d+)\n", self.log.read()):
                return int(found[1])
            time.sleep(0.01)
        raise AssertionError("probegate-sim does not start")

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.lines.close()
        self.socket.close()
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def _call_all(self, requests):
        """Sends many requests at once; the answers come in the same order."""
        self.socket.sendall("".join(json.dumps(request) + "\n" for request in requests).encode())
        answers = [json.loads(self.lines.readline()) for _ in requests]
        assert all(answer["ok"] for answer in answers), [answer for answer in answers if not answer["ok"]][0]
        return answers

    def read(self, address, count):
        values = []
        for first in range(0, count, 500):
            requests = [
                {"command": "read_word", "board": 0, "address": address + 4 * i}
                for i in range(first, min(first + 500, count))
            ]
            values += [answer["value"] for answer in self._call_all(requests)]
        return tuple(values)

    def write(self, address, data):
        words = struct.unpack(f"<{len(data) // 4}I", data)
        for first in range(0, len(words), 500):
            self._call_all(
                [
                    {"command": "write_word", "board": 0, "address": address + 4 * i, "value": words[i]}
                    for i in range(first, min(first + 500, len(words)))
                ]
            )


def run_on_board(elf, directory):
    image, data, symbols = make_image(elf, directory)
    with Board(image, directory) as board:
        # The core is halted while the data is written, and then reset so that it starts with the data in place.
        board.write(0xE000EDF0, struct.pack("<I", 0xA05F0003))
        board.write(0xE000EDFC, struct.pack("<I", 1))
        board.write(DATA, data)
        board.write(symbols["finished"], bytes(4))
        board.write(0xE000ED0C, struct.pack("<I", 0x05FA0004))
        board.write(0xE000EDF0, struct.pack("<I", 0xA05F0001))
        deadline = time.monotonic() + BOUND
        while board.read(symbols["finished"], 1) != (1,):
            assert time.monotonic() < deadline, f"the program does not finish; PC is {board.read(0xE000101C, 1)[0]:#x}"
        return board.read(symbols["results"], SEQUENCES * WORDS_AFTER)


def names():
    return (
        [f"r{i}" for i in range(9)]
        + ["APSR", "FPSCR"]
        + [f"s{i}" for i in range(16)]
        + [f"memory+{4 * i}" for i in range(thumb_sequences.MEMORY_BYTES // 4)]
    )


@pytest.mark.skipif(shutil.which("qemu-arm") is None, reason="qemu-arm is not installed (qemu-user)")
@pytest.mark.parametrize("seed", SEEDS)
def test_same_as_qemu(seed, tmp_path):
    elf = build(tmp_path, seed)
    expected = run_under_qemu(elf)
    assert len(expected) == SEQUENCES * WORDS_AFTER
    seen = run_on_board(elf, tmp_path)
    differences = []
    for index, (theirs, ours) in enumerate(zip(expected, seen)):
        sequence, word = divmod(index, WORDS_AFTER)
        if names()[word] == "APSR":
            theirs, ours = theirs & FLAGS, ours & FLAGS
        if theirs != ours:
            differences.append(f"sequence {sequence}: {names()[word]} is {ours:#010x}, under qemu {theirs:#010x}")
    assert not differences, "\n".join(differences[:20])
