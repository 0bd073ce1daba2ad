"""What documents show exists: commands, options, targets, recipes, snippets, links."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from distill.cli import _parser
from distill.recipe.file import load_recipe, shipped_recipes
from docs.build import ROOT, anchor_of
from tests.samples import png_bytes

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "RESULTS.md", *sorted((ROOT / "docs").glob("*.md"))]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def blocks(page: Path, *languages: str) -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def shell_commands(page: Path) -> list[list[str]]:
    """The words of every command in a page's shell blocks; of several in a line, each."""
    commands = []
    for block in blocks(page, "sh", ""):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith(("distill ", "make ", "torchrun ")):
                parts = re.split(r" && ", line)
                commands += [shlex.split(part, comments=True) for part in parts]
    return commands


def distill_commands() -> list[list[str]]:
    words = [command for page in PAGES for command in shell_commands(page) if command[0] == "distill"]
    unique = {tuple(command[1:]): command[1:] for command in words}
    return list(unique.values())


def test_enough_is_looked_at() -> None:
    assert len(distill_commands()) >= 60
    assert len(blocks(ROOT / "README.md", "python")) == 1


@pytest.mark.parametrize("words", distill_commands(), ids=lambda words: " ".join(words)[:60])
def test_every_command_is_one_that_distill_takes(words: list[str]) -> None:
    if "..." in words:
        words = [word for word in words if word != "..."]
    parser = _parser()
    options, behind = parser.parse_known_args(words)
    assert options.command
    assert not [word for word in behind if word.startswith("-")]


def test_every_target_is_one_of_the_makefile() -> None:
    for page in PAGES:
        for command in shell_commands(page):
            if command[0] == "make":
                assert [word for word in command[1:] if "=" not in word and word not in TARGETS] == [], page
    for page in (ROOT / "README.md", ROOT / "docs" / "start.md"):
        for target in re.findall(r"`make ([a-z-]+)", page.read_text()):
            assert target in TARGETS


def test_every_recipe_of_the_tables_is_shipped() -> None:
    named = re.findall(r"^\| `([\w-]+)`(?:, `([\w-]+)`)? \|", (ROOT / "docs" / "start.md").read_text(), re.MULTILINE)
    assert {name for pair in named for name in pair if name} == set(shipped_recipes())
    shown = re.findall(r"^\| `([\w-]+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(shown) >= 5
    assert set(shown) <= set(shipped_recipes())


def test_the_python_of_the_readme_reads_a_line(tmp_path: Path) -> None:
    (tmp_path / "line.png").write_bytes(png_bytes())
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n" + blocks(ROOT / "README.md", "python")[0]
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert float(ran.stdout.split()[-1]) <= 1


def test_the_recipes_for_own_lines_are_recipes(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    names = []
    for block in blocks(ROOT / "docs" / "own-lines.md", "yaml"):
        path.write_text(block)
        names.append([source.name for source in load_recipe(str(path), ["data.root=~/lines"]).data.train])
    assert names == [["mine"], ["mine", "more", "loud"], ["mine"], ["mine"]]


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
