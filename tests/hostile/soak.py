"""The soak: all programs under everyday load, with failing boards and one hostile client, for a long time.

    python soak.py [--seconds N] [--boards N] [--connections N] [--attack NAME]…

- Honest clients work all the time: pyOCD, sessions of the remote protocol and of gRPC, clients that come and go, and health
  checks. None of their requests may fail, and their latency's p99 must stay under ten times its value without an attack.
- Visitors hold the given number of connections to the gateway, from many addresses, and come and go.
- Faults are injected into the last fifth of the boards, which no honest client uses, but some visitors do.
- One hostile client runs all attacks (attacks.py) by turns.

At the end memory, descriptors and threads of each program must be back where they were before the attacks, and all probes must be
served. The last line is the figure. Needs what `./dev soak` sets: PROBEGATE_BIN, pyOCD and gdb in PATH, and tests/, tests/hostile
and tests/interop in PYTHONPATH.
"""

import argparse
import asyncio
import dataclasses
import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import threading
import time

import attacks
import grpc_client
import signals
from debug_client import Debugd
from honest_client import HonestClient, Sample
from process_usage import MIB, RECOVERY, forget_peak, peak, usage
from pyocd_client import PyocdError, PyocdWorker
from raw_client import RAM
from sim_control import SimControl
from stack import BOUND, LOOPBACK, Programs, Stack, wait_until

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[1]
HOSTILE = "127.0.0.66"
# The boards of the honest clients; visitors use those after them.
PYOCD_BOARD, JSON_BOARD, GRPC_BOARD, VISITED_BOARD = range(4)
# What a program may use more than before, once an attack is over. gRPC keeps some threads and descriptors in reserve.
MORE_MEMORY, MORE_DESCRIPTORS, MORE_THREADS = 64 * MIB, 8, 16
# What a program may use more than before during an attack: what it lets requests hold, and as much again.
MEMORY_BUDGET = 512 * MIB

# Latencies below this are no sign of an attack that delays others, whatever they were before.
ALWAYS_GOOD_MS = 1000.0


def is_delayed(alone, under_attack):
    """Whether a client's requests take so much longer than without an attack that the attack must delay them."""
    limit = max(10 * alone.p99_ms, ALWAYS_GOOD_MS)
    return bool(under_attack.latencies_ms) and under_attack.p99_ms > limit


@dataclasses.dataclass(frozen=True)
class Size:
    seconds: float
    boards: int = 100
    connections: int = 1000
    names: tuple = tuple(attacks.ATTACKS)
    # Whether clients must be as quick as without an attack. Not if other tests run on the machine.
    latency: bool = True

    @property
    def faulty(self):
        """The numbers of the boards into which faults are injected."""
        return range(self.boards - max(1, self.boards // 5), self.boards)


class Pyocd:
    """The real pyOCD, used as a debugger is: it attaches, accesses memory for a while, and detaches."""

    ACCESSES = 20

    def __init__(self, directory, uid):
        self._worker = PyocdWorker(directory, 0)
        self._uid = uid
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._latencies_ms = []
        self._failures = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        with self._changed:
            assert self._changed.wait_for(lambda: self._latencies_ms, 2 * BOUND), "pyOCD did not attach"

    def take(self):
        with self._changed:
            sample = Sample(self._latencies_ms, self._failures)
            self._latencies_ms, self._failures = [], []
        return sample

    def kill(self):
        self._stop.set()
        self._thread.join(2 * BOUND)
        self._worker.kill()

    def _run(self):
        while not self._stop.is_set():
            self._do(lambda: self._worker.attach(self._uid))
            for number in range(self.ACCESSES):
                self._do(lambda: self._check(number))
                self._stop.wait(0.1)
            self._do(self._worker.detach)

    def _check(self, number):
        self._worker.target("write32", RAM + 4 * number, number)
        got = self._worker.target("read32", RAM + 4 * number)
        assert got == number, f"read {got:#x} instead of {number:#x}"

    def _do(self, action):
        started, failure = time.monotonic(), None
        try:
            action()
        except (PyocdError, AssertionError) as error:
            failure = str(error)
        with self._changed:
            self._latencies_ms.append((time.monotonic() - started) * 1000)
            if failure:
                self._failures.append(f"pyOCD: {failure}")
            self._changed.notify_all()


class Visitors:
    """Clients that come and go, as many connections at a time as there are tasks, from many addresses. They run in a thread
    of their own."""

    PAUSE = 20.0  # seconds that a visitor stays, on average

    def __init__(self, count, ports, faulty_ports):
        self._ports = ports
        self._faulty_ports = faulty_ports
        self._numbers = random.Random(1)
        self._lock = threading.Lock()
        self._visits = 0
        self._failures = []
        self._open = 0
        self._loop = asyncio.new_event_loop()
        self._tasks = [self._loop.create_task(self._come_and_go(number, count)) for number in range(count)]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def connections(self):
        return self._open

    def take(self):
        """The number of visits and the failures since the last call."""
        with self._lock:
            taken = self._visits, self._failures
            self._visits, self._failures = 0, []
        return taken

    def end(self):
        self._loop.call_soon_threadsafe(lambda: [task.cancel() for task in self._tasks])
        self._thread.join(BOUND)

    def _run(self):
        self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        self._loop.close()

    async def _come_and_go(self, number, count):
        source = f"127.0.1.{1 + number % 20}"
        faulty = number % 10 == 0
        # Not all at once.
        await asyncio.sleep(number * min(10.0, count / 50) / count)
        while True:
            failure = None
            try:
                await self._visit(source, self._numbers.choice(self._faulty_ports if faulty else self._ports), faulty)
            except (TimeoutError, OSError, EOFError, ValueError, AssertionError) as error:
                failure = f"visitor: {type(error).__name__}: {error}"
            with self._lock:
                self._visits += 1
                if failure and not faulty:
                    self._failures.append(failure)
            if failure:
                await asyncio.sleep(1.0)

    async def _visit(self, source, port, faulty):
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(LOOPBACK, port, local_addr=(source, 0), limit=1 << 20), BOUND
        )
        self._open += 1
        try:

            async def call(request, *arguments):
                line = json.dumps({"id": 1, "request": request, "arguments": arguments})
                writer.write(line.encode() + b"\n")
                reply = json.loads(await asyncio.wait_for(reader.readline(), 2 * BOUND) or b'{"status": "closed"}')
                assert faulty or reply["status"] == 0, reply

            await call("hello", 1)
            await call("readprop", "unique_id")
            works = self._numbers.random() < 0.2
            if works:
                await call("open")
                await call("connect", "SWD")
            await asyncio.sleep(self._numbers.uniform(0, 2 * self.PAUSE))
            if works:
                await call("disconnect")
                await call("close")
            if self._numbers.random() < 0.5:
                writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()


class Faults:
    """Injects faults into some boards, by turns, until it ends. Then no board has a fault."""

    KINDS = (
        {"fault": "no_ack"},
        {"fault": "wait", "times": 10},
        {"fault": "fault"},
        {"fault": "drop_reply"},
        {"fault": "stale_reply"},
        {"fault": "repeat_reply"},
        {"fault": "late_reply", "milliseconds": 500},
        {"fault": "corrupt_reply"},
        {"fault": "unplug"},
    )

    def __init__(self, port, boards):
        self._control = SimControl(port)
        self._boards = boards
        self._stop = threading.Event()
        self.injected = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def end(self):
        self._stop.set()
        self._thread.join(BOUND)
        for board in self._boards:
            self._control.call("clear_faults", board=board)
            self._control.plug(board)
        self._control.close()

    def _run(self):
        numbers = random.Random(2)
        while not self._stop.wait(0.5):
            self._control.plug(numbers.choice(self._boards))
            self._control.call("inject", board=numbers.choice(self._boards), **numbers.choice(self.KINDS))
            self.injected += 1


def _say(text):
    print(text, flush=True)


class Soak:
    def __init__(self, programs, size):
        self._size = size
        self._problems = []
        self._latencies_ms = []
        self._requests = 0
        self._failures = 0
        self._alone = {}
        self._before = {}
        self._stack = Stack(
            programs,
            boards=size.boards,
            server_flags=["--lock-idle", 0.2, "--lock-max", 0.5],
            gateway_flags=["--max-connections", max(2048, 2 * size.connections)],
        )
        self._debugd = Debugd(self._stack)
        self._programs = {
            "sim": self._stack.sim,
            "server": self._stack.server,
            "gateway": self._stack.gateway,
            "debugd": self._debugd.program,
        }
        self._http = {
            name: int(program.metrics_url().rpartition(":")[2].partition("/")[0])
            for name, program in self._programs.items()
            if name != "sim"
        }
        self._clients = self._start_clients(programs)
        ports = [self._stack.port_of(serial) for serial in self._stack.serials]
        self._ports = {
            "good": ports[min(VISITED_BOARD, size.faulty[0] - 1) : size.faulty[0]],
            "faulty": ports[size.faulty[0] :],
        }

    def _start_clients(self, programs):
        stack = self._stack

        def port(board):
            return stack.port_of(stack.serials[board])

        return {
            "pyOCD": Pyocd(programs.directory, f"remote:{LOOPBACK}:{port(PYOCD_BOARD)}"),
            "JSON session": HonestClient("json", port(JSON_BOARD), pause=0.05),
            "JSON visits": HonestClient("json-visits", port(JSON_BOARD), pause=0.3),
            "gRPC session": HonestClient("grpc", stack.server_address, probe=stack.serials[GRPC_BOARD], pause=0.05),
            "gRPC calls": HonestClient("grpc-visits", stack.server_address, pause=0.3),
            **{
                f"health of the {name}": HonestClient("http", f"{LOOPBACK}:{port}/readyz", pause=0.3)
                for name, port in self._http.items()
            },
        }

    def run(self):
        """Returns the problems, one line each, and the figure."""
        try:
            growth = self._soak()
        finally:
            for client in self._clients.values():
                client.kill()
        return self._problems, self._figure(growth)

    def _soak(self):
        """Returns by how many bytes each program has grown."""
        quiet = {name: usage(program) for name, program in self._programs.items()}
        visitors = Visitors(self._size.connections, self._ports["good"], self._ports["faulty"])
        faults = Faults(self._stack.control_port, self._size.faulty)
        try:
            wait_until(lambda: visitors.connections > 0.8 * self._size.connections, "the visitors have come", 2 * BOUND)
            self._take(visitors)  # what the clients saw while everything started
            threading.Event().wait(min(5.0, self._size.seconds / 10))
            self._alone = self._take(visitors, "no attack")
            # The visitors will have gone when this is compared, so their descriptors do not count.
            self._before = {
                name: dataclasses.replace(quiet[name], resident=usage(program).resident)
                for name, program in self._programs.items()
            }
            self._attack_by_turns(visitors)
        finally:
            faults.end()
            visitors.end()
        _say(f"{faults.injected} faults injected")
        self._wait_for_recovery()
        self._wait_for_all_probes()
        self._take(visitors, "after the attacks")
        return {name: usage(program).resident - self._before[name].resident for name, program in self._programs.items()}

    def _figure(self, growth):
        everything = Sample(self._latencies_ms, [])
        memory = ", ".join(f"{name} {bytes_ / MIB:+.0f} MiB" for name, bytes_ in growth.items())
        return (
            f"{self._requests} requests, {self._failures} failures, p99 {everything.p99_ms:.1f} ms, "
            f"memory growth: {memory}"
        )

    def _attack_by_turns(self, visitors):
        end = time.monotonic() + self._size.seconds
        names = self._size.names
        turn = min(10.0, max(1.0, self._size.seconds / len(names)))
        number = 0
        while number == 0 or time.monotonic() < end:
            name = names[number % len(names)]
            for program in self._programs.values():
                forget_peak(program)
            self._attack(name, turn)
            self._take(visitors, name)
            self._check_peaks(name)
            number += 1

    def _check_peaks(self, attack):
        for name, program in self._programs.items():
            grown = peak(program) - self._before[name].resident
            if grown > MEMORY_BUDGET:
                self._problems.append(f"{attack}: the {name} used {grown / MIB:.0f} MiB more than before the attacks")

    def _attack(self, name, seconds):
        stack = self._stack
        target = attacks.Target(
            source=HOSTILE,
            gateway=stack.port_of(stack.serials[JSON_BOARD]),
            server=stack.server_port,
            debugd=self._debugd.port,
            http=tuple(self._http.values()),
            probe=stack.serials[GRPC_BOARD],
            seconds=seconds,
        )
        words = [sys.executable, HERE / "attacks.py", name, json.dumps(dataclasses.asdict(target))]
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        try:
            done = subprocess.run(
                words,
                env=env,
                timeout=seconds + BOUND,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                self._problems.append(f"{name}: the attack itself failed: {done.stdout[-600:]}")
        except subprocess.TimeoutExpired:
            pass  # it was killed, and with it its connections

    def _take(self, visitors, during=None):
        """Takes what all honest clients have seen since the last call, and checks it if `during` says what went on."""
        samples = {}
        for name, client in self._clients.items():
            try:
                samples[name] = client.take()
            except AssertionError as error:
                samples[name] = Sample([], [str(error)])
        visits, visitors_failures = visitors.take()
        if during is None:
            return samples
        failures = [f"{name}: {text}" for name, sample in samples.items() for text in sample.failures]
        failures += visitors_failures
        latencies = [latency for sample in samples.values() for latency in sample.latencies_ms]
        self._latencies_ms += latencies
        self._requests += len(latencies) + visits
        self._failures += len(failures)
        slow = [
            f"{name} {sample.p99_ms:.0f} ms"
            for name, sample in samples.items()
            if self._size.latency and name in self._alone and is_delayed(self._alone[name], sample)
        ]
        ended = [name for name, program in self._programs.items() if not program.is_running()]
        _say(
            f"{during}: {len(latencies) + visits} requests, {len(failures)} failures, "
            f"p99 {Sample(latencies, []).p99_ms:.1f} ms, {visitors.connections} visitors | "
            + " | ".join(f"{name} {usage(p)}" for name, p in self._programs.items() if p.is_running())
        )
        for what, found in (("failures", failures), ("too slow", slow), ("ended", ended)):
            if found:
                self._problems.append(f"{during}: {what}: {'; '.join(sorted(set(found))[:4])[:600]}")
        assert not ended, self._problems
        return samples

    def _wait_for_recovery(self):
        """Waits until all programs use what they used before the attacks."""
        for name in self._programs:
            try:
                wait_until(lambda: not self._excess(name), f"{name} is as before", RECOVERY)
            except AssertionError:
                self._problems += self._excess(name)

    def _excess(self, name):
        now, before = usage(self._programs[name]), self._before[name]
        return [
            f"{name} uses {text} more than before the attacks"
            for more, allowed, text in (
                (now.resident - before.resident, MORE_MEMORY, f"{(now.resident - before.resident) / MIB:.0f} MiB"),
                (
                    now.descriptors - before.descriptors,
                    MORE_DESCRIPTORS,
                    f"{now.descriptors - before.descriptors} descriptors",
                ),
                (now.threads - before.threads, MORE_THREADS, f"{now.threads - before.threads} threads"),
            )
            if more > allowed
        ]

    def _wait_for_all_probes(self):
        def listed():
            done = self._stack.programs.run("probegate", "--server", self._stack.server_address, "--json", "list")
            return done.returncode == 0 and all(serial in done.stdout for serial in self._stack.serials)

        try:
            wait_until(listed, "all probes are listed", 2 * BOUND)
        except AssertionError as error:
            self._problems.append(str(error))


def main():
    signals.start_programs_with_defaults()
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--boards", type=int, default=100)
    parser.add_argument("--connections", type=int, default=1000)
    parser.add_argument("--attack", action="append", choices=sorted(attacks.ATTACKS), help="only this one; repeatable")
    options = parser.parse_args()
    names = tuple(options.attack or attacks.ATTACKS)
    directory = pathlib.Path(os.environ.get("PROBEGATE_BIN", ROOT / "build/dev/bin")).resolve()
    with tempfile.TemporaryDirectory(prefix="probegate-soak-") as work:
        for folder in ("generated", "programs"):
            (pathlib.Path(work) / folder).mkdir()
        grpc_client.generate(ROOT / "proto", f"{work}/generated")
        programs = Programs(directory, f"{work}/programs")
        try:
            size = Size(options.seconds, options.boards, options.connections, names)
            problems, figure = Soak(programs, size).run()
        finally:
            endings = programs.end_all()
    for problem in problems + endings:
        print(f"problem: {problem}")
    print(figure)
    return 1 if problems or endings else 0


if __name__ == "__main__":
    sys.exit(main())
