"""What `distill evaluate --report` writes: a page with the lines that are read worst, and every reading as a table."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.data.formats.contents import counted
from distill.data.lines import Lines
from distill.durable import write_text
from distill.evaluation.breakdown import breakdown
from distill.evaluation.breakdown import page as breakdown_page
from distill.evaluation.document import Block, Heading, Paragraph, Table
from distill.evaluation.document_page import as_page
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare
from distill.evaluation.sample_pages import pages as sample_pages
from distill.evaluation.samples import at_random, differing, worst
from distill.schema import Protocol
from distill.signed_json import write_json
from distill.tsv import tsv_row

PAGE, ALL_READINGS, SCORES = "evaluation.html", "predictions.tsv", "evaluation.json"
FILES = (PAGE, ALL_READINGS, SCORES)


def write_evaluation(
    folder: Path, title: str, lines: Lines, texts: Mapping[str, Mapping[str, str]], result: Mapping[str, Any]
) -> None:
    """Write the page, every reading and the scores into a folder.

    `texts` holds what each reader reads by the keys of the lines, that of the evaluated model last; `result` is what
    `evaluate --json` prints.
    """
    protocol: Protocol = result["protocol"]
    compared = {name: compare(truths_of(lines), of_one, protocol) for name, of_one in texts.items()}
    *others, own = compared.values()
    chosen = {"worst": worst(own), "random": at_random(own, seed=0)}
    if others:
        chosen["differing"] = differing(others[-1], own)
    found = breakdown(lines, compared)
    with tempfile.TemporaryDirectory() as made:
        pictures = Path(made) / "pictures"
        pictures.mkdir()
        blocks = [
            Heading(title, 1),
            *_scores(result),
            *sample_pages(lines, texts, chosen, protocol, pictures),
            *breakdown_page(found, None, list(texts), SCORES),
        ]
        write_text(folder / PAGE, as_page(title, blocks, Path(made)))
    rows = [["key", "truth", *texts]]
    rows += [
        [key, text or "", *(of_one[key] for of_one in texts.values())]
        for key, text in zip(lines.keys, lines.texts, strict=True)
    ]
    write_text(folder / ALL_READINGS, "".join(f"{tsv_row(row)}\n" for row in rows))
    write_json(folder / SCORES, {**result, "breakdown": found})


def _scores(result: Mapping[str, Any]) -> list[Block]:
    """The scores of each source, of all lines and of others on them, and what was left out."""
    sources = result["sources"] if len(result["sources"]) > 1 else {}
    around = result["intervals"]
    own = [f"{result[key]:.2%} ({around[key]['low']:.1%} to {around[key]['high']:.1%})" for key in ("exact", "cer")]
    rows = [[name, f"{part['n']:,}", f"{part['exact']:.2%}", f"{part['cer']:.2%}"] for name, part in sources.items()]
    rows.append(["all", f"{result['n']:,}", *own])
    rows += [
        [f"{name}, all", f"{peer['n']:,}", f"{peer['exact']:.2%}", f"{peer['cer']:.2%}"]
        for name, peer in result.get("against", {}).items()
    ]
    note = f"Protocol {result['protocol']}; in brackets 95 % intervals. {counted(result['left_out'], 'line')} left out."
    refused = [Paragraph(f"Refused: {reason}.") for reason in result["refused"]]
    return [Table(["source", "lines", "exact", "CER"], rows), Paragraph(note), *refused]
