"""A page of one file in a browser: opened with nothing else within reach, and typed into."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def opened(browser: Any, page_file: Path, **settings: object) -> tuple[Any, list[str]]:
    """The page, and its troubles so far: errors, and whatever it would fetch from elsewhere."""
    page = browser.new_context(**settings).new_page()
    troubles: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: troubles.append(request.url) if request.url.startswith("http") else None)
    page.goto(page_file.as_uri())
    return page, troubles


def write(page: Any, text: str, *keys: str) -> None:
    """Type a text in the place of what stands in the field, then press keys."""
    page.keyboard.press("Control+A")
    page.keyboard.type(text)
    for key in keys:
        page.keyboard.press(key)
