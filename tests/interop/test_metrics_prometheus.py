"""A real Prometheus scrapes a stack under load: the metrics that it stored match what the clients did."""

import collections
import selectors
import time

import pytest
from metrics import golden, wait_for
from prometheus import Prometheus
from raw_client import DPIDR, RawClient
from stack import BOUND

pytestmark = pytest.mark.long

CLIENTS = 64
SECONDS = 10  # more than twice the scrape interval of the job `patient`
PATIENT_SCRAPES = 'count_over_time(up{job="patient"}[1h])'
# Requests that the gateway answers itself, so that they are not commands of the server.
ANSWERED_BY_GATEWAY = {"hello"}


class CountingClient(RawClient):
    """Counts the requests that it sends. All of them must succeed."""

    def __init__(self, port, sent):
        self._sent = sent
        super().__init__(port)

    def send(self, request, *arguments):
        self._sent[request] += 1
        return super().send(request, *arguments)


def load(clients, seconds):
    """Each client reads DPIDR repeatedly, one request at a time, until the time is over. All
    requests must be answered."""
    with selectors.DefaultSelector() as selector:
        due = {}
        for client in clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
            due[client] = client.send("read_dp", DPIDR)
        end = time.monotonic() + seconds
        while due:
            ready = selector.select(BOUND)
            assert ready, f"no answer within {BOUND:g} s"
            for key, _ in ready:
                client = key.data
                client.result("read_dp", due.pop(client))
                if time.monotonic() < end:
                    due[client] = client.send("read_dp", DPIDR)


@pytest.fixture
def watched(make_stack, programs, prometheus_directory):
    """A stack, and a Prometheus that scrapes its server and its gateway."""
    stack = make_stack()
    urls = {program: getattr(stack, program).metrics_url() for program in ("server", "gateway")}
    return stack, Prometheus(programs, prometheus_directory, urls)


def test_prometheus_under_load(watched):
    stack, prometheus = watched
    prometheus.wait_for_scrapes()
    sent = collections.Counter()
    clients = [CountingClient(stack.port, sent) for _ in range(CLIENTS)]
    for client in clients:
        client.attach()
    scrapes_before = prometheus.by_label(PATIENT_SCRAPES, "instance")
    load(clients, SECONDS)
    scrapes = prometheus.by_label(PATIENT_SCRAPES, "instance")
    for client in clients:
        client.detach()
        client.close()
    wait_for(
        stack.gateway.metrics_url(),
        lambda s: s.value("probegate_gateway_connections") == 0,
        "all clients have disconnected",
    )
    prometheus.wait_for_scrapes()

    # Scrapes continued under load and succeeded. Their duration is only printed.
    assert len(scrapes) == 2 and all(count > scrapes_before[program] for program, count in scrapes.items())
    assert [labels for labels, value in prometheus.query('min_over_time(up{job="patient"}[1h])') if value != 1] == []
    ((_, slowest),) = prometheus.query('max(max_over_time(scrape_duration_seconds{job="patient"}[1h]))')
    print(f"the slowest of the patient scrapes took {slowest:.3f} s")

    # No counter decreased.
    for program in ("server", "gateway"):
        for row in golden(program):
            for name in row.parts if row.type == "histogram" else [row.name] if row.type == "counter" else []:
                resets = prometheus.query(f'resets({name}{{instance="{prometheus.instance(program)}"}}[1h])')
                assert resets, f"no series of {name}"
                assert [labels for labels, value in resets if value != 0] == []

    # The sums match what was sent, for each kind of request.
    wanted = {name: count for name, count in sent.items() if count > 0}
    assert wanted["read_dp"] > CLIENTS
    answered = prometheus.by_label('sum by (request) (probegate_gateway_requests_total{job="often"}) > 0', "request")
    assert answered == wanted
    assert prometheus.by_label('sum by (status) (probegate_gateway_requests_total{job="often"}) > 0', "status") == {
        "ok": sum(wanted.values())
    }
    commands = prometheus.by_label('sum by (command) (probegate_commands_total{job="often"}) > 0', "command")
    assert commands == {name: count for name, count in wanted.items() if name not in ANSWERED_BY_GATEWAY}
    assert prometheus.by_label('sum by (outcome) (probegate_commands_total{job="often"}) > 0', "outcome") == {
        "ok": sum(commands.values())
    }
    for histogram in ("wait", "wire"):
        ((_, observed),) = prometheus.query(f'sum(probegate_command_{histogram}_seconds_count{{job="often"}})')
        assert observed == sum(commands.values())
    ((_, timed),) = prometheus.query('sum(probegate_gateway_request_seconds_count{job="often"})')
    assert timed == sum(wanted.values())
    assert prometheus.query('sum(probegate_sessions_opened_total{job="often"})')[0][1] == CLIENTS
