"""The tree keeps the rules of style.py, and each rule can find its fault."""

import pathlib
import warnings

import pytest
import style

ROOT = pathlib.Path(__file__).parents[2]


def test_the_tree_is_clean():
    files = list(style.files_of(ROOT))
    long = list(style.long_files(ROOT, files))
    if long:
        warnings.warn("long files, perhaps two ideas each:\n" + "\n".join(long))
    found = list(style.problems(ROOT, files))
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
    ("base/a.cc", "//\n" * 450, None),
    ("base/a.cc", "//\n" * 451, "451 lines"),
    ("tests/base/a_test.cc", "//\n" * 451, None),
]


@pytest.mark.parametrize("path,text,complaint", CASES)
def test_a_file_is_judged(tmp_path, path, text, complaint):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    found = list(style.problems(tmp_path, [file]))
    if complaint is None:
        assert not found
    else:
        assert len(found) == 1 and path in found[0] and complaint in found[0]


def test_a_long_file_is_listed(tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base/a.cc").write_text("//\n" * 301)
    (tmp_path / "base/b.cc").write_text("//\n" * 300)
    assert list(style.long_files(tmp_path, list(style.files_of(tmp_path)))) == ["base/a.cc: 301 lines"]
