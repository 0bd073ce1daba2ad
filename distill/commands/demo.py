"""The command that serves a page on which lines are read in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.commands import Commands, add, serve, serves, takes_model


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    demo = add(commands, "demo", _demo, "serve a page that reads lines in the browser")
    takes_model(demo)
    serves(demo, 8000)
    demo.add_argument("--ort", type=Path, metavar="FOLDER", help="folder with onnxruntime-web")


def _demo(options: argparse.Namespace) -> int:
    from distill.delivery.demo import open_server, prepared

    return serve(open_server(prepared(options.model, options.ort), options.ort, options.host, options.port), options)
