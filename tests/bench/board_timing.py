"""Measures how fast the real pyOCD steps a board and programs its flash: board_timing.py PORT STEPS KIB.

Prints one JSON object: steps per second, and KiB of flash per second. Programming includes erasing sectors and
comparing their contents."""

import json
import random
import sys
import time

from pyocd.core.helpers import ConnectHelper
from pyocd.flash.eraser import FlashEraser
from pyocd.flash.loader import FlashLoader

FIRST = 0x40000


def main(port, steps, kib):
    with ConnectHelper.session_with_chosen_probe(
        unique_id=f"remote:127.0.0.1:{port}",
        blocking=False,
        return_first=True,
        no_config=True,
        options={"target_override": "nrf52840", "connect_mode": "halt", "hide_programming_progress": True},
    ) as session:
        target = session.target
        start = time.perf_counter()
        for _ in range(steps):
            target.step()
        stepped = time.perf_counter() - start
        FlashEraser(session, FlashEraser.Mode.CHIP).erase()
        data = random.Random(kib).randbytes(kib * 1024)
        loader = FlashLoader(session, chip_erase="sector")
        loader.add_data(FIRST, data)
        start = time.perf_counter()
        loader.commit()
        programmed = time.perf_counter() - start
        if bytes(target.read_memory_block8(FIRST, len(data))) != data:
            raise SystemExit("flash does not contain the data that was sent")
    print(json.dumps({"steps_per_second": steps / stepped, "kib_per_second": kib / programmed}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
