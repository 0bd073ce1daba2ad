"""The documents as a site: `make docs` writes site/html, which needs nothing from elsewhere and opens from its folder.

Zensical builds it of copies whose links are those of the site. Every link and anchor of the finished pages is checked
here, and that no page loads anything from another place.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from docs.messages import messages_page

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"
NAVIGATION: Mapping[str, tuple[str, ...]] = {
    "Begin": ("index.md", "start.md", "own-lines.md", "next.md", "troubleshooting.md", "messages.md"),
    "Train": (
        "data.md",
        "teachers.md",
        "teachers-weights-readme.md",
        "adopt.md",
        "losses.md",
        "pages.md",
        "chinese.md",
    ),
    "Use": ("reading.md", "deploy.md", "scaling.md", "busy.md"),
    "Look up": ("recipe.md", "interfaces.md", "results.md", "reliability.md", "architecture.md"),
    "Project": ("contributing.md", "security.md", "changelog.md"),
}
REST = "Further pages"
_NAMES = {"README.md": "index.md"}
_CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<=\]\()[^)\s]+(?=\))")


class SiteError(Exception):
    """The site cannot be built as it stands; the message names every place."""


def build(folder: Path = SITE, root: Path = ROOT) -> Path:
    """Build the site anew in `folder` and return the folder of its pages. Raises `SiteError` with every broken link."""
    if folder.exists():
        shutil.rmtree(folder)
    stage(folder / "source", root)
    shutil.copyfile(root / "docs" / "site.css", folder / "source" / "site.css")
    settings = (root / "docs" / "zensical.toml").read_text(encoding="utf-8")
    (folder / "zensical.toml").write_text(settings.replace("nav = []", navigation(folder / "source")), encoding="utf-8")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    plain = os.environ | {"NO_COLOR": "1"}
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=plain)
    if built.returncode:
        raise SiteError(f"{' '.join(command[1:])} failed:\n{built.stdout}{built.stderr}")
    if problems := list(problems_of(folder / "html")):
        raise SiteError("\n".join(problems))
    return folder / "html"


def stage(source: Path, root: Path = ROOT) -> None:
    """Copy every page, and every file that a page links to, with links as they are on the site; write that of messages.

    Raises `SiteError` where a link leads to no file.
    """
    source.mkdir(parents=True)
    waiting = [*sorted(root.glob("*.md")), *sorted((root / "docs").glob("*.md"))]
    seen = set(waiting)
    missing = []
    while waiting:
        page = waiting.pop()
        text = page.read_text(encoding="utf-8")
        for link, path in linked_files(text, page):
            if not path.is_file():
                missing.append(f"{page.relative_to(root)}: {link} leads to no file")
            elif path not in seen:
                seen.add(path)
                if path.suffix == ".md":
                    waiting.append(path)
                else:
                    place = source / place_of(path, root)
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(path, place)
        (source / place_of(page, root)).write_text(_with_links_of_the_site(text, page, root), encoding="utf-8")
    (source / "messages.md").write_text(messages_page(root), encoding="utf-8")
    if missing:
        raise SiteError("\n".join(missing))


def place_of(path: Path, root: Path = ROOT) -> str:
    """Where a page or file of the repository stands on the site, as the path of its source."""
    inside = path.relative_to(root)
    if path.suffix != ".md":
        return f"files/{inside}"
    if inside.parent in (Path(), Path("docs")):
        return _NAMES.get(inside.name, inside.name.lower())
    return "-".join(inside.parts).lower()


def linked_files(text: str, page: Path) -> Iterator[tuple[str, Path]]:
    """The links of a page to files of the repository, each with its file; what stands as code is no link."""
    for part in _CODE.split(text)[::2]:
        for link in _LINK.findall(part):
            if not re.match(r"\w+:|#", link):
                yield link, Path(os.path.normpath(page.parent / unquote(link.partition("#")[0])))


def _with_links_of_the_site(text: str, page: Path, root: Path) -> str:
    targets = {link: path for link, path in linked_files(text, page) if path.is_relative_to(root)}

    def moved(link: re.Match[str]) -> str:
        if link[0] not in targets:
            return link[0]
        _, sign, anchor = link[0].partition("#")
        return f"{place_of(targets[link[0]], root)}{sign}{anchor}"

    parts = _CODE.split(text)
    return "".join(part if i % 2 else _LINK.sub(moved, part) for i, part in enumerate(parts))


def navigation(source: Path) -> str:
    """The list of pages as a line of the settings; pages that no section names stand at its end.

    Raises `SiteError` where a section names a page that is not there.
    """
    sections = {title: list(names) for title, names in NAVIGATION.items()}
    named = {name for names in sections.values() for name in names}
    if missing := sorted(name for name in named if not (source / name).is_file()):
        raise SiteError(f"docs/website.py: no such pages as {', '.join(missing)}")
    if rest := sorted(path.name for path in source.glob("*.md") if path.name not in named):
        sections[REST] = rest
    items = ", ".join(f"{{ {json.dumps(title)} = {json.dumps(names)} }}" for title, names in sections.items())
    return f"nav = [{items}]"


class _Page(HTMLParser):
    """The anchors of a page, what it links to, and what it loads."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.anchors: set[str] = set()
        self.links: set[str] = set()
        self.loads: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.add(values["href"])
        elif tag == "link" and values.get("rel") != "canonical" and "href" in values:
            self.loads.add(values["href"])
        elif "src" in values:
            self.loads.add(values["src"])


def problems_of(html: Path) -> Iterator[str]:
    """Links and anchors of finished pages that lead nowhere, and what pages would load from elsewhere."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in sorted(html.glob("*.html"))}
    for path, page in pages.items():
        if path.name == "404.html":  # its links are those of a server's root
            continue
        for address in sorted(page.links | page.loads):
            parts = urlsplit(address)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                if address in page.loads:
                    yield f"{path.name} loads {address} from elsewhere"
                continue
            target = Path(os.path.normpath(path.parent / unquote(parts.path))) if parts.path else path
            if not target.is_file():
                yield f"{path.name}: {address} leads to no file"
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                yield f"{path.name}: {address} names no anchor of {target.name}"
