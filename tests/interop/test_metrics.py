"""/metrics serves exactly what the golden lists and the documentation list, in a form that promtool
accepts. Clients cannot create series."""

import json
import random
import re
import subprocess

import pytest
import random_requests
from grpc_client import channel
from metrics import GOLDEN, golden, scrape, wait_for
from raw_client import RAM

import docs

PROGRAMS = ["server", "gateway"]
HOSTILE_LINES, HOSTILE_CALLS, BATCH = 9000, 1000, 200


@pytest.fixture
def used(stack, workers):
    """The shared stack, after a real client has used it."""
    (worker,) = workers(1)
    worker.attach(stack.uid)
    worker.target("write32", RAM, 0x12345678)
    worker.target("read_memory_block8", RAM, 64)
    worker.detach()
    return stack


@pytest.mark.parametrize("program", PROGRAMS)
def test_golden_list(used, program, tmp_path):
    shown = [str(row) for row in scrape(getattr(used, program).metrics_url()).rows()]
    wanted = [str(row) for row in golden(program)]
    now = tmp_path / f"metrics_{program}.txt"
    now.write_text("".join(f"{row}\n" for row in shown))
    assert shown == wanted, f"if the change is intended: cp {now} {GOLDEN}, and update docs/metrics.md"


@pytest.mark.parametrize("program", PROGRAMS)
def test_promtool_accepts_the_metrics(used, program, promtool):
    text = scrape(getattr(used, program).metrics_url()).text
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_promtool_rejects_bad_metrics(promtool):
    """Shows that the test above can fail."""
    text = "# HELP things things\n# TYPE things counter\nthings 1\n"
    result = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert result.returncode != 0 and "things" in result.stderr


def test_documentation_has_each_metric():
    documented = sorted(docs.metrics_of((docs.DOCS / "metrics.md").read_text()))
    assert documented == sorted(
        {(row.name, row.type, row.labels) for program in (*PROGRAMS, "debugd", "broker") for row in golden(program)}
    )


def test_documentation_gives_prometheus_its_configuration(promtool, tmp_path):
    config = tmp_path / "prometheus.yml"
    config.write_text(docs.code_block((docs.DOCS / "metrics.md").read_text(), "yaml"))
    result = subprocess.run([promtool, "check", "config", config], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    for port in ("9464", "9465", "9466"):
        assert port in config.read_text()


def test_documented_queries_are_valid(promtool, tmp_path):
    """The documented queries are valid PromQL, and name only metrics that exist."""
    block = docs.code_block((docs.DOCS / "metrics.md").read_text(), "promql")
    questions = [line for line in block.splitlines() if line and not line.startswith("#")]
    assert len(questions) > 10
    rules = tmp_path / "rules.yml"
    rules.write_text(
        json.dumps(
            {
                "groups": [
                    {
                        "name": "questions",
                        "rules": [
                            {"record": f"question{number}", "expr": question}
                            for number, question in enumerate(questions)
                        ],
                    }
                ]
            }
        )
    )
    result = subprocess.run([promtool, "check", "rules", rules], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    known = {name for program in PROGRAMS for row in golden(program) for name in (row.name, *row.parts)}
    for question in questions:
        assert set(re.findall(r"\b(?:probegate|grpc|process)_\w+", question)) <= known, question


def series_of(stack):
    return {program: set(scrape(getattr(stack, program).metrics_url()).series()) for program in PROGRAMS}


def calls_under_way(shown):
    """How many calls of each method have started and not ended."""
    started, handled = (shown.by_label(f"grpc_server_{what}_total", "grpc_method") for what in ("started", "handled"))
    return {method: count - handled[method] for method, count in started.items() if count != handled[method]}


def test_requests_create_no_series(make_stack, raw, api):
    """Ten thousand random requests, most of them invalid, are all counted, in series that existed before."""
    stack = make_stack()
    valid_client = raw(stack.port).attach()
    before = series_of(stack)
    numbers = random.Random(4711)
    decent = valid_client.next_id
    for _ in range(HOSTILE_LINES // BATCH):
        with raw(stack.port) as client:
            client.attach()
            decent += client.next_id
            random_requests.send_lines(client, [random_requests.line(numbers) for _ in range(BATCH)])
    with channel(stack.server_address) as connection:
        for _ in range(HOSTILE_CALLS):
            random_requests.call(connection, api, numbers)
    url = stack.gateway.metrics_url()
    shown = wait_for(
        url, lambda s: s.value("probegate_gateway_connections") == 1, "all other clients have disconnected"
    )
    assert series_of(stack) == before
    # Each request was counted once, whether it succeeded or not.
    assert shown.value("probegate_gateway_requests_total") == decent + HOSTILE_LINES
    assert shown.value("probegate_gateway_request_seconds_count") == decent + HOSTILE_LINES
    assert shown.value("probegate_gateway_requests_total", request="unknown") > 1000
    assert shown.value("probegate_gateway_bad_lines_total") > 1000
    shown = scrape(stack.server.metrics_url())
    commands = shown.by_label("probegate_commands_total", "outcome")
    assert commands["ok"] > 100 and len([outcome for outcome, count in commands.items() if count > 0]) > 5
    assert shown.value("probegate_command_failures_total") == sum(commands.values()) - commands["ok"]
    assert shown.value("probegate_command_wait_seconds_count") == sum(commands.values())
    assert shown.value("probegate_command_wire_seconds_count") == sum(commands.values())
    assert shown.value("grpc_server_handled_total", grpc_method="OpenSession", grpc_code="NotFound") > 10
    # The calls that are still running are the valid client's stream and the gateway's WatchProbes.
    under_way = {"Stream": 1, "WatchProbes": 1}
    wait_for(stack.server.metrics_url(), lambda s: calls_under_way(s) == under_way, f"only {under_way} are running")
