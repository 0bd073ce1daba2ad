"""A small server of pages for one person: it answers GET for the routes it is given, and nothing else.

It answers only who asks for this machine by an address, as localhost or by its own name: a page from elsewhere whose
name was made to lead here gets nothing (DNS rebinding). It takes no bodies.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Mapping
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import urlsplit

from students.errors import UserError

PATIENCE_S = 30.0  # with a client that says nothing
Fetch = Callable[[], bytes]
Routes = Mapping[str, tuple[str, Fetch]]  # by path: the media type, and what gives the bytes


def open_routes(routes: Routes, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server that is not serving yet; port 0 takes any that is free. A `UserError` of a route is its answer.

    Raises `UserError` where that port cannot be opened.
    """
    try:
        return ThreadingHTTPServer((host, port), partial(_Page, routes, {host, "localhost", socket.gethostname()}))
    except (OSError, OverflowError, UnicodeError) as error:  # the last of a host that no name can be
        raise UserError(f"--port {port}: cannot be opened on {host} ({error}); name another") from error


def is_meant(asked: str, names: Collection[str]) -> bool:
    """Return whether a Host header means this machine: an address, which no name server gives out, or a name of it."""
    try:
        name = urlsplit(f"//{asked}").hostname or ""
    except ValueError:  # brackets without an address in them
        return False
    if name in {each.lower() for each in names}:
        return True
    try:
        ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


class _Page(BaseHTTPRequestHandler):
    timeout = PATIENCE_S

    def __init__(self, routes: Routes, names: Collection[str], *request: object) -> None:
        self.routes, self.names = routes, names
        super().__init__(*request)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if not is_meant(self.headers.get("Host", ""), self.names):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "ask for localhost or for an address of this machine")
            return
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "nothing is taken here")
            return
        found = self.routes.get(self.path.partition("?")[0].lstrip("/"))
        if found is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        kind, fetch = found
        status = HTTPStatus.OK
        try:
            body = fetch()
        except UserError as error:
            kind, body, status = "text/plain; charset=utf-8", str(error).encode(), HTTPStatus.INTERNAL_SERVER_ERROR
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Print nothing: the page is for one person."""
