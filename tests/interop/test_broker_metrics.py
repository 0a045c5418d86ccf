"""What probegate-broker shows in its metrics."""

import subprocess

import pytest
from broker_client import Broker, Server, acquire
from metrics import GOLDEN, golden, scrape, wait_for

NRF, STM = {"board": "nrf52840dk"}, {"board": "stm32f4"}


@pytest.fixture
def lab(programs, api, tmp_path):
    broker = Broker(programs, api, tmp_path, "--pool", "nrf=board=nrf*")
    broker.server = Server(broker, "lab1", {"N1": NRF, "S1": STM})
    return broker


def test_golden_list(lab, tmp_path):
    shown = [str(row) for row in scrape(lab.program.metrics_url()).rows()]
    now = tmp_path / "metrics_broker.txt"
    now.write_text("".join(f"{row}\n" for row in shown))
    wanted = [str(row) for row in golden("broker")]
    assert shown == wanted, f"if the change is intended: cp {now} {GOLDEN}, and update docs/metrics.md"


def test_promtool_accepts_the_metrics(lab, promtool):
    text = scrape(lab.program.metrics_url()).text
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_they_move(lab):
    first = acquire(lab, NRF)
    first.expect("granted")
    second = acquire(lab, {"board": "nrf*"})
    second.expect("queued")
    lab.call("SetMaintenance", probe="S1", reason="fuse")
    shown = scrape(lab.program.metrics_url())
    assert shown.by_label("probegate_broker_leases", "pool") == {"nrf": 1, "other": 0}
    assert shown.by_label("probegate_broker_waiting", "pool") == {"nrf": 1, "other": 0}
    assert shown.value("probegate_broker_probes", pool="nrf", state="in_service") == 1
    assert shown.value("probegate_broker_probes", pool="other", state="maintenance") == 1
    assert shown.value("probegate_broker_servers") == 1
    first.release()
    second.expect("granted")
    shown = scrape(lab.program.metrics_url())
    assert shown.by_label("probegate_broker_grants_total", "pool") == {"nrf": 2, "other": 0}
    assert shown.value("probegate_broker_wait_seconds_count", pool="nrf") == 2
    assert shown.value("probegate_broker_ended_total", cause="released") == 1
    assert shown.value("probegate_broker_store_seconds_count") > 4
    assert shown.value("probegate_quota_used", quota="leases", of="all") == 1
    second.release()
    lab.server.cut()
    wait_for(lab.program.metrics_url(), lambda s: s.value("probegate_broker_servers") == 0, "the server has gone")
    first.close()
    second.close()
