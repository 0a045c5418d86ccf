#!/usr/bin/env python3
"""Writes the files here that are made from others. What it writes is committed; a test holds it to its sources.

`generate.py --check` writes nothing, and ends with 1 where something is not what it would write.
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


def made():
    """Each file, and what it is to hold."""
    for file, module in DASHBOARDS.items():
        yield HERE / file, json.dumps(module.make(), indent=2, ensure_ascii=False) + "\n"


def main():
    stale = [(file, text) for file, text in made() if not file.exists() or file.read_text() != text]
    for file, text in stale:
        print(file.relative_to(HERE.parent))
        if "--check" not in sys.argv[1:]:
            file.write_text(text)
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
