"""A service that runs in a thread of a test, and what it answers."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import uvicorn

from students.reader import Reader
from students.serving.limits import Limits
from students.serving.server import listening, server_of

PATIENCE_S = 60  # for what comes at once on a machine that is not busy
PNG = {"Content-Type": "image/png"}


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Served:
    """A server that runs in a thread of its own."""

    server: uvicorn.Server
    thread: threading.Thread
    port: int

    def ask(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        found = Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        connection.close()
        return found

    def read(self, picture: bytes) -> Answer:
        return self.ask("POST", "/read", picture, PNG)

    def figure(self, name: str) -> float:
        rows = re.findall(rf"^{re.escape(name)} (\S+)$", self.ask("GET", "/metrics").body.decode(), re.MULTILINE)
        return float(rows[0]) if rows else 0

    def opened(self, *sent: bytes) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_S)
        connection.sendall(b"".join(sent))
        return connection


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds that is to come."""
    waiting = threading.Event()
    for _ in range(50 * PATIENCE_S):
        if holds():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not come")


@contextmanager
def serving(reader: Reader, **limits: float) -> Iterator[Served]:
    server = server_of(reader, Limits(**limits))
    with listening("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        port = listener.getsockname()[1]
        thread.start()
        until(lambda: server.started)
        yield Served(server, thread, port)
        server.should_exit = True
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
