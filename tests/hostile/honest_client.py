"""An honest client that works while a test attacks, in a process of its own (honest_worker.py), so that its latencies
do not include the test's own work.

    client = honest("json", stack.port)
    alone = client.take(200)        # waits for 200 answers; what they took
    … the attack …
    under_attack = client.take(200)
    assert_goes_on(alone, under_attack)
"""

import dataclasses
import json
import pathlib
import queue
import subprocess
import sys
import threading

from stack import BOUND, LOOPBACK

HERE = pathlib.Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Sample:
    """The requests of one stretch of time."""

    latencies_ms: list
    failures: list  # one text each

    @property
    def p99_ms(self):
        return sorted(self.latencies_ms)[int(len(self.latencies_ms) * 0.99)] if self.latencies_ms else float("inf")

    def __str__(self):
        return f"{len(self.latencies_ms)} requests, {len(self.failures)} failures, p99 {self.p99_ms:.1f} ms"


class HonestClient:
    """`kind` is a row of the table in honest_worker.py. `address` is HOST:PORT, or a port of this machine. `source` is
    the address to connect from; kinds that use gRPC need a Forwarder (other_address.py) instead. Between two requests
    the client pauses for `pause` seconds."""

    def __init__(self, kind, address, *, probe="", source=LOOPBACK, offset=0, pause=0.005):
        if isinstance(address, int):
            address = f"{LOOPBACK}:{address}"
        options = {
            "kind": kind,
            "address": address,
            "probe": probe,
            "source": source,
            "offset": offset,
            "pause": pause,
            "path": sys.path,
        }
        self._process = subprocess.Popen(
            [sys.executable, HERE / "honest_worker.py", json.dumps(options)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._answers = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.take(1)  # it has connected

    def _read(self):
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put(None)

    def take(self, count=0, bound=2 * BOUND):
        """What the client has seen since the last call, once that includes `count` requests, failed ones included."""
        self._process.stdin.write(f"{count}\n")
        self._process.stdin.flush()
        try:
            answer = self._answers.get(timeout=bound)
        except queue.Empty:
            raise AssertionError(f"an honest client did not finish {count} requests within {bound:g} s") from None
        assert answer is not None, "an honest client's process has ended"
        return Sample(**answer)

    def kill(self):
        self._process.kill()
        self._process.wait()


def assert_goes_on(alone, under_attack):
    """No request of the client failed during the attack. How long they took is printed; a loaded machine makes it too
    uncertain for a test, and `./dev soak` measures it."""
    print(f"alone: {alone}; under attack: {under_attack}")
    assert under_attack.latencies_ms and not under_attack.failures, (str(under_attack), under_attack.failures[:3])
