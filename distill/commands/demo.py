"""The command that serves a page on which lines, or whole pages, are read in the browser."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.commands import Commands, add, serve, serves, takes_model


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    demo = add(commands, "demo", _demo, "serve a page that reads lines, or whole pages, in the browser")
    takes_model(demo)
    demo.add_argument("--recogniser", metavar="MODEL", help="read whole pages: MODEL above finds the lines, this reads")
    serves(demo, 8000)
    demo.add_argument("--ort", type=Path, metavar="FOLDER", help="folder with onnxruntime-web")


def _demo(options: argparse.Namespace) -> int:
    from distill.delivery.demo import open_page_server, open_server, prepared
    from students.model_file import exported_files

    both = None if options.recogniser else exported_files(options.model)
    if options.recogniser:
        both = prepared(options.model, options.ort), prepared(options.recogniser, options.ort)
    if both is not None:
        return serve(open_page_server(*both, options.ort, options.host, options.port), options)
    model = prepared(options.model, options.ort)
    return serve(open_server(model, options.ort, options.host, options.port), options)
