"""The metrics that a program serves on /metrics, as Prometheus parses them; and the lists of
expected metrics (golden/)."""

import dataclasses
import pathlib
import urllib.request

from prometheus_client.parser import text_string_to_metric_families
from stack import BOUND, wait_until

GOLDEN = pathlib.Path(__file__).parent / "golden"
# Labels whose values the program fixes and that are the same on every machine. The golden lists contain their values.
LISTED = {
    "program",
    "state",
    "cause",
    "command",
    "outcome",
    "direction",
    "stage",
    "request",
    "status",
    "quota",
    "limit",
    "of",
    "grpc_type",
    "grpc_service",
    "grpc_method",
    "grpc_code",
}


class Exposition:
    """One response of /metrics."""

    def __init__(self, text):
        self.text = text
        self.families = list(text_string_to_metric_families(text))

    def series(self):
        """The value of every series: {(name, labels): value}."""
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name, **labels):
        """The sum over the series with this name and these labels; None if there is no such series."""
        found = [
            value
            for (series, its_labels), value in self.series().items()
            if series == name and labels.items() <= dict(its_labels).items()
        ]
        return sum(found) if found else None

    def by_label(self, name, label):
        """The sum over the series with this name, for each value of a label."""
        sums = {}
        for (series, labels), value in self.series().items():
            if series == name:
                key = dict(labels)[label]
                sums[key] = sums.get(key, 0) + value
        return sums

    def rows(self):
        """One row for each metric, as in the golden lists."""
        return [_row_of(family) for family in sorted(self.families, key=_full_name)]


def _full_name(family):
    # The parser strips _total from the names of counters, as OpenMetrics specifies.
    return family.name + "_total" if family.type == "counter" else family.name


@dataclasses.dataclass(frozen=True)
class Row:
    """The properties of a metric that must agree between the golden lists, the documentation and the programs."""

    name: str
    type: str
    labels: tuple
    values: tuple = ()  # for each label in LISTED, in the same order: label=value|value

    def __str__(self):
        return " ".join((self.name, self.type, ",".join(self.labels) or "-", *self.values))

    @staticmethod
    def parse(line):
        name, type_, labels, *values = line.split(" ")
        return Row(name, type_, () if labels == "-" else tuple(labels.split(",")), tuple(values))

    @property
    def parts(self):
        """The names of a histogram's series; empty for other metrics."""
        return [self.name + suffix for suffix in ("_bucket", "_count", "_sum")] if self.type == "histogram" else []

    @property
    def counts(self):
        """The name of the series that events increment; None for a gauge."""
        return {"counter": self.name, "histogram": self.name + "_count"}.get(self.type)


def _row_of(family):
    labels = sorted({label for sample in family.samples for label in sample.labels} - {"le"})
    values = []
    for label in labels:
        if label in LISTED:
            seen = sorted({sample.labels[label] for sample in family.samples})
            values.append(f"{label}={'|'.join(seen)}")
    return Row(_full_name(family), family.type, tuple(labels), tuple(values))


def golden(program):
    """The golden list of `server`, `gateway` or `debugd`."""
    return [Row.parse(line) for line in (GOLDEN / f"metrics_{program}.txt").read_text().splitlines()]


def scrape(url):
    with urllib.request.urlopen(url, timeout=BOUND) as response:
        assert response.status == 200
        return Exposition(response.read().decode())


def wait_for(url, condition, what):
    """Scrapes until the condition holds for an exposition; returns that exposition."""

    def look():
        shown = scrape(url)
        return shown if condition(shown) else None

    return wait_until(look, what)
