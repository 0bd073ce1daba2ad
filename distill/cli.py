"""The command line. A mistake of the user is one message and exit code 2; `distill/commands/` has the commands."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import logging
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from types import FrameType

from distill.commands import (
    INTERRUPTED,
    STOPPED,
    UNWRITABLE,
    USER_ERROR,
    Command,
    adopt,
    cluster,
    compare,
    data,
    demo,
    export,
    models,
    new,
    not_installed,
    reading,
    recipes,
    replay,
    review,
    speed,
    watch,
)
from distill.waiting import watch as watch_the_machine
from students.errors import UserError

EMPTY = re.compile(r"(--[\w-]+=)?")  # an empty word, or an option with one
DISK_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)  # a flush that fails knows no file name
DISTRIBUTIONS = ("crnn-distill", "crnn-students")  # the second holds a part of the first


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    _open_closed_streams()
    _print_any_text()
    typed = list(sys.argv[1:] if arguments is None else arguments)
    if empty := _empty_word(typed):
        print(f"distill: {empty}", file=sys.stderr)
        return USER_ERROR
    parser = _parser()
    options, behind = parser.parse_known_args(typed)
    if behind and (not hasattr(options, "overrides") or any(word.startswith("-") for word in behind)):
        parser.error(f"unrecognized arguments: {' '.join(behind)}")
    if behind:  # argparse takes positional words in one stretch; ours may stand behind an option too
        options.overrides += behind
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s", stream=sys.stderr)
    logging.getLogger("fontTools").setLevel(logging.ERROR)  # warns of dates in fonts that it reads all the same
    options.typed = typed
    watch_the_machine()
    with _terminable() as terminated:
        code = _exit_code(options)
    return STOPPED if terminated.came else code


class _Terminated:
    """Takes the first SIGTERM as Ctrl-C, so that a command ends in order; a second one ends the process at once."""

    came = False

    def __call__(self, number: int, _: FrameType | None) -> None:
        self.came = True
        signal.signal(number, signal.SIG_DFL)
        raise KeyboardInterrupt


@contextmanager
def _terminable() -> Iterator[_Terminated]:
    """Give what takes SIGTERM for as long as the context lasts; one that trains takes it otherwise, inside of it."""
    terminated = _Terminated()
    if threading.current_thread() is not threading.main_thread():  # only there can a signal be waited for
        yield terminated
        return
    before = signal.signal(signal.SIGTERM, terminated)
    try:
        yield terminated
    finally:
        signal.signal(signal.SIGTERM, before)


def _exit_code(options: argparse.Namespace) -> int:
    """Do what a command does; what went wrong is told."""
    command: Command = options.command
    try:
        expect_one_version()
        code = command(options)
        sys.stdout.flush()  # a disk that is full is told here; when Python ends, nothing can be
        return code
    except KeyboardInterrupt:
        print("distill: stopped", file=sys.stderr)
        return INTERRUPTED
    except UserError as error:
        print(f"distill: {error}", file=sys.stderr)
        return USER_ERROR
    except ModuleNotFoundError as error:
        print(not_installed(error), file=sys.stderr)
        return USER_ERROR
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        return 0
    except OSError as error:
        if error.filename is None and error.errno not in DISK_REFUSES:
            raise
        print(f"distill: {error.filename or 'writing'}: {error.strerror}", file=sys.stderr)
        return USER_ERROR
    finally:
        _give_up_output()


def expect_one_version() -> None:
    """Raise `UserError` where the students' own wheel, whose files are a part of ours, is of another version."""
    found = {}
    for name in DISTRIBUTIONS:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    if len(set(found.values())) > 1:
        both = " and ".join(f"{name} {version}" for name, version in found.items())
        raise UserError(
            f"{both} hold the same files, and one lies over the other: pip uninstall {' '.join(found)}, then install "
            f"{DISTRIBUTIONS[0]} alone"
        )


def _empty_word(typed: Sequence[str]) -> str:
    """Return what to say of a word that is empty: most would mean the folder here, or as much as no option at all."""
    for before, word in zip(("distill", *typed), typed, strict=False):
        if EMPTY.fullmatch(word):
            return (
                f"{word or before} is followed by an empty word, which names nothing; is a variable of the shell empty?"
            )
    return ""


def _open_closed_streams() -> None:
    """Take streams that were closed before we began (`>&-`) for the null device, lest a file takes their place."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115 - until the process ends


def _give_up_output() -> None:
    """Write the rest of the output, and drop what cannot be written: Python would try it again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _print_any_text() -> None:
    """Let the terminal take names and texts that its encoding lacks: their characters are printed by number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=UNWRITABLE)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="distill",
        description="Distils large text-line recognisers into small ones, and proves the gain.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (
        recipes,
        replay,
        compare,
        new,
        models,
        reading,
        review,
        data,
        adopt,
        export,
        speed,
        demo,
        watch,
        cluster,
    ):
        module.add_to(commands)
    return parser
