"""The command that serves a page on which lines are read in the browser."""

from __future__ import annotations

import argparse
import contextlib
import webbrowser
from pathlib import Path

from distill.commands import Commands, add, takes_model


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    demo = add(commands, "demo", _demo, "serve a page that reads lines in the browser")
    takes_model(demo)
    demo.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine alone)")
    demo.add_argument("--port", type=int, default=8000, help="port to serve on (default 8000; 0: any)")
    demo.add_argument("--ort", type=Path, metavar="FOLDER", help="folder with onnxruntime-web")
    demo.add_argument("--open", action="store_true", help="open the page in the browser, too")


def _demo(options: argparse.Namespace) -> int:
    from distill.delivery.demo import open_server, prepared

    server = open_server(prepared(options.model, options.ort), options.ort, options.host, options.port)
    address = f"http://{options.host}:{server.server_port}/"
    print(f"{address} (Ctrl+C ends it)", flush=True)
    if options.open:
        webbrowser.open(address)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0
