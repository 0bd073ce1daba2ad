"""Commands that take lines: bring them into one file, and out again."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

from distill.commands import MODEL, PROBLEMS_FOUND, Commands, add, reports, show, warnings_told
from distill.commands.decoding_options import decoding_of, takes_decoding
from distill.data.formats.contents import counted
from distill.durable import expect_new_file, expect_new_folder
from students.errors import DataError

FORMATS = ("parquet", "arrow", "saved", "folder", "lmdb", "webdataset", "pages", "hub")


def add_to(commands: Commands) -> None:
    """Add the commands of this module."""
    imports = add(commands, "import", _import, "lines of any source into one Parquet file")
    takes_lines(imports, "Parquet file to write")
    reports(imports)
    convert = add(commands, "convert", _convert, "labelled lines into an LMDB, or a folder with labels.tsv")
    convert.add_argument("source", metavar="DATA", help="file, folder, hf://user/name, or an address in a store")
    convert.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    convert.add_argument("--to", choices=["lmdb", "tsv"], required=True, help="what to write")
    _takes_format(convert)
    reports(convert)


def takes_lines(imports: argparse.ArgumentParser, out: str) -> None:
    """Add a source of lines, what labels them, and where they are written: `out` in words."""
    imports.add_argument(
        "source", metavar="SOURCE", help="file, folder, hf://user/name, or an address such as s3://..."
    )
    imports.add_argument("out", type=Path, metavar="OUT", help=out)
    imports.add_argument("--read-with", metavar="MODEL", help=f"reads what has no label: {MODEL}")
    imports.add_argument(
        "--read-with-command",
        metavar="CMD",
        help="command that reads what has no label and prints its text, or text, tab and confidence: {} stands for the "
        "path of a picture, {list} for a file of paths, one text printed for each",
    )
    imports.add_argument("--timeout-s", type=float, metavar="S", help="longest time of one start of it (default 60)")
    imports.add_argument(
        "--least",
        type=float,
        metavar="P",
        help="its text becomes the label where it is at least so sure, 0 to 1 (default 0.9)",
    )
    takes_decoding(imports)
    _takes_format(imports)
    _takes_locator(imports)


def _takes_format(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--format", choices=FORMATS, help="what is read, where what lies there leaves a choice")
    sub.add_argument("--split", metavar="NAME", help="split of a data set of the hub (default train)")
    sub.add_argument("--margin-px", type=int, metavar="N", help="pixels kept around a line of a page (default 0)")


def _takes_locator(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--locator",
        metavar="MODEL",
        help=f"lines of pages as it finds and a page reader cuts them, with the texts of the marked ones; {MODEL}",
    )
    sub.add_argument(
        "--jitter", type=int, metavar="N", help="N lines of every marked one, its box moved as a locator errs"
    )
    sub.add_argument(
        "--unmatched",
        choices=["drop", "keep"],
        help="found lines that touch no marked one: leave out (default), or keep without a label",
    )


def source_of(options: argparse.Namespace) -> Any:
    """Return the source that the options name; raises `DataError` where they fit none."""
    from distill.data.formats.opening import source_at

    keys = ("split", "margin_px", "locator", "unmatched")
    settings = {key: value for key in keys if (value := getattr(options, key, None)) is not None}
    kind = options.format
    if (versions := getattr(options, "jitter", None)) is not None:
        settings["jitter"] = {"versions": versions}
    if "locator" in settings or "jitter" in settings:
        if kind not in (None, "pages"):
            raise DataError(f"--format {kind}: --locator and --jitter are for pages")
        kind = "pages"
    return source_at(options.source, Path(options.source).stem, kind, **settings)


def _import(options: argparse.Namespace) -> int:
    from distill.delivery.target import expect_target

    expect_target(options.out, [options.source], ".parquet")
    expect_new_file(options.out)  # told before torch and datasets are imported
    from distill.data.exchange import import_lines

    with warnings_told() as warnings:
        labelling = labelling_of(options)
        result = import_lines(source_of(options), options.out, labelling.reader(), labelling.least)
    result["warnings"] = warnings
    return report_of_import(result, options)


def report_of_import(result: dict[str, Any], options: argparse.Namespace) -> int:
    """Print what was imported, refused and failed; the exit code."""
    kinds = ", ".join(f"{result[kind]:,} {kind}" for kind in ("labelled", "read", "unlabelled") if kind in result)
    failed = result.get("failed", {})
    words = f"{options.out}: {counted(result['lines'], 'line')} ({kinds}) from {result['format']}"
    reader = "model" if options.read_with else "command"
    words += f", the {reader} failed on {len(failed):,}, the first: {next(iter(failed.values()))}" if failed else ""
    code = _counts(result, options, words)
    return PROBLEMS_FOUND if failed and not options.read_with else code  # a model's line that is too wide is no fault


def labelling_of(options: argparse.Namespace) -> Any:
    """Return what labels lines without a label, and how sure it must be; raises `DataError` for a contradiction."""
    from distill.data.importing import Labelling

    decoding = decoding_of(options)
    least = 0.9 if options.least is None else options.least
    if not 0 <= least <= 1:
        raise DataError(f"--least {least}: a confidence is between 0 and 1")
    timeout = {} if options.timeout_s is None else {"timeout_s": options.timeout_s}
    if not all(0 < seconds < math.inf for seconds in timeout.values()):
        raise DataError(f"--timeout-s {options.timeout_s:g}: is a number of seconds, more than 0")
    if options.read_with_command is not None:
        if options.read_with is not None or decoding is not None:
            raise DataError("--read-with-command: either a command reads, or a model with its decoding")
        from distill.data.command import ReadingCommand

        return Labelling(command=ReadingCommand(options.read_with_command, **timeout), least=least)
    if timeout:
        raise DataError("--timeout-s goes with --read-with-command: which command?")
    if options.read_with is None:
        if decoding is not None or options.least is not None:
            raise DataError("--least and the options of decoding go with --read-with: which model reads?")
        return Labelling()
    from teachers.shipped import find_student_or_teacher

    return Labelling(find_student_or_teacher(options.read_with), None, decoding, least)


def _convert(options: argparse.Namespace) -> int:
    expect_new_folder(options.out)
    from distill.data.exchange import convert_lines

    with warnings_told() as warnings:
        result = convert_lines(source_of(options), options.out, options.to)
    result["warnings"] = warnings
    return _counts(result, options, f"{options.out}: {counted(result['lines'], 'line')} as {result['format']}")


def _counts(result: dict[str, Any], options: argparse.Namespace, words: str) -> int:
    """Print the counts and every refused line; exit 1 if there is one."""
    refused = result["refused"]
    rows = [f"{words}, {len(refused):,} refused", *(f"refused: {reason}" for reason in refused.values())]
    show(result, options, "\n".join(rows))
    return PROBLEMS_FOUND if refused else 0
