"""The report on a run on pages: `report.md`, `report.html`, pictures of the worst pages, all scores in `pages.tsv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distill.data.formats.contents import counted
from distill.data.pages.record import PageRecord
from distill.durable import write_picture
from distill.evaluation.curves import Curves, draw_curves
from distill.evaluation.document import (
    Block,
    Code,
    Heading,
    Paragraph,
    Picture,
    Samples,
    Strong,
    Table,
    Text,
    as_markdown,
)
from distill.evaluation.document_page import PAGE_NAME, as_page
from distill.evaluation.endings import endings_in_words
from distill.evaluation.pages.pictures import LEGEND, draw_found
from distill.evaluation.pages.report import MEASURE, Found, page_scores
from distill.evaluation.roles import NAMES
from distill.evaluation.verdict import in_words
from distill.tsv import tsv_row
from students.model_file import write_whole

CURVES = Curves("validation_hmean", "validation: 1 - H-mean", "cross_entropy", "cross-entropy of the core map (nats)")
SHOWN_PAGES = 6
JPEG_QUALITY = 88
RATES = ("parameters", "H-mean (95 % interval)", "precision", "recall", "H-mean at 0.7", "split", "merged")


def write_report_page(
    folder: Path, heading: tuple[str, str], pages: Sequence[PageRecord], found: Found, result: Mapping[str, Any]
) -> None:
    """Write `report.md`, `report.html`, `pictures/` and `pages.tsv` into a run folder.

    `heading`: the recipe's name and what it is for; `result`: what `summarise_run` returns.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    scores = page_scores(pages, found)
    draw_curves(folder, list(found), CURVES, pictures / "curves.png")
    blocks: list[Block] = [
        Heading(heading[0], 1),
        Paragraph(Strong(f"Verdict: {in_words(result, MEASURE)}.")),
        Paragraph(heading[1]),
        *_table(result),
        *_worst_pages(pages, found, scores["student"], pictures),
        Heading("How they learnt"),
        Paragraph(Picture("pictures/curves.png", "validation over training")),
        *_of_sources(result),
        *_of_heights(result, list(found)),
    ]
    write_whole(folder / "report.md", as_markdown(blocks).encode())
    write_whole(folder / PAGE_NAME, as_page(heading[0], blocks, folder).encode())
    rows = [tsv_row(["key", "source", "lines", *(f"hmean_{role}" for role in found)])]
    for number, page in enumerate(pages):
        n_lines = str(sum(not line.ignored for line in page.lines or ()))
        rows.append(tsv_row([page.key, page.source, n_lines, *(f"{scores[role][number]:.4f}" for role in found)]))
    write_whole(folder / "pages.tsv", ("\n".join(rows) + "\n").encode())


def _table(result: Mapping[str, Any]) -> list[Block]:
    """The three networks, and what is to be known of them."""
    rows = []
    for role, name in NAMES.items():
        if part := result[role]:
            around = part["intervals"]["hmean"]
            hmean = f"{part['hmean']:.1%} ({around['low']:.1%} to {around['high']:.1%})"
            rates = [f"{part[key]:.1%}" for key in ("precision", "recall", "hmean_70")]
            rows.append([name, f"{part['parameters']:,}", hmean, *rates, str(part["split"]), str(part["merged"])])
    some, missed = result["student"], result["missed"]
    note = (
        f"{counted(some['pages'], 'test page')} with {counted(some['lines'], 'line')}, "
        "IoU 0.5 unless another stands there, "
    )
    note += f"seed {result['seeds'][0]}. These rates are of all lines together; the verdict is on {MEASURE}."
    if missed["n"]:
        note += (
            f" Of the {counted(missed['n'], 'line')} that the student misses the "
            f"teacher misses {missed['teacher_too']:.0%}."
        )
    endings = [Paragraph(Strong(f"{sentence}.")) for sentence in endings_in_words(result)]
    return [Table(["", *RATES], rows), *endings, Paragraph(note)]


def _of_sources(result: Mapping[str, Any]) -> list[Block]:
    """H-means of each source, where there is more than one."""
    roles = [role for role in NAMES if result[role]]
    sources = result["student"]["sources"]
    if len(sources) < 2:
        return []
    rows = [
        [name, f"{part['pages']:,}", f"{part['lines']:,}"]
        + [f"{result[role]['sources'][name]['hmean']:.1%}" for role in roles]
        for name, part in sources.items()
    ]
    return [Heading("Sources"), Table(["source", "pages", "lines", *roles], rows)]


def _of_heights(result: Mapping[str, Any], roles: Sequence[str]) -> list[Block]:
    """Shares of lines found, by their height."""
    rows = [
        [f"{row['from']:g} to {row['to']:g}", f"{row['n']:,}", *(f"{row[role]:.1%}" for role in roles)]
        for row in result["line_height_px"]
    ]
    return [Heading("Lines found, by height"), Table(["px", "lines", *roles], rows)] if rows else []


def _worst_pages(pages: Sequence[PageRecord], found: Found, scores_N: np.ndarray, pictures: Path) -> list[Block]:
    """Pictures of the pages on which the student finds least; those of an earlier report are removed."""
    worst = [i for i in np.argsort(scores_N, kind="stable")[:SHOWN_PAGES] if scores_N[i] < 1]
    samples: list[tuple[Picture, Sequence[Text]]] = []
    for number, i in enumerate(worst, 1):
        page, name = pages[i], f"page-{number:02d}.jpg"
        picture = draw_found(page.load(), page.lines or (), found["student"][i])
        write_picture(pictures / name, picture, quality=JPEG_QUALITY)
        samples.append((Picture(f"{pictures.name}/{name}", page.key), [Code(page.key), f"{scores_N[i]:.1%}"]))
    for old in sorted(pictures.glob("page-[0-9][0-9].jpg"))[len(samples) :]:
        old.unlink()
    if not samples:
        return []
    title = Heading("Pages on which the student finds least")
    return [title, Paragraph(LEGEND), Samples(["page", "H-mean"], samples)]
