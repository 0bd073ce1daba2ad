"""The page of a report on pages: `report.md` with pictures of the worst pages, and all scores in `pages.tsv`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from distill.data.pages.record import PageRecord
from distill.evaluation.curves import Curves, draw_curves
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


def write_report_page(
    folder: Path, heading: tuple[str, str], pages: Sequence[PageRecord], found: Found, result: Mapping[str, Any]
) -> None:
    """Write `report.md`, `pictures/` and `pages.tsv` into a run folder.

    `heading`: the recipe's name and what it is for; `result`: what `summarise_run` returns.
    """
    pictures = folder / "pictures"
    pictures.mkdir(parents=True, exist_ok=True)
    scores = page_scores(pages, found)
    draw_curves(folder, list(found), CURVES, pictures / "curves.png")
    parts = [
        f"# {heading[0]}\n\n{heading[1]}\n\n**Verdict: {in_words(result, MEASURE)}.**\n",
        _table(result),
        "![validation over training](pictures/curves.png)\n",
        _of_sources(result),
        _of_heights(result, list(found)),
        _worst_pages(pages, found, scores["student"], pictures),
    ]
    write_whole(folder / "report.md", "\n".join(part for part in parts if part).encode())
    rows = [tsv_row(["key", "source", "lines", *(f"hmean_{role}" for role in found)])]
    for number, page in enumerate(pages):
        n_lines = str(sum(not line.ignored for line in page.lines or ()))
        rows.append(tsv_row([page.key, page.source, n_lines, *(f"{scores[role][number]:.4f}" for role in found)]))
    write_whole(folder / "pages.tsv", ("\n".join(rows) + "\n").encode())


def _table(result: Mapping[str, Any]) -> str:
    rows = [
        "| | parameters | H-mean (95 % interval) | precision | recall | H-mean at 0.7 | split | merged |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for role, name in NAMES.items():
        if part := result[role]:
            around = part["intervals"]["hmean"]
            hmean = f"{part['hmean']:.1%} ({around['low']:.1%} to {around['high']:.1%})"
            rows.append(
                f"| {name} | {part['parameters']:,} | {hmean} | {part['precision']:.1%} | {part['recall']:.1%} "
                f"| {part['hmean_70']:.1%} | {part['split']} | {part['merged']} |"
            )
    some, missed = result["student"], result["missed"]
    note = "".join(f"\n**{sentence}**.\n" for sentence in endings_in_words(result))
    note += f"\n{some['pages']:,} test pages with {some['lines']:,} lines, IoU 0.5 unless another stands there, "
    note += f"seed {result['seeds'][0]}. These rates are of all lines together; the verdict is on {MEASURE}."
    if missed["n"]:
        note += f" Of the {missed['n']:,} lines that the student misses the teacher misses {missed['teacher_too']:.0%}."
    return "\n".join(rows) + "\n" + note + "\n"


def _of_sources(result: Mapping[str, Any]) -> str:
    """H-means of each source, where there is more than one."""
    roles = [role for role in NAMES if result[role]]
    sources = result["student"]["sources"]
    if len(sources) < 2:
        return ""
    rows = {
        f"{name} | {part['pages']:,} | {part['lines']:,}": [result[role]["sources"][name]["hmean"] for role in roles]
        for name, part in sources.items()
    }
    return _table_of_roles("Sources", "source | pages | lines", roles, rows)


def _of_heights(result: Mapping[str, Any], roles: Sequence[str]) -> str:
    """Shares of lines found, by their height."""
    if not result["line_height_px"]:
        return ""
    rows = {
        f"{row['from']:g} to {row['to']:g} | {row['n']:,}": [row[role] for role in roles]
        for row in result["line_height_px"]
    }
    return _table_of_roles("Lines found, by height", "px | lines", roles, rows)


def _table_of_roles(title: str, columns: str, roles: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """A table with a share for each network. The keys of `rows` are their first cells: a name, then numbers."""
    rule = "|---|" + "---:|" * (columns.count("|") + len(roles))
    head = [f"## {title}\n", f"| {columns} | {' | '.join(roles)} |", rule]
    body = [f"| {cells} | {' | '.join(f'{share:.1%}' for share in shares)} |" for cells, shares in rows.items()]
    return "\n".join([*head, *body]) + "\n"


def _worst_pages(pages: Sequence[PageRecord], found: Found, scores_N: np.ndarray, pictures: Path) -> str:
    """Pictures of the pages on which the student finds least."""
    worst = [i for i in np.argsort(scores_N, kind="stable")[:SHOWN_PAGES] if scores_N[i] < 1]
    if not worst:
        return ""
    parts = [f"## Pages on which the student finds least\n\n{LEGEND}\n"]
    for number, i in enumerate(worst, 1):
        page, name = pages[i], f"page-{number:02d}.jpg"
        picture = draw_found(page.load(), page.lines or (), found["student"][i])
        picture.save(pictures / name, quality=JPEG_QUALITY)
        parts.append(f"{page.key}: H-mean {scores_N[i]:.1%}\n\n![{page.key}](pictures/{name})\n")
    return "\n".join(parts)
