"""Links in the documentation are valid: their files and headings exist."""

import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(text):
    """The anchors of all headings, as GitHub generates them."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}


def dead_links(page, text):
    for target in re.findall(r"\]\(([^)\s]+)\)", FENCE.sub("", text)):
        if re.match(r"\w+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or anchor and anchor not in anchors(text if file == page else file.read_text()):
            yield target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_are_valid(page):
    assert list(dead_links(page, page.read_text())) == []


@pytest.mark.parametrize(
    "text,dead",
    [
        ("[a](b.md) [c](#here)\n\n# Here\n", ["b.md"]),
        ("[a](other.md#its-heading-1) [b](other.md#none)", ["other.md#none"]),
        ("[a](https://example.com/x#y)\n```\n[b](none.md)\n```\n", []),
    ],
)
def test_a_dead_link_is_found(tmp_path, text, dead):
    (tmp_path / "other.md").write_text("## Its `heading` 1\n")
    (tmp_path / "page.md").write_text(text)
    assert list(dead_links(tmp_path / "page.md", text)) == dead
