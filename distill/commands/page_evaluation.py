"""What `distill evaluate` does with pages: a locator, a reader of pages, and others on the same pages."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from distill.commands import show, warnings_told
from distill.commands.decoding_options import decoding_of
from distill.commands.recording import Figure, Measured, clock, write_record
from distill.data.formats.contents import counted
from students.errors import UserError

SHOWN = {
    "hmean": "H-mean",
    "precision": "precision",
    "recall": "recall",
    "hmean_70": "H-mean at 0.7",
    "end_to_end": "end to end",
    "cer": "CER",
    "cer_unordered": "CER, any order",
}


def evaluate_on_pages(options: argparse.Namespace, path: Path) -> int:
    """Score the locator or reader of pages in the file at `path` on the pages that the options name, and print it."""
    from distill.evaluation.pages.evaluate import evaluate_pages, open_page_data
    from distill.evaluation.pages.models import open_page_model
    from distill.evaluation.pages.peers import open_page_peers

    model = open_page_model(path, options.recogniser)
    decoding, protocol = decoding_of(options), None
    if model.recogniser is not None:
        model.recogniser.decode_by(decoding)
        model.recogniser.turn_by(options.turned)
        protocol = options.protocol or model.recogniser.description.training.get("protocol", "exact")
    elif options.protocol or decoding or options.turned:
        raise UserError(
            f"{options.model}: finds lines and reads none, so there are no texts to decode, turn or compare; "
            "give --recogniser MODEL"
        )
    with warnings_told() as warnings:
        pages, unusable = open_page_data(options.data)
        peers, skipped = open_page_peers() if options.against else ([], {})
        with clock() as seconds:
            result = evaluate_pages(model.read, pages, protocol, peers)
    result |= {"bytes": model.n_bytes, "refused": [*(each.reason for each in unusable), *result["refused"]]}
    result["warnings"] = warnings
    if options.against:
        result |= {"against": result.get("against", {}), "skipped": skipped}
    show(result, options, in_table(result))
    write_record(options, lambda: of_page_evaluation(options, result, seconds[0]))
    return 0


def in_table(result: dict[str, Any]) -> str:
    """Return the scores of `evaluate_pages` as a table, with what was refused and skipped."""
    parts = {**result["sources"], "all": result} if len(result["sources"]) > 1 else dict(result["sources"])
    rows = [f"{'source':32s} {'pages':>6s} {'lines':>7s} " + " ".join(f"{each:>14s}" for each in SHOWN.values())]
    rows += [
        f"{name:32s} {part['pages']:6d} {part['lines']:7d} " + _rates(part)
        for name, part in (parts | result.get("against", {})).items()
    ]
    around = result["intervals"]["hmean"]
    rows.append(
        f"H-mean {around['value']:.2%} (95 % interval over pages {around['low']:.2%} to {around['high']:.2%}); "
        f"{counted(result['found'], 'line')} found; split: {result['split']:,}; found "
        f"ones that merge several: {result['merged']:,}; "
        f"not counted: {counted(result['ignored'], 'line')}; pages or lines refused: {len(result['refused']):,}"
    )
    if result["protocol"]:
        without = result["lines"] - result["judged"]
        rows.append(f"texts under the protocol {result['protocol']}; {counted(without, 'line')} without one")
    rows += [f"refused: {reason}" for reason in result["refused"]]
    return "\n".join([*rows, *(f"skipped: {name}: {reason}" for name, reason in result.get("skipped", {}).items())])


def of_page_evaluation(options: argparse.Namespace, result: dict[str, Any], seconds: float) -> Measured:
    """Return the figures of an evaluation on pages: the model on each source and on all, and the peers on all."""
    own = Path(options.model).name
    sources = result["sources"] if len(result["sources"]) > 1 else {}
    parts = [((own, name), part) for name, part in {**sources, "all": result}.items()]
    parts += [((name, "all"), part) for name, part in result.get("against", {}).items()]
    figures = []
    for (model, name), part in parts:
        columns = {"model": model, "pages": name}
        figures.append(Figure("pages", part["pages"], columns, seconds=seconds))
        for key, what in SHOWN.items():
            if part[key] is not None:
                around = part.get("intervals", {}).get(key)
                interval = (round(100 * around["low"], 2), round(100 * around["high"], 2)) if around else None
                figures.append(Figure(what, round(100 * part[key], 2), columns, "%", interval, seconds=seconds))
    data = ", ".join(Path(each).name for each in options.data)
    texts = f", protocol {result['protocol']}" if result["protocol"] else ""
    return Measured(f"{own} on the pages of {data}{texts}", ("model", "pages"), figures)


def _rates(part: dict[str, Any]) -> str:
    return " ".join(f"{'-' if part[key] is None else format(part[key], '.2%'):>14s}" for key in SHOWN)
