"""What documents name exists: recipes, files, links. Commands and snippets have tests of their own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from distill.recipe.file import shipped_recipes
from docs.build import ROOT, anchor_of
from students.shipped import shipped_students
from tests.docs.shown import PAGES


def test_every_recipe_and_student_of_the_tables_is_shipped() -> None:
    named = re.findall(r"^\| `([\w-]+)`(?:, `([\w-]+)`)? \|", (ROOT / "docs" / "start.md").read_text(), re.MULTILINE)
    assert {name for pair in named for name in pair if name} == set(shipped_recipes())
    shown = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(shown) >= 5
    assert set(shown) <= set(shipped_recipes()) | set(shipped_students().files)


def anchors(page: Path) -> set[str]:
    """As the usual viewers make them of headings, and those that are written out."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return set(map(anchor_of, headings)) | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    for link in links:
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_the_suite_that_is_named_exists(page: Path) -> None:
    named = re.findall(r"\b((?:distill|students|teachers|tests|recipes)/[\w/]+\.(?:py|yaml|js))\b", page.read_text())
    assert [name for name in named if not (ROOT / name).exists()] == []
