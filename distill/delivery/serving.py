"""A small server of pages for one person: it answers GET for the routes it is given, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from students.errors import UserError

Fetch = Callable[[], bytes]
Routes = Mapping[str, tuple[str, Fetch]]  # by path: the media type, and what gives the bytes


def open_routes(routes: Routes, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that is not serving yet; port 0 takes any that is free.

    Raises `UserError` where that port cannot be opened.
    """
    try:
        return ThreadingHTTPServer((host, port), partial(_Page, routes))
    except (OSError, OverflowError) as error:
        raise UserError(f"--port {port}: cannot be opened on {host} ({error}); name another") from error


class _Page(BaseHTTPRequestHandler):
    def __init__(self, routes: Routes, *request: object) -> None:
        self.routes = routes
        super().__init__(*request)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        found = self.routes.get(self.path.partition("?")[0].lstrip("/"))
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, fetch = found
        body = fetch()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing: the page is for one person."""
