"""The service: a picture of a line in the body of `POST /read`, its text in the answer; health and metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import students
from students.errors import DataError
from students.image import FORMATS
from students.reader import Reader
from students.reading import Reading
from students.serving import metrics
from students.serving.batching import Batcher, Overloaded
from students.serving.connections import Guard
from students.serving.limits import Limits

PICTURES = ("image/png", "image/jpeg", "image/webp", "image/tiff", "image/bmp", "image/jp2")
UNNAMED = ("", "application/octet-stream")  # the bytes themselves say what they are
LEFT = 499  # counted where a client left before its picture was whole, as proxies do
HOW = f"send the bytes of one picture as the body: {', '.join(FORMATS)}"
ONE_PICTURE = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string", "format": "binary"}} for kind in PICTURES},
    }
}


class CharacterRead(BaseModel):
    """One character, how sure it is (0-1), and where it stands: frames of the line, `end` not included."""

    text: str
    confidence: float
    start: int
    end: int


class Read(BaseModel):
    """What was read of one picture; `characters` only where the query has `characters=true`."""

    text: str
    confidence: float
    review: bool
    characters: list[CharacterRead] | None = None


@dataclass
class Uploads:
    """The pictures that are held by all requests together."""

    limits: Limits
    held_bytes: int = 0

    @contextmanager
    def holding(self) -> Iterator[bytearray]:
        """Give a place for one picture, and count it no longer once the context is left."""
        picture = bytearray()
        try:
            yield picture
        finally:
            self.held_bytes -= len(picture)

    async def receive(self, request: Request, picture: bytearray) -> None:
        """Put the body of a request into `picture`. Raises `HTTPException` for what is too large, no picture, empty."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind not in PICTURES and kind not in UNNAMED:
            raise HTTPException(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"{kind} is not read; {HOW}")
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.limits.max_bytes:
            raise self._too_large(f"{int(length):,} bytes")
        async for chunk in request.stream():
            if len(picture) + len(chunk) > self.limits.max_bytes:
                raise self._too_large("more bytes")
            if self.held_bytes + len(chunk) > self.limits.max_held_bytes:
                raise overloaded(self.limits, "too many pictures are being sent")
            picture += chunk
            self.held_bytes += len(chunk)
        if not picture:
            raise HTTPException(HTTPStatus.BAD_REQUEST, f"the body is empty; {HOW}")

    def _too_large(self, found: str) -> HTTPException:
        words = f"the picture has {found}; at most {self.limits.max_bytes:,} are read"
        return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, words)


class Counted:
    """Counts the answers of an application by their status."""

    def __init__(self, app: ASGIApp, counts: metrics.Metrics) -> None:
        self.app = app
        self.counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def counting(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.counts.requests[message["status"]] += 1
            await send(message)

        try:
            await self.app(scope, receive, counting if scope["type"] == "http" else send)
        except Exception:
            self.counts.requests[HTTPStatus.INTERNAL_SERVER_ERROR] += 1  # it is answered further out
            raise


def overloaded(limits: Limits, words: str) -> HTTPException:
    """Return the answer to what cannot be taken now and may come again."""
    headers = {"Retry-After": str(limits.retry_after_s)}
    return HTTPException(HTTPStatus.SERVICE_UNAVAILABLE, f"{words}; try again", headers)


def service(reader: Reader, limits: Limits | None = None) -> tuple[FastAPI, Guard]:
    """Return the application that reads with `reader`, and the guard that its server's connections share."""
    limits = limits or Limits()
    counts = metrics.Metrics()
    guard = Guard(limits, counts)
    batcher = Batcher(reader, limits, counts)
    uploads = Uploads(limits)
    counts.gauges |= {
        "students_waiting": ("Pictures that wait to be read", lambda: len(batcher)),
        "students_held_bytes": ("Bytes of pictures that are held", lambda: uploads.held_bytes),
        "students_connections": ("Open connections", lambda: len(guard.open)),
    }

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(guard.watch())
        async with batcher.running():
            yield
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching

    app = FastAPI(
        title="A reader of lines", version=students.__version__, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.add_middleware(Counted, counts=counts)
    add_reading(app, batcher, uploads)
    add_state(app, batcher, reader)
    return app, guard


def add_reading(app: FastAPI, batcher: Batcher, uploads: Uploads) -> None:
    """Add `POST /read`."""
    limits, counts = batcher.limits, batcher.metrics

    @app.post("/read", response_model=Read, openapi_extra=ONE_PICTURE)
    async def read(request: Request) -> Response:
        """Read one picture of a line. It is answered with 503 and Retry-After where too many wait."""
        if batcher.is_full:
            raise overloaded(limits, "too many pictures wait")
        with uploads.holding() as picture:
            try:
                await uploads.receive(request, picture)
            except ClientDisconnect:
                return Response(status_code=LEFT)
            began_s = time.monotonic()
            try:
                reading = await batcher.read(bytes(picture))
            except Overloaded:
                raise overloaded(limits, "too many pictures wait") from None
            except DataError as error:
                raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from error
            counts.took(time.monotonic() - began_s)
        return JSONResponse(as_json(reading, request.query_params.get("characters") == "true"))


def add_state(app: FastAPI, batcher: Batcher, reader: Reader) -> None:
    """Add `GET /health` and `GET /metrics`."""
    about = {"model": reader.path.name, "version": students.__version__}

    @app.get("/health")
    async def health() -> Response:
        """Say whether lines are being read: 503 where a batch takes longer than an answer may."""
        status = HTTPStatus.SERVICE_UNAVAILABLE if batcher.is_stuck else HTTPStatus.OK
        return JSONResponse({"status": "stuck" if batcher.is_stuck else "ok", **about}, status)

    @app.get("/metrics")
    async def shown() -> Response:
        """Return counts and gauges as Prometheus reads them."""
        return PlainTextResponse(batcher.metrics.text(), media_type=metrics.MEDIA_TYPE)


def as_json(reading: Reading, with_characters: bool) -> dict[str, Any]:
    """Return what is answered of a reading, as `Read` describes it."""
    found: dict[str, Any] = {"text": reading.text, "confidence": reading.confidence, "review": reading.review}
    if with_characters:
        found["characters"] = [
            {"text": each.text, "confidence": each.confidence, "start": each.start, "end": each.end}
            for each in reading.characters
        ]
    return found
