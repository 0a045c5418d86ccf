"""A real Prometheus with our configuration scrapes a fleet under load: every expression is valid and has data."""

import shutil
import threading
import urllib.parse

import expressions
import pytest
import yaml
from debug_client import Debugd
from prometheus import Prometheus
from raw_client import DPIDR, RAM
from stack import wait_until

BOARDS = 3
SCRAPE_INTERVAL = "500ms"


def configuration(deploy, directory, urls):
    """Copies our configuration, with other targets and a shorter scrape interval; returns its path."""
    shutil.copytree(deploy / "prometheus", directory)
    for program, url in urls.items():
        targets = yaml.safe_load((directory / f"targets/{program}.yml").read_text())
        targets[0]["targets"] = [urllib.parse.urlsplit(url).netloc]
        (directory / f"targets/{program}.yml").write_text(yaml.safe_dump(targets))
    config = directory / "prometheus.yml"
    text = config.read_text()
    assert text.count("_interval: 15s") == 2
    config.write_text(
        text.replace("_interval: 15s", f"_interval: {SCRAPE_INTERVAL}\n  scrape_timeout: {SCRAPE_INTERVAL}", 1).replace(
            "_interval: 15s", f"_interval: {SCRAPE_INTERVAL}"
        )
    )
    return config


class Load:
    """Clients that attach, read and write memory, and detach, until told to stop."""

    def __init__(self, stack, raw):
        self._stop = threading.Event()
        self._failures = []
        self._threads = [
            threading.Thread(target=self._run, args=(raw, stack.port_of(serial))) for serial in stack.serials
        ]
        for thread in self._threads:
            thread.start()

    def _run(self, raw, port):
        try:
            while not self._stop.is_set():
                with raw(port).attach() as client:
                    client.call("lock")
                    client.write_word(RAM, 1)
                    client.read_words(RAM, 64)
                    client.call("unlock")
                    for _ in range(100):
                        client.call("read_dp", DPIDR)
                    client.detach()
        except Exception as error:  # pylint: disable=broad-exception-caught
            self._failures.append(error)

    def end(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert self._failures == []


def test_every_expression_has_data(make_stack, programs, prometheus_directory, deploy, raw, control, tmp_path):
    stack = make_stack(boards=BOARDS)
    urls = {program: getattr(stack, program).metrics_url() for program in ("server", "gateway")}
    urls["debugd"] = Debugd(stack).program.metrics_url()
    config = configuration(deploy, tmp_path / "prometheus", urls)
    prometheus = Prometheus(programs, prometheus_directory, urls, config=config)
    load = Load(stack, raw)
    try:
        last = sorted(expressions.recorded())
        wait_until(lambda: all(prometheus.query(name) for name in last), "every recording rule has data")
        checked = 0
        for path in expressions.DASHBOARDS:
            for where, expression in expressions.panel_expressions(path):
                wait_until(
                    lambda: prometheus.query(expressions.filled_in(expression)), f"{where} has data: {expression}"
                )
                checked += 1
        assert checked > 60
        # The metrics that alerts use have data, but no alert fires, because nothing is wrong.
        for alert in expressions.alerts():
            prometheus.query(alert["expr"])
            for selector in expressions.selectors(alert["expr"]):
                assert prometheus.query(selector), f"{alert['alert']}: {selector} has no data"
        assert {labels["job"] for labels, _ in prometheus.query("up == 1")} == {
            f"probegate-{program}" for program in urls
        }
        assert {labels["host"] for labels, _ in prometheus.query("up")} == {"localhost"}
        assert prometheus.query("ALERTS") == []
        # Shows that the checks above would notice an unknown metric and an invalid expression.
        assert prometheus.query("probegate_sessions") and not prometheus.query("probegate_sesions")
        with pytest.raises(OSError):
            prometheus.query("sum(")
    finally:
        load.end()
    # Alerts become pending when a probe is unplugged, and when the server stops.
    control(stack).call("unplug", board=0)
    wait_until_pending(prometheus, f'alertname="ProbegateProbeGone", probe="{stack.serial}"')
    stack.server.stop()
    wait_until_pending(prometheus, 'alertname="ProbegateServerDown"')
    wait_until_pending(prometheus, 'alertname="ProbegateGatewayWithoutServer"')


def wait_until_pending(prometheus, labels):
    wait_until(
        lambda: prometheus.query(f'ALERTS{{{labels}, alertstate="pending"}}'),
        f"an alert with {labels} is pending",
    )
