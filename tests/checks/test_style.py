"""The source tree passes the checks in style.py, and each check finds its fault."""

import pathlib
import warnings

import pytest
import style

ROOT = pathlib.Path(__file__).parents[2]


def test_the_tree_passes_the_checks():
    files = list(style.files_of(ROOT))
    long = list(style.long_types(ROOT, files))
    if long:
        warnings.warn("long types, each perhaps with two ideas:\n" + "\n".join(long), stacklevel=1)
    found = list(style.problems(ROOT, files))
    assert not found, "\n".join(found)


def test_every_type_is_implemented_in_one_file():
    found = list(style.types_in_several_files(ROOT, list(style.files_of(ROOT))))
    assert not found, "\n".join(found)


CASES = [
    ("base/a.cc", "int a;\n", None),
    ("base/a.h", "#pragma once\n", None),
    ("base/a.h", "int a;\n", "#pragma once"),
    ("base/a.cc", "//" + "x" * 119 + "\n", "121 columns"),
    ("base/a.cc", "//" + "→" * 118 + "\n", None),
    ("base/a.cc", "int a; \n", "white space"),
    ("base/a.cc", "\tint a;\n", "a tab"),
    ("base/a.cc", "// TO" + "DO: more\n", "TO" + "DO"),
    ("base/a.cc", "int a;", "newline"),
    ("base/a.cc", "int a;\n\n", "newline"),
]


@pytest.mark.parametrize("path,text,complaint", CASES)
def test_each_check_finds_its_fault(tmp_path, path, text, complaint):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    found = list(style.problems(tmp_path, [file]))
    if complaint is None:
        assert not found
    else:
        assert len(found) == 1 and path in found[0] and complaint in found[0]


LANE = """\
#pragma once
class Other;
class Lane {
  void Run();
};
struct Options : Base {
};
"""

# Sources in the same folder as that header, and the expected complaints.
IMPLEMENTATIONS = [
    ({"a.cc": "void Lane::Run() {}\n"}, []),
    ({"a.cc": "Lane::Lane() {}\nLane::~Lane() = default;\n", "b.cc": "int Run() { return Lane::kMost(); }\n"}, []),
    ({"a.cc": "void Lane::Run() {}\n", "b.cc": "void Other::Run() {}\n"}, []),
    (
        {"a.cc": "void Lane::Run() {}\n", "b.cc": "absl::Status Lane::Stop(int a,\n"},
        ["base: Lane is implemented in a.cc, b.cc"],
    ),
    (
        {"a.cc": "Lane::Lane() {}\n", "b.cc": "Lane::Item* Lane::Next() {\n"},
        ["base: Lane is implemented in a.cc, b.cc"],
    ),
    (
        {"a.cc": "Options::Options() {}\n", "b.cc": "Options::operator bool() {\n"},
        ["base: Options is implemented in a.cc, b.cc"],
    ),
]


@pytest.mark.parametrize("sources,complaints", IMPLEMENTATIONS)
def test_a_type_in_several_files_is_found(tmp_path, sources, complaints):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/lane.h").write_text(LANE)
    for name, text in sources.items():
        (tmp_path / "base" / name).write_text(text)
    assert list(style.types_in_several_files(tmp_path, list(style.files_of(tmp_path)))) == complaints


def test_a_long_type_is_listed(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/lane.h").write_text(LANE)
    (tmp_path / "base/a.cc").write_text("void Lane::Run() {}\n" * 301)
    (tmp_path / "base/b.cc").write_text("void Options::Run() {}\n" * 300)
    assert list(style.long_types(tmp_path, list(style.files_of(tmp_path)))) == ["base: Lane, 301 lines"]
