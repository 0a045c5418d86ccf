#!/usr/bin/env python3
"""Waits for the result of self-testing firmware: a 32-bit variable, which is read while the target runs.

    board_test.py --elf app.elf --symbol test_result --equals 1
    board_test.py --elf app.elf --symbol heartbeat --changes

The board is $PROBEGATE_BOARD (HOST:PORT of a gateway), and the target type is $TARGET (its pyOCD name). The target is reset
first, and left running. Exit code: 0 if the condition was met, 1 if not within --timeout, 2 for invalid arguments or an
unknown symbol, 3 if the board cannot be reached or read.
"""

import argparse
import os
import sys
import time

from pyocd.core.exceptions import Error
from pyocd.core.helpers import ConnectHelper
from pyocd.debug.elf.symbols import ELFSymbolProvider


def arguments():
    parser = argparse.ArgumentParser(description="Waits for the result of self-testing firmware.")
    parser.add_argument("--elf", required=True, help="the firmware, with symbols")
    parser.add_argument("--symbol", required=True, help="the name of the variable")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--equals", type=lambda text: int(text, 0), help="wait until the variable has this value")
    wanted.add_argument("--changes", action="store_true", help="wait until the variable changes")
    parser.add_argument("--timeout", type=float, default=30, help="seconds (default: 30)")
    parser.add_argument("--board", default=os.environ.get("PROBEGATE_BOARD"), help="HOST:PORT ($PROBEGATE_BOARD)")
    parser.add_argument("--target", default=os.environ.get("TARGET"), help="target type, by its pyOCD name ($TARGET)")
    given = parser.parse_args()
    if not given.board or not given.target:
        parser.error("--board and --target, or $PROBEGATE_BOARD and $TARGET, are needed")
    return given


def watch(target, address, given):
    """Returns the last value, and whether the condition was met."""
    deadline = time.monotonic() + given.timeout
    first = target.read32(address)
    while True:
        value = target.read32(address)
        if value != first if given.changes else value == given.equals:
            return value, True
        if time.monotonic() > deadline:
            return value, False
        time.sleep(0.05)


def main():
    given = arguments()
    session = ConnectHelper.session_with_chosen_probe(
        unique_id=f"remote:{given.board}",
        blocking=False,
        return_first=True,
        options={"target_override": given.target, "connect_mode": "attach", "resume_on_disconnect": False},
    )
    if session is None:
        print(f"no board at {given.board}", file=sys.stderr)
        return 3
    with session:
        session.target.elf = given.elf
        address = ELFSymbolProvider(session.target.elf).get_symbol_value(given.symbol)
        if address is None:
            print(f"{given.elf} has no symbol {given.symbol}", file=sys.stderr)
            return 2
        session.target.reset()
        value, good = watch(session.target, address, given)
    print(f"{given.symbol} is {value} (0x{value:08x})" + ("" if good else f", still after {given.timeout:g} s"))
    return 0 if good else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Error, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        sys.exit(3)
