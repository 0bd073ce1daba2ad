"""Words in, an exit code out: a module for each part of the suite; here is what they share.

Every module has `add_to(commands)`. Only this package, `cli.py` and `__main__.py` print. Commands import what they need
when they run, so that `distill read` never waits for timm or datasets.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO

from distill.paths import expanded
from students.errors import UserError

MODEL = "model file, run folder (its student), name of a shipped student, or teachers/NAME for a shipped teacher"
PROBLEMS_FOUND = 1
USER_ERROR = 2
STOPPED = 75  # EX_TEMPFAIL, "try again": by SIGTERM, and by Ctrl-C what the same command continues
INTERRUPTED = 130  # as shells have it for a command that Ctrl-C ends
UNWRITABLE = (
    "backslashreplace"  # how a file or terminal takes what its encoding lacks: a file name can be no text at all
)
OUR_FLOORS = ("students", "teachers", "distill")
Command = Callable[[argparse.Namespace], int]
Commands = Any  # argparse keeps the type of its subparsers to itself


def add(commands: Commands, name: str, command: Command, about: str) -> argparse.ArgumentParser:
    """Add a command, without arguments yet, and return its parser."""
    sub: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    sub.set_defaults(command=command)
    return sub


def not_installed(error: ModuleNotFoundError) -> str:
    """Return what to say of a package that is missing, and what installs it; raises the error for one of our own."""
    if str(error.name).partition(".")[0] in OUR_FLOORS:
        raise error
    extras = "train,export" if error.name in ("onnx", "onnxruntime") else "train"
    return f"distill: {error.name} is not installed; pip install 'crnn-distill[{extras}]'"


def takes_recipe(sub: argparse.ArgumentParser) -> None:
    """Add the recipe, its overrides and the run folder."""
    sub.add_argument("recipe", metavar="RECIPE", help="name of a shipped recipe, a YAML file, or a run folder")
    sub.add_argument("overrides", nargs="*", metavar="KEY=VALUE", help="for example data.root=folder")
    sub.add_argument("--run", type=Path, metavar="FOLDER", help="run folder (default runs/<recipe>)")


def takes_model(sub: argparse.ArgumentParser) -> None:
    """Add the model."""
    sub.add_argument("model", metavar="MODEL", help=MODEL)


def reports(sub: argparse.ArgumentParser) -> None:
    """Add the option `--json` of a command that prints a result."""
    sub.add_argument("--json", action="store_true", help="print JSON")


def serves(sub: argparse.ArgumentParser, port: int) -> None:
    """Add what every command that serves a page takes; `port` is where it serves unless told otherwise."""
    sub.add_argument("--host", default="127.0.0.1", help="address to serve on (default: this machine alone)")
    sub.add_argument("--port", type=int, default=port, help=f"port to serve on (default {port}; 0: any)")
    sub.add_argument("--open", action="store_true", help="open the page in the browser, too")


def serve(server: ThreadingHTTPServer, options: argparse.Namespace) -> int:
    """Say where a page is, and serve it until Ctrl+C."""
    address = f"http://{options.host}:{server.server_port}/"
    print(f"{address} (Ctrl+C ends it)", flush=True)
    if options.open:
        webbrowser.open(address)
    with server, contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    return 0


def recipe_and_folder(options: argparse.Namespace) -> tuple[Any, Path]:
    """Return the resolved recipe and the run folder that the options name."""
    from distill.recipe.file import load_recipe, run_folder

    recipe = load_recipe(options.recipe, options.overrides)
    return recipe, expanded(options.run) if options.run else run_folder(options.recipe, recipe)


@contextmanager
def warnings_told() -> Iterator[list[str]]:
    """Collect the warnings that are logged in this context, in their order, for a result in JSON."""
    told: list[str] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append(record.getMessage())

    collecting = Collecting(logging.WARNING)
    logging.getLogger().addHandler(collecting)
    try:
        yield told
    finally:
        logging.getLogger().removeHandler(collecting)


def show(value: object, options: argparse.Namespace, words: str) -> None:
    """Print a result as words, or as JSON if that was asked for."""
    text = as_json(value, sys.stdout, indent=1) if options.json else words
    if text:
        print(text)


def as_json(value: object, target: TextIO, indent: int | None = None) -> str:
    """Return JSON that the encoding of `target` holds: characters that it lacks are escaped as JSON has it."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    try:
        text.encode(target.encoding or "utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, indent=indent)
    return text


def takes_limit(sub: argparse.ArgumentParser) -> None:
    """Add the time after which trainings end."""
    sub.add_argument(
        "--stop-after",
        metavar="TIME",
        help="end the trainings so that all is done in about this time (90s, 30m, 2h); without it they go on",
    )


def in_run(
    options: argparse.Namespace,
    work: Callable[[Any], dict[str, Any]],
    words: Callable[[dict[str, Any]], str],
    needs_teacher: bool = False,
) -> int:
    """Open the run, do one piece of work in it, and print the result; `needs_teacher`: one that is trained already."""
    from distill.durations import seconds_of
    from distill.runs.tasks import expect_teacher, open_any_run

    text = getattr(options, "stop_after", None)
    limit = None if text is None else seconds_of(text, "--stop-after")
    recipe, folder = recipe_and_folder(options)
    if needs_teacher:
        expect_teacher(recipe, folder)

    def opened(stop: Any) -> int:
        run = open_any_run(recipe, folder, stop)
        result = work(run)
        run.accelerator.end_training()
        if run.accelerator.is_main_process:
            show(result, options, words(result))
        return 0

    return until_stopped(opened, limit)


def until_stopped(work: Callable[[Any], int], seconds: float | None = None) -> int:
    """Return the exit code of `work`; it is 75 where the process was asked to stop.

    Its trainings end after so many `seconds`.
    """
    from distill.runtime import Stopped, stoppable

    with stoppable(seconds) as stop:
        try:
            return work(stop)
        except Stopped:
            print("stopped; the same command continues", file=sys.stderr)
            return STOPPED
        except RuntimeError as error:
            from distill.launch import end_without_partner, is_partner_gone

            if not is_partner_gone(error):
                raise
            end_without_partner(USER_ERROR)
            raise UserError(
                "another process of this run has ended, so this one cannot go on; what that one said tells why, and "
                f"the same command continues at the newest checkpoint ({error})"
            ) from error
