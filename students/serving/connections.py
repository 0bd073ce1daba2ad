"""What connections may cost, which uvicorn does not bound: how many are open, and how long each of their steps takes.

A connection that has not yet said what it wants makes room for a new one once too many are open, the oldest first, so
that thousands of silent ones keep nobody out. One task looks at all deadlines, so that a request costs no timers.
"""

from __future__ import annotations

import asyncio
import json
import math
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from students.serving.limits import Limits
from students.serving.metrics import Metrics

LOOK_S = 0.2  # deadlines are looked at so often


class TooFarAhead(Exception):
    """A client sends more requests than may wait for the answers ahead of them; what it sent besides is not parsed."""


class Guard:
    """What the connections of one server share: their number, their deadlines, and what is counted of them."""

    def __init__(self, limits: Limits, metrics: Metrics) -> None:
        self.limits = limits
        self.metrics = metrics
        self.open: set[Connection] = set()
        self.silent: dict[Connection, None] = {}  # those without a first request, the oldest first

    def admit(self, connection: Connection) -> bool:
        """Take a new connection in, in the place of the oldest silent one if need be; False where there is no place."""
        if len(self.open) >= self.limits.max_connections:
            oldest = next(iter(self.silent), None)
            if oldest is None:
                return False
            self.forget(oldest)
            oldest.end("made room")
        self.open.add(connection)
        self.silent[connection] = None
        return True

    def forget(self, connection: Connection) -> None:
        """Count a connection no longer."""
        self.open.discard(connection)
        self.silent.pop(connection, None)

    async def watch(self) -> None:
        """End the connections whose time is over, for as long as this is not cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(LOOK_S, self.limits.head_s, self.limits.body_s))
            now_s = loop.time()
            for connection in [each for each in self.open if each.deadline_s < now_s]:
                connection.run_out()


class Connection(HttpToolsProtocol):
    """A connection of uvicorn with a deadline for its next step."""

    def __init__(self, guard: Guard, **of_uvicorn: Any) -> None:
        super().__init__(**of_uvicorn)
        self.guard = guard
        self.deadline_s = math.inf
        self.step = "head"  # what is waited for: head, body, answer, or nothing (idle)
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if not self.guard.admit(self):
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections are open; try again", "full")
            return
        self._await("head", self.guard.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self.guard.forget(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.step == "head" and not self.transport.is_closing():
            self._head_bytes += len(data)
            if self._head_bytes > (most := self.guard.limits.max_head_bytes):
                status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
                self._refuse(status, f"request line and headers may have {most:,} bytes", "head too large")

    def on_message_begin(self) -> None:
        if len(self.pipeline) >= self.guard.limits.max_ahead:
            raise TooFarAhead
        super().on_message_begin()
        self._head_bytes = 0
        self._await("head", self.guard.limits.head_s)

    def send_400_response(self, msg: str) -> None:
        """Answer what uvicorn cannot parse; end it without a word where another answer would come first."""
        if len(self.pipeline) >= self.guard.limits.max_ahead:
            self.end("too far ahead")
        elif self.pipeline or (
            self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        ):
            self.end("no HTTP")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, f"{msg} Send HTTP/1.1 or HTTP/1.0.", "no HTTP")

    def on_headers_complete(self) -> None:
        self.guard.silent.pop(self, None)
        self._await("body", self.guard.limits.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if self.cycle.response_complete:
            self._await("idle", math.inf)
        else:
            self._await("answer", self.guard.limits.answer_s)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if self.step == "answer" and not self.pipeline:
            self._await("idle", math.inf)  # for which uvicorn has a timer
        super().on_response_complete()

    def run_out(self) -> None:
        """End this connection because its step took too long, with an answer where none has begun."""
        answered = self.cycle is not None and self.cycle.response_started
        if self.step == "answer" or (self.step == "body" and answered):
            self.end(f"{self.step} took too long")
            return
        what, limit_s = {
            "head": ("the headers", self.guard.limits.head_s),
            "body": ("the picture", self.guard.limits.body_s),
        }[self.step]
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT, f"{what} did not come within {limit_s:g} s", f"{self.step} took too long"
        )

    def end(self, reason: str) -> None:
        """Close this connection at once, without a word."""
        self.guard.metrics.closed[reason] += 1
        self.deadline_s = math.inf
        self.transport.abort()

    def _await(self, step: str, seconds: float) -> None:
        self.step = step
        self.deadline_s = self.loop.time() + seconds

    def _refuse(self, status: HTTPStatus, words: str, reason: str) -> None:
        """Answer outside of the application, and close."""
        self.guard.metrics.closed[reason] += 1
        self.deadline_s = math.inf
        body = json.dumps({"detail": words}).encode()
        rows = [
            f"HTTP/1.1 {status.value} {status.phrase}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            *([f"retry-after: {self.guard.limits.retry_after_s}"] if status == HTTPStatus.SERVICE_UNAVAILABLE else []),
            "connection: close",
        ]
        self.transport.write("\r\n".join([*rows, "", ""]).encode() + body)
        self.transport.close()
