"""Generates the JSON of Grafana dashboards from tables of panels.

A panel is a row of a table in fleet.py or probe.py; its position on the dashboard follows from its place in the table.
This module only covers the part of the format (schemaVersion 39) that these dashboards use.
"""

import dataclasses
import itertools

COLUMNS = 24  # Grafana's grid
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclasses.dataclass(frozen=True)
class Query:
    expression: str
    legend: str = ""  # name of a series: {{label}}


@dataclasses.dataclass(frozen=True)
class Panel:
    title: str
    unit: str  # Grafana's unit ID: short, s, ops, Bps, percentunit, …
    description: str
    queries: tuple
    sort: str = "timeseries"  # or stat, or table
    width: int = 8
    height: int = 8
    stacked: bool = False
    bad_above: float | None = None  # from this value upward, a stat is red instead of green
    bad_below: float | None = None
    columns: tuple = ()  # for a table: (label or value, title) in this order; other columns are hidden
    from_zero: bool = True

    def json(self):
        return {
            "type": self.sort,
            "title": self.title,
            "description": self.description,
            "datasource": DATASOURCE,
            "targets": [self._target(ref, query) for ref, query in zip("ABCDEFGH", self.queries, strict=False)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": []},
            "options": self._options(),
            **({"transformations": self._transformations()} if self.sort == "table" else {}),
        }

    def _target(self, ref, query):
        target = {"refId": ref, "datasource": DATASOURCE, "expr": query.expression}
        if self.sort == "timeseries":
            return target | {"legendFormat": query.legend, "range": True}
        return target | {
            "legendFormat": query.legend,
            "instant": True,
            "range": False,
            "format": "table" if self.sort == "table" else "time_series",
        }

    def _defaults(self):
        defaults = {"unit": self.unit}
        if self.from_zero:
            defaults["min"] = 0
        if self.sort == "timeseries":
            custom = {
                "drawStyle": "line",
                "lineWidth": 1,
                "fillOpacity": 30 if self.stacked else 5,
                "showPoints": "never",
            }
            defaults["custom"] = custom | ({"stacking": {"mode": "normal", "group": "A"}} if self.stacked else {})
        if self.sort == "stat":
            steps = [{"color": "green", "value": None}]
            if self.bad_above is not None:
                steps.append({"color": "red", "value": self.bad_above})
            if self.bad_below is not None:
                steps = [{"color": "red", "value": None}, {"color": "green", "value": self.bad_below}]
            defaults["thresholds"] = {"mode": "absolute", "steps": steps}
            defaults["color"] = {"mode": "thresholds"}
        return defaults

    def _options(self):
        if self.sort == "stat":
            return {
                "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
                "colorMode": "value",
                "graphMode": "none",
                "textMode": "auto",
            }
        if self.sort == "table":
            return {"showHeader": True}
        return {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }

    def _transformations(self):
        """Joins the queries into one table, with one row per set of labels."""
        names = [name for name, _ in self.columns]
        return [
            {"id": "merge", "options": {}},
            {"id": "filterFieldsByName", "options": {"include": {"names": names}}},
            {
                "id": "organize",
                "options": {
                    "indexByName": {name: i for i, name in enumerate(names)},
                    "renameByName": dict(self.columns),
                },
            },
        ]


@dataclasses.dataclass(frozen=True)
class Row:
    title: str
    panels: tuple
    repeat: str | None = None  # the variable whose values each get a copy of this row


def datasource_variable():
    return {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "hide": 0,
        "current": {},
        "refresh": 1,
    }


def label_variable(name, title, series, label, several=True):
    """A variable for choosing among the values of a label of these series."""
    query = f"label_values({series}, {label})"
    variable = {
        "name": name,
        "label": title,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "includeAll": several,
        "multi": several,
    }
    if several:
        variable |= {"allValue": ".*", "current": {"text": ["All"], "value": ["$__all"]}}
    return variable


def dashboard(uid, title, description, variables, rows, links=()):
    """Returns the dashboard as Grafana imports it."""
    panels, ids, y = [], itertools.count(1), 0
    for row in rows:
        panels.append(
            {
                "id": next(ids),
                "type": "row",
                "title": row.title,
                "collapsed": False,
                "panels": [],
                "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
                **({"repeat": row.repeat} if row.repeat else {}),
            }
        )
        x, y, height = 0, y + 1, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            panels.append(
                {"id": next(ids), **panel.json(), "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height}}
            )
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return {
        "uid": uid,
        "title": title,
        "description": description,
        "tags": ["probegate"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "annotations": {"list": []},
        "links": [
            {
                "type": "link",
                "title": title,
                "url": f"/d/{uid}",
                "icon": "dashboard",
                "keepTime": True,
                "includeVars": True,
                "targetBlank": False,
                "asDropdown": False,
                "tags": [],
                "tooltip": "",
            }
            for uid, title in links
        ],
        "templating": {"list": variables},
        "panels": panels,
    }
