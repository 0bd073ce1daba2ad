"""The command that turns a finished model into a file for deployment."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from distill.commands import Commands, add, reports, show, takes_model
from distill.commands.decoding_options import decoding_of, takes_decoding, takes_turned
from distill.data.formats.contents import counted
from students.errors import ExportError

LOSSY = ("int8", "fp16")


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    export = add(commands, "export", _export, "write a model for deployment, where the export reads as the model does")
    takes_model(export)
    export.add_argument(
        "--to", required=True, choices=["onnx", "int8", "fp16", "hub", "npm", "pages"], help="what to write"
    )
    export.add_argument(
        "--out", type=Path, metavar="PATH", help="file, for hub and npm a folder (default: next to the model)"
    )
    export.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help="lines, for a locator pages, to check on (default: the run's validation)",
    )
    export.add_argument(
        "--recogniser", metavar="MODEL", help="with --to pages: the recogniser that joins the locator in one file"
    )
    export.add_argument(
        "--budget",
        type=float,
        metavar="POINTS",
        help="exact match and CER that int8 or fp16 may cost (0.2); lines that a locator may find otherwise (1)",
    )
    takes_turned(export)
    takes_decoding(export, n_best=True)
    reports(export)


def _export(options: argparse.Namespace) -> int:
    if options.lm:
        raise ExportError(f"--lm {options.lm}: is a file of its own, which an exported one cannot hold; read with it")
    if options.budget is not None and options.to not in LOSSY:
        raise ExportError(f"--budget: goes with --to {' or '.join(LOSSY)}; --to {options.to} reads as the model does")
    if options.budget is not None and not 0 <= options.budget <= 100:
        raise ExportError(f"--budget {options.budget:g}: is a number of points, from 0 to 100")
    if options.data and options.to == "pages":
        raise ExportError("--data: goes with what is checked on lines or pages; --to pages joins two files as they are")
    from students.model_file import OF_PAGES, kind_of
    from teachers.shipped import find_student_or_teacher

    path = find_student_or_teacher(options.model)
    if options.to == "pages" or kind_of(path) in OF_PAGES:
        return _export_of_pages(options, path)
    if options.recogniser:
        raise ExportError("--recogniser goes with --to pages, which writes a locator and it as one file")
    from distill.delivery.export.recogniser import export

    budget = {} if options.budget is None else {"budget_points": options.budget}
    decoding = decoding_of(options)
    result = export(
        options.model, options.to, options.out, options.data, decoding=decoding, turned=options.turned, **budget
    )
    show(result, options, "\n".join(_words(result)))
    return 0


def _export_of_pages(options: argparse.Namespace, path: Path) -> int:
    from distill.delivery.export.locator import export_locator, gate_pages, join
    from distill.delivery.export.locator_int8 import BUDGET_POINTS
    from distill.delivery.export.page_reader import export_both
    from distill.delivery.target import expect_target
    from students.model_file import ONNX_SUFFIX, kind_of
    from teachers.shipped import find_student_or_teacher

    both = kind_of(path) == "pages"
    if decoding_of(options) is not None or options.turned is not None:
        what = "how to decode and turn is chosen where pages are read" if both else "finds lines and reads none"
        raise ExportError(f"{path}: {what}")
    budget = BUDGET_POINTS if options.budget is None else options.budget
    if options.out is not None and options.to in (("onnx", "int8", "npm") if both else ("onnx", "int8")):
        # before pages to check on are decoded or drawn
        expect_target(options.out, [path], None if both else ONNX_SUFFIX)
    match options.to:
        case "pages" if both:
            raise ExportError(f"{path}: holds both networks already")
        case "pages" if options.recogniser:
            result = join(path, find_student_or_teacher(options.recogniser), options.out)
        case "pages":
            raise ExportError("--to pages: name the recogniser that reads what the locator finds, by --recogniser")
        case "onnx" | "int8" | "npm" if both:
            result = export_both(path, options.to, options.out, *gate_pages(path, options.data), budget)
        case "onnx" | "int8":
            result = export_locator(path, options.out, *gate_pages(path, options.data), options.to, budget)
        case _:
            raise ExportError(
                f"--to {options.to}: a locator is exported to onnx, int8 or pages, and with its recogniser to npm"
            )
    show(result, options, "\n".join(_words(result)))
    return 0


def _words(result: dict[str, Any]) -> list[str]:
    """What the command prints: a row for each check that an export of its kind went through."""
    told: dict[str, Callable[[dict[str, Any]], str]] = {
        "found": _found,
        "read": _read,
        "alike": _alike,
        "ms_a_page": _ms_a_page,
        "texts": _texts,
        "accuracy": _accuracy,
        "calibration_lines": _calibrated,
    }
    rows = [f"{result['file']}: {result['bytes'] / 1e6:.2f} MB"]
    rows += [words(result) for key, words in told.items() if key in result]
    return [*rows, _ms_a_line(result)] if "ms_a_line" in result and result["to"] in LOSSY else rows


def _found(result: dict[str, Any]) -> str:
    seen = result["found"]
    return (
        f"{counted(seen['lines'], 'line')} of {counted(seen['pages'], 'page')} "
        f"({result['pages_from']}) found as torch finds them: "
        f"maps within {seen['largest_difference']:.1g}, corners within {seen['largest_shift_px']:.1g} px"
    )


def _read(result: dict[str, Any]) -> str:
    seen = result["read"]
    return (
        f"{counted(seen['lines'], 'line')} read with the texts that torch reads: "
        f"logits within {seen['largest_difference']:.1g}"
    )


def _alike(result: dict[str, Any]) -> str:
    seen = result["alike"]
    return (
        f"int8 finds {seen['same']:,} of {seen['float_lines']:,} lines of "
        f"{counted(seen['pages'], 'page')} as float32 does, "
        f"{seen['points_lost']:.2f} % otherwise, budget {seen['budget_points']:g}; calibrated on "
        f"{counted(result['calibration_pages'], 'other page')}; layers kept in float: "
        + (", ".join(result["float_layers"]) or "none but the first")
    )


def _ms_a_page(result: dict[str, Any]) -> str:
    ms = result["ms_a_page"]
    return f"{ms['this']:g} ms a page against {ms['fp32']:g} in float32, {result['speed_ratio']:g} times as fast"


def _texts(result: dict[str, Any]) -> str:
    logits, texts = result["logits"], result["texts"]
    return (
        f"logits within {logits['largest_difference']:.1g} of torch's over widths {logits['widths_px']} and "
        f"batches {logits['batches']}; {counted(texts['lines'], 'line')} "
        f"({result['lines_from']}), alone and in batches: "
        "all texts equal"
    )


def _accuracy(result: dict[str, Any]) -> str:
    seen = result["accuracy"]
    return (
        f"{counted(seen['lines'], 'line')} ({result['lines_from']}), protocol {seen['protocol']}: "
        f"exact {seen['before']['exact']:.2%} to {seen['after']['exact']:.2%}, "
        f"CER {seen['before']['cer']:.2%} to {seen['after']['cer']:.2%}, budget {seen['budget_points']:g} points"
    )


def _calibrated(result: dict[str, Any]) -> str:
    kept = ", ".join(result["float_layers"]) or "none but the recurrent ones and the first"
    return f"calibrated on {counted(result['calibration_lines'], 'other line')}; layers kept in float: {kept}"


def _ms_a_line(result: dict[str, Any]) -> str:
    ms, ratio = result["ms_a_line"], result["speed_ratio"]
    faster = ": slower, keep float32 unless size matters" if ratio < 1 else f", {ratio:g} times as fast"
    return f"{ms['this']:g} ms a line against {ms['fp32']:g} in float32{faster}"
