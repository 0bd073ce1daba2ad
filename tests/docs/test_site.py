"""The site of the documents: its pages and their links, what it may load, and the picture of the packages."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from docs import picture, website
from docs.build import PICTURE, ROOT

PAGE = "<html><body><h2 id='here'>Here</h2>{}</body></html>"


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    staged = tmp_path_factory.mktemp("site") / "source"
    website.stage(staged)
    return staged


def test_every_document_is_a_page_with_a_place_in_the_navigation(source: Path) -> None:
    pages = {path.name for path in source.glob("*.md")}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= pages
    assert {"index.md", "results.md", "reliability.md", "contributing.md", "changelog.md"} <= pages
    for name in pages:
        assert f'"{name}"' in website.navigation(source), name


def test_links_between_documents_stay_on_the_site(source: Path) -> None:
    for page in source.glob("*.md"):
        for link, path in website.linked_files(page.read_text(), page):
            assert path.is_file(), f"{page.name}: {link}"
            assert path.is_relative_to(source)
    assert "](start.md)" in (source / "index.md").read_text()
    assert "](results.md)" in (source / "losses.md").read_text()
    assert (source / "files" / "docs" / "results" / "10-quick.json").is_file()


def test_what_stands_as_code_is_no_link() -> None:
    text = "[a](b.md) `[c](d.md)`\n\n```sh\n[e](f.md)\n```\n\n[`g`](h.md#i)\n"
    assert [link for link, _ in website.linked_files(text, ROOT / "README.md")] == ["b.md", "h.md#i"]


def test_a_link_to_nothing_is_named_with_its_page(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("# Page\n")
    (tmp_path / "docs" / "start.md").write_text("# Start\n\n[on](onwards.md)\n")
    with pytest.raises(website.SiteError, match=r"docs/start\.md: onwards\.md leads to no file"):
        website.stage(tmp_path / "site" / "source", tmp_path)


@pytest.mark.parametrize(
    ("inside", "problem"),
    [
        ("<a href='b.html#here'>b</a><a href='#here'>a</a><a href='https://example.org'>c</a>", None),
        ("<a href='c.html'>c</a>", "c.html leads to no file"),
        ("<a href='b.html#there'>b</a>", "b.html#there names no anchor of b.html"),
        ("<script src='https://example.org/a.js'></script>", "loads https://example.org/a.js from elsewhere"),
        ("<img src='//example.org/a.png'>", "loads //example.org/a.png from elsewhere"),
        ("<link rel='stylesheet' href='style.css'>", "style.css leads to no file"),
    ],
)
def test_finished_pages_are_checked(inside: str, problem: str | None, tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(PAGE.format(inside))
    (tmp_path / "b.html").write_text(PAGE.format(""))
    found = list(website.problems_of(tmp_path))
    assert len(found) == (problem is not None)
    assert all(problem is not None and problem in each for each in found)


def test_the_picture_is_drawn_of_the_layers() -> None:
    drawn = picture.architecture_svg()
    assert PICTURE.read_text() == drawn, "docs/architecture.svg is stale: make docs"
    shown = {element.text for element in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")}
    packages = {path.parent.name for path in (ROOT / "distill").glob("*/__init__.py")}
    assert packages | {"teachers", "students"} <= shown
    where = {name for names, _ in picture.FLOW for name in names.split(", ")}
    assert where <= packages | {"students"}


def test_the_whole_site_is_built(tmp_path: Path) -> None:
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("the builder is not installed: make docs")
    html = website.build(tmp_path / "site")
    assert {page.stem for page in html.glob("*.html")} >= {"index", "start", "recipe", "results", "troubleshooting"}
    assert "<svg" in (html / "files" / "docs" / "architecture.svg").read_text()
