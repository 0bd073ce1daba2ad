"""Commands that take a finished model: evaluate it, read with it."""

from __future__ import annotations

import argparse
import json
import sys

from distill.commands import USER_ERROR, Commands, add, reports, show, takes_model
from students.errors import DataError


def add_to(commands: Commands) -> None:
    evaluate = add(commands, "evaluate", _evaluate, "exact match, CER and WER of a model on labelled lines")
    takes_model(evaluate)
    evaluate.add_argument("data", nargs="+", metavar="DATA", help="file or folder of lines, or hf://user/name")
    evaluate.add_argument("--protocol", choices=["exact", "nospace", "alnum"], help="default: the model's own")
    evaluate.add_argument("--against", choices=["peers"], help="read the same lines with what people deploy today, too")
    reports(evaluate)
    read = add(commands, "read", _read, "read line images")
    takes_model(read)
    read.add_argument("images", nargs="+", metavar="IMAGE")
    reports(read)


def _evaluate(options: argparse.Namespace) -> int:
    import teachers
    from distill.evaluate import evaluate_sources
    from distill.peers import open_peers

    reader = teachers.load(options.model)
    protocol = options.protocol or reader.description.training.get("protocol", "exact")
    result = evaluate_sources(reader, options.data, protocol, open_peers() if options.against else ())
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
    show(result, options, "\n".join(rows))
    return 0


def _read(options: argparse.Namespace) -> int:
    import teachers

    reader = teachers.load(options.model)
    failed = 0
    for image in options.images:
        try:
            reading = reader.read(image)
        except DataError as error:
            failed += 1
            print(f"distill: {error}", file=sys.stderr)
            continue
        if options.json:
            characters = [vars(c) for c in reading.characters]
            print(json.dumps({"image": image, "text": reading.text, "confidence": reading.confidence,
                              "characters": characters}, ensure_ascii=False))  # fmt: skip
        else:
            print(f"{image}\t{reading.text}\t{reading.confidence:.4f}")
    return USER_ERROR if failed else 0
