"""Prometheus accepts its configuration and rules; alerts pass their unit tests, and each has a
section in the runbook."""

import re
import subprocess

import expressions
import pytest
import yaml
from metrics import GOLDEN, golden

TESTS = sorted((expressions.DEPLOY / "prometheus" / "tests").glob("*.yml"))
RUNBOOK = (expressions.DEPLOY.parent / "docs" / "runbook.md").read_text()
SEVERITIES = {"page", "ticket"}


def run(*command):
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_prometheus_accepts_its_configuration(promtool, deploy):
    assert f"{len(expressions.RULES)} rule files found" in run(
        promtool, "check", "config", deploy / "prometheus" / "prometheus.yml"
    )


def test_promtool_accepts_the_rules(promtool):
    run(promtool, "check", "rules", "--lint=all", "--lint-fatal", *expressions.RULES)


def test_alerts_pass_their_unit_tests(promtool):
    assert run(promtool, "test", "rules", *TESTS).count("SUCCESS") == len(TESTS)


def test_each_rule_has_a_unit_test():
    tested = set()
    fires = set()
    for path in TESTS:
        for case in yaml.safe_load(path.read_text())["tests"]:
            fires |= {test["alertname"] for test in case.get("alert_rule_test", []) if test["exp_alerts"]}
            for test in case.get("promql_expr_test", []):
                tested |= expressions.names(test["expr"])
    assert fires == {alert["alert"] for alert in expressions.alerts()}
    # A recording rule is tested directly, or by an alert that uses it.
    tested |= {name for alert in expressions.alerts() for name in expressions.names(alert["expr"])}
    assert expressions.recorded() <= tested


def headings(text):
    """The anchors of a page's headings, as GitHub generates them."""
    return {
        re.sub(r"[^\w -]", "", line.lower()).replace(" ", "-") for line in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }


@pytest.mark.parametrize("alert", expressions.alerts(), ids=lambda alert: alert["alert"])
def test_alerts_have_severity_summary_and_runbook_section(alert):
    assert alert["labels"]["severity"] in SEVERITIES
    assert alert["annotations"]["summary"].endswith(".")
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert page == "docs/runbook.md" and anchor == alert["alert"].lower() and anchor in headings(RUNBOOK)


def test_runbook_sections_belong_to_alerts():
    named = {heading for heading in headings(RUNBOOK) if heading.startswith("probegate")}
    assert named == {alert["alert"].lower() for alert in expressions.alerts()}


def test_each_metric_that_is_named_exists():
    programs = [path.stem.removeprefix("metrics_") for path in GOLDEN.glob("metrics_*.txt")]
    known = {name for program in programs for row in golden(program) for name in (row.name, *row.parts)}
    known |= expressions.recorded() | expressions.OF_PROMETHEUS
    found = {(where, name) for where, text in expressions.all_expressions() for name in expressions.names(text)}
    assert len(found) > 60
    assert {(where, name) for where, name in found if name not in known} == set()
    in_runbook = set(re.findall(r"`(probegate_\w+)`", RUNBOOK))
    assert in_runbook and in_runbook <= known


@pytest.mark.parametrize(
    "expression,names",
    [
        ('sum by (probe) (rate(a_total{x="b(c"}[5m])) / on (d) group_left b:c > 0.5', {"a_total", "b:c"}),
        ("histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m]))) unless up == 1e3", {"x_bucket", "up"}),
        ('absent(up{job="j"}) or vector(0)', {"up"}),
    ],
)
def test_names_of_an_expression(expression, names):
    assert expressions.names(expression) == names
    assert {selector.partition("{")[0] for selector in expressions.selectors(expression)} == names
