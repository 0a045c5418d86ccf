"""The tree keeps the folder rules, and a tree that breaks one is found out."""

import json
import os
import pathlib

import folder_rules
import pytest

ROOT = pathlib.Path(__file__).parents[2]
RULES_TEXT = (pathlib.Path(__file__).parent / "folder_rules.txt").read_text()


def listed(lines):
    return "\n".join(lines)


def test_every_include_is_allowed():
    found = folder_rules.violations(ROOT, folder_rules.Rules(RULES_TEXT))
    assert not found, listed(found)


def test_every_grant_is_used():
    found = list(folder_rules.unused_grants(ROOT, folder_rules.Rules(RULES_TEXT)))
    assert not found, listed(found)


def test_every_row_names_a_place_that_is_there():
    rules = folder_rules.Rules(RULES_TEXT)
    gone = [
        path for row, (project, _) in rules.folders.items() for path in (row, *project) if not (ROOT / path).exists()
    ]
    assert not gone, listed(gone)


@pytest.mark.skipif("PROBEGATE_BUILD" not in os.environ, reason="./dev test says where the compile commands are")
def test_every_source_is_compiled():
    commands = json.loads((pathlib.Path(os.environ["PROBEGATE_BUILD"]) / "compile_commands.json").read_text())
    orphans = list(folder_rules.orphan_sources(ROOT, [command["file"] for command in commands]))
    assert not orphans, listed(orphans)


def test_every_header_is_included():
    orphans = list(folder_rules.orphan_headers(ROOT))
    assert not orphans, listed(orphans)


SMALL_RULES = """
[libraries]
grpc  grpcpp/* *.grpc.pb.h
absl  absl/*
asio  asio.hpp
std   sys/*
[folders]
base            |            | absl
server          | base       | absl
server/grpc     | server base| absl grpc
server/wire.cc  | base       | absl asio
sim             |            |
"""

# What is put in which file, and a part of the complaint it must cause; None where it is allowed.
CASES = [
    ("server/lane.cc", '#include "base/mutex.h"', None),
    ("server/lane.cc", "#include <vector>\n#include <sys/socket.h>", None),
    ("server/lane.cc", '#include "absl/status/status.h"', None),
    ("server/lane.cc", "#include <grpcpp/grpcpp.h>", "grpc is not among what server may use"),
    ("server/lane.cc", '#include "probegate/v1/debug_probe.grpc.pb.h"', "grpc is not among"),
    ("server/lane.cc", '#include "server/grpc/service.h"', "server/grpc is not among what server may use"),
    ("server/lane.cc", "#include <asio.hpp>", "asio is not among what server may use"),
    ("server/lane.cc", "#include <boost/any.hpp>", "belongs to no library"),
    ("server/wire.cc", "#include <asio.hpp>", None),
    ("server/wire.cc", '#include "server/lane.h"', None),
    ("server/grpc/service.cc", "#include <grpcpp/grpcpp.h>", None),
    ("server/grpc/service.cc", '#include "server/lane.h"', None),
    ("sim/board.cc", '#include "base/mutex.h"', "base is not among what sim may use"),
    ("sim/board.cc", '  #  include "absl/strings/str_cat.h"', "absl is not among what sim may use"),
    ("sim/main.c", '#include "base/mutex.h"', "base is not among what sim may use"),
    ("base/mutex.cc", '#include "server/lane.h"', "server is not among what base may use"),
    ("tracing/span.cc", "#include <vector>", "has no row"),
]


@pytest.mark.parametrize("path,text,complaint", CASES)
def test_an_include_is_judged(tmp_path, path, text, complaint):
    for name in ("base/mutex.h", "server/lane.h", "server/grpc/service.h", path):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    (tmp_path / path).write_text(text)
    rules = folder_rules.Rules(SMALL_RULES)
    found = folder_rules.violations(tmp_path, rules)
    if complaint is None:
        assert not found
    else:
        assert len(found) == 1 and found[0].startswith(path) and complaint in found[0]


def test_unused_grants_are_found(tmp_path):
    for name in ("base/mutex.h", "server/lane.h"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    (tmp_path / "server/lane.h").write_text('#include "absl/status/status.h"\n')
    rules = folder_rules.Rules("[libraries]\nabsl absl/*\nasio asio.hpp\n[folders]\nbase | | \nserver | base | absl\n")
    assert list(folder_rules.unused_grants(tmp_path, rules)) == [
        "server may use base, and does not",
        "no folder may use asio",
    ]


def test_an_unknown_library_in_the_table_is_an_error():
    with pytest.raises(ValueError, match="spdlog"):
        folder_rules.Rules("[folders]\nbase | | spdlog\n")


def test_orphans_are_found(tmp_path):
    (tmp_path / "base").mkdir()
    for name in ("used.cc", "orphan.cc", "used.h", "orphan.h"):
        (tmp_path / "base" / name).write_text("")
    (tmp_path / "base/used.cc").write_text('#include "base/used.h"\n')
    compiled = [tmp_path / "base/used.cc"]
    assert list(folder_rules.orphan_sources(tmp_path, compiled)) == ["base/orphan.cc: no target compiles it"]
    assert list(folder_rules.orphan_headers(tmp_path)) == ["base/orphan.h: nothing includes it"]
