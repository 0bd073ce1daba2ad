"""The command that evaluates a finished model."""

from __future__ import annotations

import argparse

from distill.commands import Commands, add, reports, show, takes_model, warnings_told
from distill.commands.decoding_options import decoding_of, takes_decoding, takes_turned
from distill.commands.page_evaluation import evaluate_on_pages
from distill.commands.recording import check_record, clock, of_evaluation, takes_record, write_record
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
    takes_record(evaluate)
    reports(evaluate)


def _evaluate(options: argparse.Namespace) -> int:
    import teachers
    from distill.evaluation.evaluate import evaluate_sources
    from distill.evaluation.peers import open_peers
    from distill.teaching.provenance import in_words, provenance_of
    from students.model_file import OF_PAGES, kind_of
    from teachers.shipped import find_student_or_teacher

    check_record(options)
    path = find_student_or_teacher(options.model)
    if kind_of(path) in OF_PAGES:
        return evaluate_on_pages(options, path)
    if options.recogniser:
        raise UserError(f"{options.model}: reads lines; --recogniser goes with a locator, which finds them on pages")
    reader = teachers.load(path)
    reader.decode_by(decoding_of(options))
    reader.turn_by(options.turned)
    protocol = options.protocol or reader.description.training.get("protocol", "exact")
    with clock() as seconds, warnings_told() as warnings:
        result = evaluate_sources(reader, options.data, protocol, open_peers() if options.against else ())
    result["warnings"] = warnings
    rows = [f"{'source':24s} {'lines':>7s} {'exact':>8s} {'CER':>8s}"]
    rows += [
        f"{name:24s} {part['n']:7d} {part['exact']:8.2%} {part['cer']:8.2%}" for name, part in result["sources"].items()
    ]
    rows.append(
        f"{'all (' + protocol + ')':24s} {result['n']:7d} {result['exact']:8.2%} {result['cer']:8.2%}  "
        f"WER {result['wer']:.2%}, {result['left_out']} lines left out, {len(result['refused'])} refused"
    )
    rows += [
        f"{name}: exact {peer['exact']:.2%}, CER {peer['cer']:.2%}" for name, peer in result.get("against", {}).items()
    ]
    rows += [f"refused: {reason}" for reason in result["refused"]]
    if found := provenance_of(reader.description):
        result["public_data"] = found["public_data"]
        rows.append(f"{options.model} is {in_words(found)}")
    show(result, options, "\n".join(rows))
    write_record(options, lambda: of_evaluation(options, result, seconds[0]))
    return 0
