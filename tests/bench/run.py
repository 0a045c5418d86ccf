"""Compares the performance of Probegate with that of pyOCD and its server, and prints a table.

    run.py [--quick] [--json]        PROBEGATE_BIN: the directory of the programs (default: build/dev/bin)

Latency targets apply with all processes of a peer on one processor, so that the scheduler cannot influence the result.
Throughput targets apply with processes on any processor. Each row is also measured with the other placement, for
comparison. For the ratio without probe time, each peer's own measured probe time is subtracted. The exit code does not
depend on the results.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import statistics
import sys

from peers import Bench
from stack import LOOPBACK
from usb_hosts import MEASURES

ROOT = pathlib.Path(__file__).parent.parent.parent


@dataclasses.dataclass
class Row:
    name: str
    unit: str
    place: str
    ours: float
    stock: float | None = None
    ours_probe: float | None = None  # µs of one packet or transfer, if the row measures one
    stock_probe: float | None = None
    ratio: float | None = None
    ratio_without_probe: float | None = None
    target: str = ""
    reached: bool | None = None
    note: str = ""


@dataclasses.dataclass
class Effort:
    """How many measurements are made, and how long they take."""

    repeats: int
    requests: int
    milliseconds: int
    attaches: int


FULL = Effort(repeats=5, requests=3000, milliseconds=2000, attaches=5)
QUICK = Effort(repeats=3, requests=1000, milliseconds=700, attaches=2)


class Runs:
    def __init__(self, bench, effort, table):
        self.bench = bench
        self.effort = effort
        self.table = table
        self.rows = []

    def alternate(self, peers, measure):
        """Measures the peers in turn, so that both have the same noise; returns the median for each peer."""
        values = [[], []]
        for _ in range(self.effort.repeats):
            for peer, results in zip(peers, values):
                results.append(measure(peer))
        return [statistics.median(v) for v in values]

    def places(self, judged):
        """Both placements, beginning with the one to which the target applies: (placement, whether it applies)."""
        for place in (judged, "any" if judged == "one" else "one"):
            self.bench.pin(place == "one")
            yield place, place == judged

    def add(self, row, judged=True, ratio_at_most=None, ratio_at_least=None, at_most=None, at_least=None):
        """Adds a row. At most one target may be given: for the ratio ours / stock, or for our own figure."""
        if row.stock:
            row.ratio = row.ours / row.stock
        if row.stock_probe is not None:
            row.ratio_without_probe = (row.ours - row.ours_probe) / (row.stock - row.stock_probe)
        if judged and ratio_at_most is not None:
            row.target, row.reached = f"<= {ratio_at_most} x stock", row.ratio <= ratio_at_most
        elif judged and ratio_at_least is not None:
            row.target, row.reached = f">= {ratio_at_least} x stock", row.ratio >= ratio_at_least
        elif judged and at_most is not None:
            row.target, row.reached = f"<= {at_most} {row.unit}", row.ours <= at_most
        elif judged and at_least is not None:
            row.target, row.reached = f">= {at_least} {row.unit}", row.ours >= at_least
        self.rows.append(row)
        self.table.print_row(row)

    def single_read(self, latency, **target):
        peers = self.bench.peers(latency)
        for place, judged in self.places("one"):
            ours, stock = self.alternate(
                peers, lambda p: self.bench.load("latency", LOOPBACK, p.port, "--count", self.effort.requests)["p50_us"]
            )
            probes = [p.probe_us(self.effort.requests) for p in peers]
            self.add(
                Row(f"read_dp p50, probe with {latency} us per packet", "us", place, ours, stock, *probes),
                judged=judged,
                **target,
            )

    def hops(self):
        """How the time of a read is divided among the programs if the probe takes no time."""
        ours, _ = self.bench.peers(0)
        for place, judged in self.places("one"):
            whole = self.bench.load("latency", LOOPBACK, ours.port, "--count", self.effort.requests)["p50_us"]
            stream, packet = ours.stream_us(self.effort.requests), ours.probe_us(self.effort.requests)
            row = Row(
                "time added by server and gateway to a packet",
                "us",
                place,
                whole - packet,
                note=f"packet {packet:.0f} + server and gRPC {stream - packet:.0f} + gateway {whole - stream:.0f}",
            )
            self.add(row, at_most=150, judged=judged)

    def transports(self):
        """What TLS with a client's certificate costs, and what a unix socket saves, on the way from a client to the
        server."""
        loads = {
            "read_dp over gRPC": ("us", 1, "stream", "--count", self.effort.requests),
            "64 KiB of memory over gRPC": ("ms", 1000, "blocks", "--count", self.effort.requests // 30),
        }
        with self.bench.transports() as measure:
            for place, judged in self.places("one"):
                for name, (unit, divisor, *load) in loads.items():
                    runs = {"TCP": [], "TLS": [], "unix": []}
                    for _ in range(self.effort.repeats):
                        for transport, results in runs.items():
                            results.append(measure(transport, *load)["p50_us"] / divisor)
                    tcp, tls, unix = (statistics.median(results) for results in runs.values())
                    first = name.startswith("read_dp")
                    self.add(
                        Row(
                            f"time added by authenticated TLS to {name}",
                            unit,
                            place,
                            tls - tcp,
                            note=f"TLS {tls:.3g}, TCP {tcp:.3g}",
                        ),
                        at_most=15 if first else None,
                        judged=judged and first,
                    )
                    self.add(
                        Row(f"{name}, unix socket", unit, place, unix, tcp, note="stock: the same over TCP"),
                        ratio_at_most=1,
                        judged=judged,
                    )

    def counting(self):
        self.bench.pin(False)
        costs = [self.bench.scope_cost() for _ in range(self.effort.repeats)]
        one, two = (statistics.median(cost[key] for cost in costs) for key in ("one_thread_ns", "two_threads_ns"))
        self.add(
            Row(
                "time added by metrics to a command",
                "ns",
                "any",
                one,
                note=f"{two:.0f} with two threads that share the metrics",
            ),
            at_most=2000,
        )

    def concurrent(self, clients):
        peers = self.bench.peers(125)
        per_packet = []

        def rate(peer):
            before = peers[0].packets()
            result = self.bench.load(
                "concurrent", LOOPBACK, peer.port, "--clients", clients, "--milliseconds", self.effort.milliseconds
            )
            if peer is peers[0]:
                per_packet.append(result["requests"] / (peers[0].packets() - before))
            return result["per_second"]

        for place, judged in self.places("any"):
            per_packet.clear()
            ours, stock = self.alternate(peers, rate)
            self.add(
                Row(
                    f"{clients} clients, probe with 125 us per packet",
                    "req/s",
                    place,
                    ours,
                    stock,
                    note=f"{statistics.median(per_packet):.1f} requests per packet",
                ),
                judged=judged,
                ratio_at_least=3,
            )

    def pipelined(self):
        peers = self.bench.peers(0)
        for place, judged in self.places("any"):
            # The stock server takes about 40 ms for a batch. Ours is much faster, so it needs more batches to warm up.
            ours, stock = self.alternate(
                peers,
                lambda p: self.bench.load(
                    "pipeline", LOOPBACK, p.port, "--depth", 32, "--count", 200 if p.name == "ours" else 20
                )["per_second"],
            )
            self.add(
                Row("32 requests pipelined, probe with 0 us per packet", "req/s", place, ours, stock),
                ratio_at_least=20,
                judged=judged,
            )

    def real_client(self):
        peers = self.bench.peers(0)
        names = {
            "attach": "pyOCD attaches",
            "read32": "pyOCD reads one word",
            "read_64k": "pyOCD reads 64 KiB",
            "write_64k": "pyOCD writes 64 KiB",
        }
        for place, judged in self.places("one"):
            ours, stock = (
                [self.bench.pyocd_client(p, self.effort.attaches) for _ in range(self.effort.repeats)] for p in peers
            )
            for key, name in names.items():
                medians = [statistics.median(run[key] for run in runs) for runs in (ours, stock)]
                self.add(Row(name, "ms", place, *medians), ratio_at_most=1.5, judged=judged)

    def connect_at_once(self):
        ours, stock = self.bench.peers(0)
        self.bench.pin(False)
        row = Row(
            "128 clients connect at once, last one served",
            "ms",
            "any",
            max(map(self._last_served, [ours] * self.effort.repeats)),
        )
        try:
            row.stock = self._last_served(stock)
        except RuntimeError as error:
            row.note = f"stock: {error}"
        self.add(row, at_most=1000)

    def _last_served(self, peer):
        return self.bench.load("connect", LOOPBACK, peer.port, "--clients", 128)["max_us"] / 1e3

    def end_to_end(self):
        """The latency of a DP read, of which a gdb session makes hundreds of thousands, on any processor."""
        ours, _ = self.bench.peers(0)
        self.bench.pin(False)
        p50 = self.bench.load("latency", LOOPBACK, ours.port, "--count", self.effort.requests)["p50_us"]
        self.add(Row("one DP read end to end, probe with 0 us per packet", "us", "any", p50), at_most=300)

    def simulator(self):
        self.bench.pin(False)
        seconds = self.effort.milliseconds / 1000
        runs = [self.bench.speeds(seconds) for _ in range(self.effort.repeats)]
        for name in runs[0]:
            self.add(
                Row(f"simulator, {name}", "MIPS", "any", statistics.median(run[name] for run in runs)),
                at_least=None if name == "with the MPU" else 100,
            )
        mib, percent = self.bench.idle_boards(100, seconds)
        self.add(
            Row(
                "simulated boards per GiB",
                "boards",
                "",
                1024 / mib,
                note=f"{mib:.1f} MiB per board; 101 idle boards use {percent:.1f} % of a processor",
            )
        )
        runs = self.bench.pyocd_board(self.effort.attaches, steps=200, kib=256)
        self.add(Row("pyOCD steps", "steps/s", "any", statistics.median(run["steps_per_second"] for run in runs)))
        self.add(
            Row(
                "pyOCD programs 256 KiB, infinitely fast flash",
                "KiB/s",
                "any",
                statistics.median(run["kib_per_second"] for run in runs),
            )
        )

    def usb_hosts(self):
        """Compares hosts of one device on a high-speed bus. `stock` is `pyocd server`, or pyOCD
        itself in rows with "local"."""
        self.bench.pin(False)
        found = self.bench.usb_hosts(self.effort.repeats, self.effort.attaches)
        for measure in MEASURES:
            ours, stock, local = (found[host][measure.key] for host in ("ours", "stock", "local"))
            target = {"ratio_at_least" if measure.more_is_better else "ratio_at_most": 1}
            self.add(Row(f"USB: {measure.name}", measure.unit, "any", ours, stock), **target)
            self.add(
                Row(f"USB: {measure.name}, local", measure.unit, "any", ours, local),
                judged=measure.more_is_better,
                **target,
            )

    def fleet(self):
        self.add(Row("resident memory, 32 probes", "MiB", "", self.bench.fleet_mib(32)), at_most=60)

    def resident(self):
        stock = self.bench.stock(0)
        self.add(
            Row("resident memory, one probe", "MiB", "", self.bench.ours.resident_mib(), stock.resident_mib()),
            at_most=40,
        )


class Table:
    """Prints each row as soon as it has been measured."""

    def __init__(self, out):
        self._out = out
        self._print(f"{'':56} {'CPUs':4} {'ours':>10} {'stock':>10} {'ratio':>7} {'w/o probe':>9}  target")

    def print_row(self, row):
        reached = {None: "", True: "reached", False: "MISSED"}[row.reached]
        probes = f"(probe {row.ours_probe:.0f} / {row.stock_probe:.0f} us)" if row.stock_probe is not None else ""
        rest = "  ".join(part for part in (row.target, reached, probes, row.note) if part)
        self._print(
            f"{row.name + ', ' + row.unit:56} {row.place:4} {self._figure(row.ours):>10} {self._figure(row.stock):>10} "
            f"{self._figure(row.ratio):>7} {self._figure(row.ratio_without_probe):>9}  {rest}"
        )

    def _print(self, line):
        print(line.rstrip(), file=self._out, flush=True)

    @staticmethod
    def _figure(value):
        return "" if value is None else f"{value:.2f}" if abs(value) < 10 else f"{value:.0f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    parser.add_argument(
        "--json", action="store_true", help="the rows as JSON on standard output, and the table on standard error"
    )
    options = parser.parse_args()
    bin_directory = pathlib.Path(os.environ.get("PROBEGATE_BIN", ROOT / "build" / "dev" / "bin")).resolve()
    bench = Bench(bin_directory)
    try:
        table = Table(sys.stderr if options.json else sys.stdout)
        runs = Runs(bench, QUICK if options.quick else FULL, table)
        runs.single_read(125, ratio_at_most=1.4)
        runs.single_read(0)
        runs.hops()
        runs.transports()
        runs.counting()
        runs.resident()
        runs.pipelined()
        runs.concurrent(8)
        runs.concurrent(32)
        runs.real_client()
        runs.connect_at_once()
        runs.end_to_end()
        runs.fleet()
        runs.simulator()
        runs.usb_hosts()
    finally:
        bench.stop()
    if options.json:
        print(json.dumps([dataclasses.asdict(row) for row in runs.rows], indent=1))


if __name__ == "__main__":
    main()
