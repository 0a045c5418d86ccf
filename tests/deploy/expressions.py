"""Every PromQL expression in deploy/, with its location; and the substitutions that Grafana makes in dashboards."""

import json
import pathlib
import re

import yaml

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
DASHBOARDS = sorted((DEPLOY / "grafana" / "dashboards").glob("*.json"))
RULES = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))

# Metrics that Prometheus itself creates.
OF_PROMETHEUS = {"up", "ALERTS"}
KEYWORDS = {"by", "on", "or", "and", "unless", "without", "ignoring", "group_left", "group_right", "bool", "offset"}


def dashboard(path):
    return json.loads(path.read_text())


def panels(board):
    """A dashboard's panels without the row titles."""
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def panel_expressions(path):
    """The location and the expression of each query."""
    for panel in panels(dashboard(path)):
        for target in panel["targets"]:
            yield f"{path.stem}: {panel['title']} {target['refId']}", target["expr"]


def rules(path):
    for group in yaml.safe_load(path.read_text())["groups"]:
        yield from group["rules"]


def rule_expressions(path):
    for rule in rules(path):
        yield rule.get("record") or rule["alert"], rule["expr"]


def alerts():
    return [rule for path in RULES for rule in rules(path) if "alert" in rule]


def recorded():
    return {rule["record"] for path in RULES for rule in rules(path) if "record" in rule}


def all_expressions():
    for path in DASHBOARDS:
        yield from panel_expressions(path)
    for path in RULES:
        yield from rule_expressions(path)


def filled_in(expression):
    """The expression as Grafana sends it if all values of each variable are selected."""
    expression = expression.replace("$__rate_interval", "1m")
    return re.sub(r"\$\w+", ".*", expression)


def names(expression):
    """The metrics that an expression names."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    bare = re.sub(r"\{[^}]*\}", "", bare)
    bare = re.sub(r"\b(by|on|without|ignoring)\s*\([^)]*\)", "", bare)
    bare = re.sub(r"\[[^\]]*\]", "", bare)
    found = re.findall(r"(?<![\w:.])([a-zA-Z_][\w:]*)(?![\w:]*\s*\()", bare)
    return {name for name in found if name not in KEYWORDS}


def selectors(expression):
    """The selectors of an expression, each with its matchers."""
    wanted = names(expression)
    found = re.findall(r"(?<![\w:.])([a-zA-Z_][\w:]*)(\{[^}]*\})?", re.sub(r"\[[^\]]*\]", "", expression))
    return [name + matchers for name, matchers in found if name in wanted]
