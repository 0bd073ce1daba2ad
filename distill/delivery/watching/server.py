"""The page that shows runs, and where it gets their state from."""

from __future__ import annotations

from collections.abc import Sequence
from http.server import ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

from distill.delivery.serving import open_routes
from distill.delivery.watching.state import state_of
from students.model_file import canonical_json


def open_watch(folders: Sequence[Path], host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of the page that is not serving yet; port 0 takes any that is free. Raises `UserError`."""
    page = files("distill.delivery") / "pages" / "watch.html"

    def states() -> bytes:
        return canonical_json([state_of(folder).as_dict() for folder in folders]).encode()

    routes = {"": ("text/html; charset=utf-8", page.read_bytes), "state.json": ("application/json", states)}
    return open_routes(routes, host, port)
