"""The clients of `serving.py`, good and bad ones: `serving_clients.py` is a part of it."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

ALONE = 200  # lines that one client sends
LARGE_BYTES = 60_000_000


@dataclass
class Seen:
    """What clients have seen."""

    seconds: list[float] = field(default_factory=list)
    wrong: int = 0  # answers with another text than the reader's
    lost: int = 0  # requests without an answer
    refused: int = 0  # 503 with Retry-After, asked again

    def p(self, share: float) -> float:
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Client:
    """Sends lines over one connection, one after the other."""

    def __init__(self, port: int, seen: Seen) -> None:
        self.port, self.seen = port, seen
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, picture: bytes, kind: str = "image/png") -> tuple[int, dict[str, str], bytes]:
        """Send one request and return status, headers and body; a connection that was closed is opened anew."""
        if self.streams is None or self.streams[0].at_eof() or self.streams[1].is_closing():
            self.streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self.streams
        head = f"POST /read HTTP/1.1\r\nHost: a\r\nContent-Type: {kind}\r\nContent-Length: {len(picture)}\r\n\r\n"
        writer.write(head.encode() + picture)
        first, *rows = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (row.partition(": ") for row in rows if row)}
        return int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"]))

    async def read(self, picture: bytes, text: str) -> None:
        """Send one picture until it is read."""
        while True:
            began_s = time.perf_counter()
            try:
                status, headers, body = await self.ask(picture)
            except (OSError, EOFError):
                self.seen.lost += 1
                self.streams = None
                return
            if status == 503:
                self.seen.refused += 1
                await asyncio.sleep(int(headers["retry-after"]) * random.uniform(0.5, 1.0))
                continue
            self.seen.seconds.append(time.perf_counter() - began_s)
            self.seen.wrong += status != 200 or json.loads(body)["text"] != text
            return

    async def read_many(self, lines: Sequence[tuple[bytes, str]], until_s: float, first: int = 0) -> None:
        i = first
        while time.perf_counter() < until_s:
            await self.read(*lines[i % len(lines)])
            i += 1


async def together(port: int, lines: Sequence[tuple[bytes, str]], n_clients: int, seconds: float) -> Seen:
    """Let clients send for so many seconds."""
    seen = Seen()
    until_s = time.perf_counter() + seconds
    clients = (Client(port, seen).read_many(lines, until_s, 17 * i) for i in range(n_clients))
    await asyncio.gather(*clients)
    return seen


async def alone(port: int, lines: Sequence[tuple[bytes, str]], n: int = ALONE) -> float:
    """Return the median seconds of one client's requests."""
    seen = Seen()
    client = Client(port, seen)
    for i in range(n):
        await client.read(*lines[i % len(lines)])
    return seen.p(0.5)


async def silent(port: int, lines: Sequence[tuple[bytes, str]], n: int) -> Seen:
    """Open connections that say nothing, all at a time, and read some lines meanwhile."""
    opened = []
    for _ in range(n):
        with suppress(OSError):
            opened.append(await asyncio.open_connection("127.0.0.1", port))
    seen = Seen()
    for picture, text in lines[:20]:
        await Client(port, seen).read(picture, text)
    for _, writer in opened:
        writer.close()
    return seen


async def large(port: int, n: int = 10) -> list[int]:
    """Send 60 MB at a time, and return the statuses."""
    return [(await Client(port, Seen()).ask(bytes(LARGE_BYTES)))[0] for _ in range(n)]


async def slow(port: int, n: int = 200) -> list[int]:
    """Send a picture by single bytes, with many connections at a time, and return the statuses."""

    async def one() -> int:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n")
        answer = asyncio.ensure_future(reader.readuntil(b"\r\n"))
        while not answer.done():
            with suppress(OSError):
                writer.write(b"x")
            await asyncio.sleep(0.2)
        writer.close()
        return int(answer.result().split()[1])

    return list(await asyncio.gather(*(one() for _ in range(n))))
