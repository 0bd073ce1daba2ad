"""The command that shows runs while they train, and afterwards."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from pathlib import Path

from distill.commands import Commands, add, reports, serve, serves, show
from distill.paths import expanded

LOOKS_EVERY_S = 2
CLEARED = "\x1b[H\x1b[J"


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    watch = add(commands, "watch", _watch, "curves, validation items, speed and time left of runs")
    watch.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="run folder, or that of a comparison")
    watch.add_argument("--terminal", action="store_true", help="show them here instead of on a page")
    watch.add_argument("--once", action="store_true", help="with --terminal: show them once")
    serves(watch, 8700)
    reports(watch)


def _watch(options: argparse.Namespace) -> int:
    from distill.delivery.watching.server import open_watch
    from distill.delivery.watching.state import runs_in, state_of
    from distill.delivery.watching.terminal import in_terminal

    folders = runs_in([expanded(folder) for folder in options.runs])
    plain = not (sys.stdout.encoding or "").lower().startswith("utf")
    if options.json or options.once or (options.terminal and not sys.stdout.isatty()):
        states = [state_of(folder) for folder in folders]
        show([state.as_dict() for state in states], options, in_terminal(states, plain=plain))
        return 0
    if options.terminal:
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                print(CLEARED + in_terminal([state_of(folder) for folder in folders], plain=plain), flush=True)
                time.sleep(LOOKS_EVERY_S)
        return 0
    return serve(open_watch(folders, options.host, options.port), options)
