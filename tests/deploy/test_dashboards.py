"""The dashboards are complete and consistent, and match the tables from which they are generated."""

import re
import subprocess
import sys

import expressions
import pytest
import yaml

BOARDS = [pytest.param(expressions.dashboard(path), id=path.stem) for path in expressions.DASHBOARDS]


def test_generated_files_are_up_to_date(deploy):
    done = subprocess.run(
        [sys.executable, "-B", deploy / "generate.py", "--check"], stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == 0, f"run deploy/generate.py; these files are not up to date: {done.stdout}"


def test_there_are_two_dashboards():
    assert [path.name for path in expressions.DASHBOARDS] == ["probegate-fleet.json", "probegate-probe.json"]


@pytest.mark.parametrize("board", BOARDS)
def test_panels_have_titles_descriptions_and_units(board):
    for panel in expressions.panels(board):
        assert panel["title"] and panel["description"].endswith(".") and panel["fieldConfig"]["defaults"]["unit"], panel
        assert panel["targets"] and all(target["expr"] for target in panel["targets"]), panel


@pytest.mark.parametrize("board", BOARDS)
def test_ids_are_unique(board):
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("board", BOARDS)
def test_panels_do_not_overlap(board):
    taken = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells


@pytest.mark.parametrize("board", BOARDS)
def test_all_variables_are_defined_and_used(board):
    variables = {variable["name"] for variable in board["templating"]["list"]}
    assert variables >= {"datasource", "host"}
    sources = [
        source["datasource"]["uid"] for panel in expressions.panels(board) for source in [panel, *panel["targets"]]
    ]
    assert set(sources) == {"${datasource}"}
    texts = [target["expr"] for panel in expressions.panels(board) for target in panel["targets"]]
    texts += [panel["title"] for panel in board["panels"]]
    texts += [variable.get("definition", "") for variable in board["templating"]["list"]]
    used = {name for text in texts for name in re.findall(r"\$(\w+)", text)} - {"__rate_interval"}
    assert used | {"datasource"} == variables
    repeats = {panel["repeat"] for panel in board["panels"] if "repeat" in panel}
    assert repeats <= variables


def test_fixed_uids_and_links():
    boards = {board["uid"]: board for board in map(expressions.dashboard, expressions.DASHBOARDS)}
    assert sorted(boards) == ["probegate-fleet", "probegate-probe"]
    links = [link["url"] for board in boards.values() for link in board["links"]]
    assert sorted(links) == ["/d/probegate-fleet", "/d/probegate-probe"]


def test_provisioning_is_consistent(deploy):
    provisioning = deploy / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"]
    interval = yaml.safe_load((deploy / "prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["type"] == "prometheus" and source["uid"] and source["jsonData"]["timeInterval"] == interval
    (provider,) = yaml.safe_load((provisioning / "dashboards/probegate.yml").read_text())["providers"]
    assert provider["type"] == "file" and provider["options"]["path"].startswith("/")
