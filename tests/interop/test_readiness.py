"""The HTTP interface of the programs: /metrics, /healthz and /readyz, and the address on which it listens."""

import os
import signal
import urllib.error
import urllib.request

import pytest
from metrics import scrape
from stack import BOUND, LOOPBACK, METRICS_FLAGS, METRICS_LISTEN, NO_METRICS, SERVER_LISTENS, free_port, wait_until

PROGRAMS = ["server", "gateway"]


def ask(url, method="GET"):
    """Makes a request; returns the status, the headers and the body."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method), timeout=BOUND) as response:
            return response.status, response.headers, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode()


@pytest.fixture(params=PROGRAMS)
def base(stack, request):
    """The URL of a program's HTTP interface, without a path. The program is ready."""
    return getattr(stack, request.param).metrics_url().removesuffix("/metrics")


def ready(program):
    return ask(program.metrics_url().removesuffix("metrics") + "readyz")


def test_health(base):
    assert ask(base + "/healthz")[::2] == (200, "ok\n")


def test_ready(base):
    assert ask(base + "/readyz")[::2] == (200, "ready\n")


def test_content_type_of_metrics(base):
    status, headers, body = ask(base + "/metrics")
    assert status == 200 and "probegate_build_info" in body
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert int(headers["Content-Length"]) == len(body.encode())


@pytest.mark.parametrize("path", ["/metrics", "/healthz", "/readyz"])
def test_head_is_get_without_a_body(base, path):
    status, headers, body = ask(base + path, "HEAD")
    assert (status, body) == (200, "")
    assert int(headers["Content-Length"]) > 0


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_other_methods(base, method):
    status, headers, _ = ask(base + "/metrics", method)
    assert status == 405
    assert "GET" in headers["Allow"]


@pytest.mark.parametrize("path", ["/", "/metrics/", "/metrics2", "/readyz/x", "/../etc/passwd"])
def test_other_paths(base, path):
    assert ask(base + path)[0] == 404


def test_gateway_is_ready_with_its_server(make_stack):
    stack = make_stack()
    assert ready(stack.gateway)[::2] == (200, "ready\n")
    stack.server.kill()
    wait_until(lambda: ready(stack.gateway)[0] == 503, "the gateway has noticed that its server is gone")
    body = ready(stack.gateway)[2]
    assert stack.server_address in body
    assert len(body.splitlines()) == 1
    assert ask(stack.gateway.metrics_url())[0] == 200
    stack.start_server()
    wait_until(lambda: ready(stack.gateway)[0] == 200, "the gateway is connected to its server again")


def test_gateway_without_a_probe_is_not_ready(make_stack, control):
    stack = make_stack(start_gateway=False)
    control(stack).unplug(0)
    stack.server.stop()
    stack.start_server()
    gateway = stack.start_another_gateway("waits", free_port(), stack.state)
    gateway.wait_for_line("server.connected")
    status, _, body = ready(gateway)
    assert (status, body) == (503, "no debug probe is served yet\n")
    control(stack).plug(0)
    wait_until(lambda: ready(gateway)[0] == 200, "the gateway serves the probe")


def test_server_that_shuts_down_is_not_ready(make_stack, control, raw):
    stack = make_stack()
    raw(stack.port).attach()
    # The server waits for the probe before it ends, so that /readyz can be read while it shuts down.
    control(stack).call("inject", board=0, fault="drop_reply", at=1, times=0)
    url = stack.server.metrics_url().removesuffix("metrics")
    stack.server.signal(signal.SIGTERM)
    wait_until(
        lambda: ask(url + "readyz")[::2] == (503, "the server is stopping\n"), "the server reports that it is stopping"
    )
    assert ask(url + "healthz")[0] == 200
    control(stack).call("clear_faults")
    assert stack.server.wait() == 0


def listening_sockets(pid):
    """How many TCP sockets of the process are listening."""
    inodes = set()
    for descriptor in os.scandir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(descriptor.path)
        except FileNotFoundError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[len("socket:[") : -1])
    listening = 0
    for table in ("tcp", "tcp6"):
        with open(f"/proc/{pid}/net/{table}") as rows:
            next(rows)
            listening += sum(row.split()[3] == "0A" and row.split()[9] in inodes for row in rows)
    return listening


@pytest.mark.parametrize(
    "program, flags, started, others",
    [
        ("probegate-server", ["--listen", f"{LOOPBACK}:0"], SERVER_LISTENS, 1),
        ("probegate-gateway", ["--server", f"{LOOPBACK}:1", "--state", "state"], "waiting for it", 0),
    ],
)
def test_none_opens_no_socket(programs, program, flags, started, others):
    """`others` is the number of sockets that listen for other purposes."""
    without_metrics = programs.start(program, *NO_METRICS, *flags, label="without")
    without_metrics.wait_for_line(started)
    assert listening_sockets(without_metrics.pid) == others
    assert "etrics" not in without_metrics.log()
    with_metrics = programs.start(program, *METRICS_FLAGS, *flags, label="with")
    with_metrics.wait_for_line(started)
    assert listening_sockets(with_metrics.pid) == others + 1


@pytest.mark.parametrize(
    "program, rest",
    [("probegate-server", "listen: 127.0.0.1:0\n"), ("probegate-gateway", "server: 127.0.0.1:1\nstate: state\n")],
)
def test_configuration_file(programs, program, rest):
    port = free_port()
    config = programs.directory / "config.yaml"
    config.write_text(f"metrics-listen: {LOOPBACK}:{port}\n{rest}")
    started = programs.start(program, "--config", config)
    url = started.wait_for_line(METRICS_LISTEN)[1]
    assert url == f"http://{LOOPBACK}:{port}/metrics"
    assert scrape(url).value("probegate_build_info", program=program) == 1


def test_addresses_in_both_formats(programs):
    server = programs.start("probegate-server", *METRICS_FLAGS, "--listen", f"{LOOPBACK}:0", "--log-format", "json")
    url = server.metrics_url()
    address = url.removeprefix("http://").removesuffix("/metrics")
    assert f'"event":"metrics.listening","message":"Metrics on {url}","address":"{address}"' in server.log()
