"""The source tree keeps the folder rules, and the checker finds includes that break them."""

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


def test_every_permission_is_used():
    found = list(folder_rules.unused_permissions(ROOT, folder_rules.Rules(RULES_TEXT)))
    assert not found, listed(found)


def test_every_path_in_the_table_exists():
    rules = folder_rules.Rules(RULES_TEXT)
    gone = [
        path for row, (project, _) in rules.folders.items() for path in (row, *project) if not (ROOT / path).exists()
    ]
    assert not gone, listed(gone)


@pytest.mark.skipif("PROBEGATE_BUILD" not in os.environ, reason="PROBEGATE_BUILD is not set (./dev test sets it)")
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

# A file, its contents, and a part of the complaint that it must cause, or None if it is allowed.
CASES = [
    ("server/lane.cc", '#include "base/mutex.h"', None),
    ("server/lane.cc", "#include <vector>\n#include <sys/socket.h>", None),
    ("server/lane.cc", '#include "absl/status/status.h"', None),
    ("server/lane.cc", "#include <grpcpp/grpcpp.h>", "server is not allowed to use grpc"),
    ("server/lane.cc", '#include "probegate/v1/debug_probe.grpc.pb.h"', "server is not allowed to use grpc"),
    ("server/lane.cc", '#include "server/grpc/service.h"', "server is not allowed to use server/grpc"),
    ("server/lane.cc", "#include <asio.hpp>", "server is not allowed to use asio"),
    ("server/lane.cc", "#include <boost/any.hpp>", "belongs to no library"),
    ("server/wire.cc", "#include <asio.hpp>", None),
    ("server/wire.cc", '#include "server/lane.h"', None),
    ("server/grpc/service.cc", "#include <grpcpp/grpcpp.h>", None),
    ("server/grpc/service.cc", '#include "server/lane.h"', None),
    ("sim/board.cc", '#include "base/mutex.h"', "sim is not allowed to use base"),
    ("sim/board.cc", '  #  include "absl/strings/str_cat.h"', "sim is not allowed to use absl"),
    ("sim/main.c", '#include "base/mutex.h"', "sim is not allowed to use base"),
    ("base/mutex.cc", '#include "server/lane.h"', "base is not allowed to use server"),
    ("tracing/span.cc", "#include <vector>", "has no row"),
]


@pytest.mark.parametrize("path,text,complaint", CASES)
def test_rules_apply_to_includes(tmp_path, path, text, complaint):
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


def test_unused_permissions_are_found(tmp_path):
    for name in ("base/mutex.h", "server/lane.h"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("")
    (tmp_path / "server/lane.h").write_text('#include "absl/status/status.h"\n')
    rules = folder_rules.Rules("[libraries]\nabsl absl/*\nasio asio.hpp\n[folders]\nbase | | \nserver | base | absl\n")
    assert list(folder_rules.unused_permissions(tmp_path, rules)) == [
        "server may use base, but does not",
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
