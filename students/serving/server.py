"""The server around the application: uvicorn with httptools, and connections that are guarded."""

from __future__ import annotations

import math
import socket
import sys
from functools import partial

import uvicorn

from students.errors import UserError
from students.reader import Reader
from students.serving.app import service
from students.serving.connections import Connection
from students.serving.limits import Limits

BACKLOG = 128  # connections that the system holds before they are taken in: far fewer than files a process may open


def server_of(reader: Reader, limits: Limits | None = None, access_log: bool = False) -> uvicorn.Server:
    """Return a server of `reader` that is not running yet; `run([listening(host, port)])` runs it."""
    limits = limits or Limits()
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(1)  # as a session of ONNX Runtime has: networks this small gain nothing from a second
    app, guard = service(reader, limits)
    config = uvicorn.Config(
        app,
        http=partial(Connection, guard),  # type: ignore[arg-type]  # it is called as the class would be
        ws="none",
        lifespan="on",
        interface="asgi3",
        proxy_headers=False,
        server_header=False,
        access_log=access_log,
        log_level="info" if access_log else "warning",
        backlog=BACKLOG,
        timeout_keep_alive=limits.idle_s,
        timeout_graceful_shutdown=math.ceil(limits.answer_s),
    )
    return uvicorn.Server(config)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens; port 0 takes any that is free. Raises `UserError` where it cannot be opened."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise UserError(f"--port {port}: cannot be opened on {host} ({error}); name another") from error
