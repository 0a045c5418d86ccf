"""Every function that a header declares and every constant is used, and the search finds those that are not."""

import pathlib

import pytest
import style
import unused_names

ROOT = pathlib.Path(__file__).parents[2]


def sources(root):
    return [file for file in style.files_of(root) if file.suffix in (".h", ".c", ".cc")]


def test_nothing_in_the_tree_is_unused():
    found = list(unused_names.unused_names(ROOT, sources(ROOT)))
    assert not found, "\n".join(found)


def found_in(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return list(unused_names.unused_names(root, sources(root)))


DECLARED = "#pragma once\nstruct A {\n  static std::map<int, int> Planted(int a);\n};\n"
DEFINED = "std::map<int, int> A::Planted(int a) {\n  return {};\n}\n"

UNUSED_FUNCTIONS = [
    {"a/a.h": DECLARED, "a/a.cc": DEFINED},
    {"a/a.h": "inline int Planted() { return 0; }\n"},
    {"a/a.h": "template <typename T>\nconst T& Planted(const T& t);\n"},
    {"a/a.h": DECLARED, "a/a.cc": DEFINED + '// Planted()\nconst char* text = "Planted()";\n'},
]

USED_FUNCTIONS = [
    {"a/a.h": DECLARED, "a/a.cc": DEFINED, "b/b.cc": "void F() {\n  A::Planted(1);\n}\n"},
    {"a/a.h": DECLARED, "a/a.cc": DEFINED, "b/b.cc": "void F() {\n  return A::Planted(1);\n}\n"},
    {"a/a.h": DECLARED, "a/a.cc": DEFINED, "b/b.cc": "void F() {\n  std::cout << A::Planted(1);\n}\n"},
    {"a/a.h": DECLARED, "a/a.cc": DEFINED, "b/b.cc": "void F() {\n  G(first,\n    second, A::Planted(1));\n}\n"},
    {"a/a.h": DECLARED, "a/a.cc": DEFINED, "b/b.cc": "auto f = &A::Planted;\n"},
    {"a/a.h": DECLARED, "a/a.cc": DEFINED, "tests/a/a_test.cc": "void F() {\n  A::Planted(1);\n}\n"},
    {"a/a.h": "struct A : Base {\n  void Planted(int a) override;\n};\n", "a/a.cc": "void A::Planted(int a) {}\n"},
    {"a/a.cc": "static int Planted() { return 0; }\n"},  # the compiler warns about this one
    {"tests/a/a.h": "inline int Planted() { return 0; }\n"},
]


@pytest.mark.parametrize("files", UNUSED_FUNCTIONS)
def test_an_unused_function_is_found(tmp_path, files):
    line = files["a/a.h"][: files["a/a.h"].index("Planted")].count("\n") + 1
    assert found_in(tmp_path, files) == [f"a/a.h:{line}: nothing refers to Planted"]


@pytest.mark.parametrize("files", USED_FUNCTIONS)
def test_a_used_function_is_not_reported(tmp_path, files):
    assert not found_in(tmp_path, files)


UNUSED_CONSTANTS = [
    "inline constexpr int kPlanted = 1;\n",
    "constexpr int kPlanted[] = {1, 2};\n",
    "constexpr std::array<int, 2> kPlanted{1, 2};\n",
    "const std::map<int, int> kPlanted = {};  // kPlanted\n",
    "struct A {\n  static constexpr int kPlanted = 1;\n};\n",
]

USED_CONSTANTS = [
    "constexpr int kPlanted = 1;\nint a = kPlanted;\n",
    "constexpr int kPlanted = 1;\nconst int a = kPlanted == 2;\n",
    "constexpr int kPlanted = 1;\nint a[] = {10'000, kPlanted, 20'000};\n",
    "constexpr int kPlanted = 1;\nconstexpr int kAbove = kPlanted + 1, b = kAbove;\n",
]


@pytest.mark.parametrize("text", UNUSED_CONSTANTS)
def test_an_unused_constant_is_found(tmp_path, text):
    line = text[: text.index("kPlanted")].count("\n") + 1
    assert found_in(tmp_path, {"a/a.cc": text}) == [f"a/a.cc:{line}: nothing refers to kPlanted"]


@pytest.mark.parametrize("text", USED_CONSTANTS)
def test_a_used_constant_is_not_reported(tmp_path, text):
    assert not found_in(tmp_path, {"a/a.cc": text})
