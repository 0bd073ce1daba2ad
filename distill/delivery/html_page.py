"""A self-contained HTML page of `pages/`: its scripts, styles and data stand inside, so that nothing is fetched."""

from __future__ import annotations

import base64
import io
import json
import re
import tempfile
from importlib import resources
from itertools import count
from pathlib import Path
from typing import Any

from PIL import Image

from students.errors import DataError
from students.model_file import write_whole

BESIDE = re.compile(r'<link rel="stylesheet" href="([\w.]+)">|<script src="([\w.]+)"></script>')
DATA = "__DATA__"
SURROGATES = frozenset(map(chr, range(0xD800, 0xE000)))  # bytes of a file name that are no UTF-8


def write_html(path: Path, template: str, data: dict[str, Any]) -> Path | None:
    """Write the page of a template of `pages/` with its data, whole or not at all.

    Another file of its name, as the page of an earlier reading, is kept under a number: that name is returned.
    """
    text = json.dumps(data, ensure_ascii=False).replace("<", "\\u003c")
    content = BESIDE.sub(_inside, _shipped(template)).replace(DATA, text).encode()
    earlier = _set_aside(path) if path.is_file() and path.read_bytes() != content else None
    write_whole(path, content)
    return earlier


def expect_writable(path: Path) -> None:
    """Raise `DataError` where no page can be written, so that nobody reads for an hour first."""
    folder = next(each for each in (path.parent, *path.parent.absolute().parents) if each.exists())
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "is a folder; name a file")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise DataError(
            f"{path}: no page can be written there: {error.strerror}; name another file by --review-page"
        ) from error


def webp_of(picture: Image.Image) -> str:
    """Return a picture as the address of itself, WebP."""
    encoded = io.BytesIO()
    picture.save(encoded, "WEBP", quality=80)
    return "data:image/webp;base64," + base64.b64encode(encoded.getvalue()).decode()


def _shipped(name: str) -> str:
    return resources.files("distill.delivery").joinpath(f"pages/{name}").read_text("utf-8")


def _inside(found: re.Match[str]) -> str:
    """A style sheet or script that stands beside a template, as it stands inside the page."""
    style, script = found.groups()
    return f"<style>\n{_shipped(style)}</style>" if style else f"<script>\n{_shipped(script)}</script>"


def _set_aside(path: Path) -> Path:
    """Give a file the first free name with a number, and return it."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(1))
    free = next(name for name in numbered if not name.exists())
    path.rename(free)
    return free
