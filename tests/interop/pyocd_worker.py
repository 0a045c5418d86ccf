"""Runs the real pyOCD and is controlled over pipes: one JSON object per line in, one per line out.

It is a separate process because pyOCD's client waits forever for a lost reply and spins forever at end-of-file, and
because some tests kill it. The commands are the functions below that are decorated with @command.

    {"command": "attach", "arguments": {"uid": "remote:127.0.0.1:5555"}}  ->  {"result": null}
    if pyOCD raises an exception                                          ->  {"error": "TransferFaultError", "message": "…"}
"""

import json
import queue
import random
import sys
import threading

from pyocd.core import exceptions
from pyocd.core.helpers import ConnectHelper
from pyocd.core.target import Target
from pyocd.flash.file_programmer import FileProgrammer

COMMANDS = {}


def command(function):
    COMMANDS[function.__name__] = function
    return function


class Worker:
    def __init__(self):
        self.session = None
        self.stop = threading.Event()  # set by the line {"command": "stop"}, which gets no answer

    @property
    def target(self):
        return self.session.target

    @property
    def probe(self):
        return self.session.probe


@command
def attach(worker, uid, **options):
    worker.session = ConnectHelper.session_with_chosen_probe(
        unique_id=uid,
        blocking=False,
        return_first=True,
        no_config=True,
        options={"target_override": "cortex_m", "connect_mode": "attach", "resume_on_disconnect": False, **options},
    )
    worker.session.open()


@command
def detach(worker):
    if worker.session is not None:
        session, worker.session = worker.session, None
        session.close()


@command
def call_target(worker, method, *arguments):
    return getattr(worker.target, method)(*arguments)


@command
def call_probe(worker, method, *arguments):
    return getattr(worker.probe, method)(*arguments)


@command
def reset(worker, method):
    """Resets the target in one of pyOCD's ways: the name of a Target.ResetType."""
    worker.target.reset(Target.ResetType[method])


@command
def flash(worker, path):
    """Without pyOCD's progress bar, which would go to the same pipe as the answers."""
    FileProgrammer(worker.session, progress=lambda _: None, no_reset=True).program(path)


@command
def core_state(worker):
    return worker.target.get_state().name


@command
def read_expecting(worker, method, address, expected, count):
    """Makes `count` reads, cycling through neighbouring units. Returns how many were wrong; an exception ends it."""
    read = getattr(worker.target, method)
    width = {"read32": 4, "read16": 2, "read8": 1}[method]
    wrong = 0
    for i in range(count):
        n = i % len(expected)
        wrong += read(address + n * width) != expected[n]
    return wrong


@command
def read_until_stopped(worker, address, expected):
    """Like read_expecting with words, until told to stop. Returns the number of reads, and how many
    of them were wrong."""
    count = wrong = 0
    while not worker.stop.is_set():
        n = count % len(expected)
        wrong += worker.target.read32(address + n * 4) != expected[n]
        count += 1
    return {"count": count, "wrong": wrong}


@command
def write_faulting_until_stopped(worker, address):
    """Writes to an unmapped address until told to stop. Returns the number of writes, and how many of them faulted."""
    count = faults = 0
    while not worker.stop.is_set():
        count += 1
        try:
            worker.target.write32(address, count)
            worker.target.flush()
        except exceptions.TransferFaultError:
            faults += 1
    return {"count": count, "faults": faults}


@command
def attach_and_detach(worker, uid, count):
    for _ in range(count):
        attach(worker, uid)
        worker.target.read32(0x20000000)
        detach(worker)


@command
def check_memory_until_stopped(worker, address, size, seed):
    """Writes its own range of memory and reads it back, in all widths, until told to stop. Returns
    the number of rounds and the first mismatch."""
    rng = random.Random(seed)
    rounds = 0
    content = bytearray(rng.randbytes(size))
    worker.target.write_memory_block8(address, content)
    while not worker.stop.is_set():
        rounds += 1
        mismatch = _one_round(worker.target, rng, address, content)
        if mismatch:
            return {"rounds": rounds, "mismatch": mismatch}
    return {"rounds": rounds, "mismatch": None}


def _one_round(target, rng, address, content):
    width = rng.choice((1, 2, 4))
    offset = rng.randrange(len(content) // width) * width
    value = rng.getrandbits(8 * width)
    target.write_memory(address + offset, value, 8 * width)
    content[offset : offset + width] = value.to_bytes(width, "little")

    width = rng.choice((1, 2, 4))
    offset = rng.randrange(len(content) // width) * width
    got = target.read_memory(address + offset, 8 * width)
    want = int.from_bytes(content[offset : offset + width], "little")
    if got != want:
        return f"{width} bytes at {address + offset:#x}: {got:#x} instead of {want:#x}"

    start = rng.randrange(len(content))
    end = rng.randrange(start, len(content)) + 1
    got = bytes(target.read_memory_block8(address + start, end - start))
    if got != content[start:end]:
        return f"block of {end - start} bytes at {address + start:#x}"
    return None


def read_commands(commands, stop):
    for line in sys.stdin:
        message = json.loads(line)
        if message["command"] == "stop":
            stop.set()
        else:
            commands.put(message)
    commands.put(None)


def main():
    worker = Worker()
    commands = queue.Queue()
    threading.Thread(target=read_commands, args=(commands, worker.stop), daemon=True).start()
    print(json.dumps({"result": "ready"}), flush=True)
    while (message := commands.get()) is not None:
        try:
            run = COMMANDS[message["command"]]
            answer = {"result": run(worker, *message.get("positional", ()), **message.get("arguments", {}))}
        except Exception as error:  # of any kind: the test must see it
            answer = {"error": type(error).__name__, "message": str(error)}
        worker.stop.clear()
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
