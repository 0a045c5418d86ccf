#!/usr/bin/env python3
"""Generates files in this folder from others. The generated files are committed; a test checks that they are up to date.

`generate.py --check` writes nothing, and exits with 1 if a file is not up to date.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "grafana"))

# pylint: disable=wrong-import-position
import fleet

import probe

DASHBOARDS = {"grafana/dashboards/probegate-fleet.json": fleet, "grafana/dashboards/probegate-probe.json": probe}
RULES = ("prometheus/rules/recording.yml", "prometheus/rules/alerts.yml")

# A PrometheusRule contains a rule file, indented by one level.
RULE_RESOURCE = """\
# Made by deploy/generate.py from deploy/{source}.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: probegate-{name}
spec:
{rules}"""


def prometheus_rule(source):
    text = (HERE / source).read_text()
    rules = "".join(
        f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True) if not line.startswith("#")
    )
    return RULE_RESOURCE.format(source=source, name=pathlib.Path(source).stem, rules=rules)


def made():
    """Yields each generated file with its contents."""
    for file, module in DASHBOARDS.items():
        yield HERE / file, json.dumps(module.make(), indent=2, ensure_ascii=False) + "\n"
    yield HERE / "kubernetes/overlays/monitoring/rules.yaml", "---\n".join(map(prometheus_rule, RULES))


def main():
    stale = [(file, text) for file, text in made() if not file.exists() or file.read_text() != text]
    for file, text in stale:
        print(file.relative_to(HERE.parent))
        if "--check" not in sys.argv[1:]:
            file.write_text(text)
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
