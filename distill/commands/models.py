"""The command that evaluates a finished model."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.commands import Commands, add, reports, show, takes_model, warnings_told
from distill.commands.decoding_options import decoding_of, takes_decoding, takes_turned
from distill.commands.page_evaluation import evaluate_on_pages
from distill.commands.recording import check_record, clock, of_evaluation, takes_record, write_record
from distill.data.formats.contents import counted
from distill.schema import PROTOCOLS
from students.errors import UserError


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    evaluate = add(commands, "evaluate", _evaluate, "scores of a model on labelled lines, or on marked pages")
    takes_model(evaluate)
    evaluate.add_argument("data", nargs="+", metavar="DATA", help="file or folder of lines or pages, or hf://user/name")
    evaluate.add_argument("--protocol", choices=PROTOCOLS, help="default: the model's own")
    evaluate.add_argument("--against", choices=["peers"], help="Tesseract and PP-OCR on the same lines or pages")
    evaluate.add_argument("--recogniser", metavar="MODEL", help="reads the lines that MODEL, a locator, finds on pages")
    takes_turned(evaluate)
    takes_decoding(evaluate)
    evaluate.add_argument(
        "--report",
        type=Path,
        metavar="FOLDER",
        help="write a page there with the lines that are read worst, and every reading",
    )
    takes_record(evaluate)
    reports(evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    import teachers
    from distill.delivery.target import expect_own
    from distill.evaluation.evaluate import evaluate_sources
    from distill.evaluation.evaluation_page import FILES, PAGE, SCORES, write_evaluation
    from distill.evaluation.peers import missing_peers, open_peers
    from distill.runs.opening import make_writable
    from distill.teaching.provenance import in_words, provenance_of
    from students.model_file import OF_PAGES, kind_of
    from teachers.shipped import find_student_or_teacher

    check_record(options)
    path = find_student_or_teacher(options.model)
    if kind_of(path) in OF_PAGES:
        if options.report:
            raise UserError("--report: is of lines; distill read --pages MODEL IMAGE --review-page FILE shows pages")
        return evaluate_on_pages(options, path)
    if options.recogniser:
        raise UserError(f"{options.model}: reads lines; --recogniser goes with a locator, which finds them on pages")
    if options.report:
        expect_own(options.report, SCORES, FILES)
        make_writable(options.report, "--report")
    reader = teachers.load(path)
    reader.decode_by(decoding_of(options))
    reader.turn_by(options.turned)
    protocol = options.protocol or reader.description.training.get("protocol", "exact")
    with clock() as seconds, warnings_told() as warnings:
        found = evaluate_sources(reader, options.data, protocol, open_peers() if options.against else ())
    result = found.result | {"warnings": warnings}
    rows = _rows_of(result)
    if options.against:
        result["skipped"] = missing_peers()
        rows += [f"skipped: {name}: {reason}" for name, reason in result["skipped"].items()]
    if origin := provenance_of(reader.description):
        result["public_data"] = origin["public_data"]
        rows.append(f"{options.model} is {in_words(origin)}")
    if options.report:
        title = f"{Path(options.model).name} on {' '.join(options.data)}"
        write_evaluation(options.report, title, found.lines, {**found.against, "model": found.texts}, result)
        rows.append(f"{options.report / PAGE}")
    show(result, options, "\n".join(rows))
    write_record(options, lambda: of_evaluation(options, result, seconds[0]))
    return 0


def _rows_of(result: Mapping[str, Any]) -> list[str]:
    """What `evaluate` prints of its scores: each source, all lines, intervals, others on the same lines, refusals."""
    rows = [f"{'source':24s} {'lines':>7s} {'exact':>8s} {'CER':>8s}"]
    rows += [
        f"{name:24s} {part['n']:7d} {part['exact']:8.2%} {part['cer']:8.2%}" for name, part in result["sources"].items()
    ]
    rows.append(
        f"{'all (' + result['protocol'] + ')':24s} {result['n']:7d} {result['exact']:8.2%} {result['cer']:8.2%}  "
        f"WER {result['wer']:.2%}, {counted(result['left_out'], 'line')} left out, {len(result['refused']):,} refused"
    )
    exact, cer = (result["intervals"][key] for key in ("exact", "cer"))
    rows.append(
        f"95 % intervals: exact {exact['low']:.2%} to {exact['high']:.2%}, CER {cer['low']:.2%} to {cer['high']:.2%}"
    )
    rows += [
        f"{name}: exact {peer['exact']:.2%}, CER {peer['cer']:.2%}" for name, peer in result.get("against", {}).items()
    ]
    return [*rows, *(f"refused: {reason}" for reason in result["refused"])]
