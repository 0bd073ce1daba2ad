"""Lines of a place beside synthetic ones in their looks: what `distill new` would draw for them, before it does."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

from distill.data.formats.contents import Contents
from distill.data.formats.splits import splits_at
from distill.data.lines import joined, scan
from distill.data.prepared import ScaledLines
from distill.paths import expanded
from distill.proposing.proposal import Decisions, Seen, look_like, texts_and_fonts
from distill.proposing.survey import Survey, label_form_of, survey
from distill.proposing.texts import as_corpus
from distill.seeds import generator_of
from distill.synthesis.contact import contact_sheet
from distill.synthesis.opening import open_rendered
from distill.synthesis.source import RenderedSource
from students.errors import DataError
from students.image import Preparation

COLUMNS = 2


def lines_and_their_likes(where: str, n: int, cache: Path) -> Image.Image:
    """Return a picture of `n` lines, each over its label: those of a place on the left, synthetic ones on the right.

    Of a set in parts (`splits_at`) those to train on are shown. Raises `DataError` where no line has a label, which
    tells what to write on synthetic ones.
    """
    where = str(splits_at(expanded(where)).get("train", where))
    seen = survey(where, "yours", cache)
    if not any(seen.labels):
        raise DataError(f"{where}: no line has a label, so nothing tells which texts lines like these have")
    half, preparation = max(1, n // COLUMNS), Preparation()
    rendered, _ = open_rendered(_source(seen, half, cache), Path(), cache, preparation)
    own, _ = scan(seen.source, _some(seen, half), preparation)
    lines = joined([own, rendered])
    scaled = ScaledLines(lines, preparation)
    order = [i for pair in zip(range(len(own)), range(len(own), len(lines)), strict=False) for i in pair]
    texts = ["(unlabelled)" if (text := lines.texts[i]) is None else text for i in order]
    return contact_sheet([scaled[i].squeeze() for i in order], texts, COLUMNS)


def _source(seen: Survey, n_lines: int, cache: Path) -> RenderedSource:
    """Synthetic lines with the texts and in the looks of those that were seen, as `distill new` proposes them."""
    corpus = cache / "texts.txt"
    corpus.write_text(as_corpus(seen.labels), encoding="utf-8")
    decisions = Decisions("preview", "medium", 0.0, label_form_of(seen.labels)[0])
    text, fonts, _ = texts_and_fonts(Seen(seen), decisions, str(corpus))
    values = {"name": "drawn", "lines": n_lines, "fonts": fonts.families, "text": text, "look": look_like(seen.looks)}
    return RenderedSource.model_validate(values)


def _some(seen: Survey, n_lines: int) -> Contents:
    """Some of the lines, chosen at random."""
    contents = seen.contents
    rows = torch.randperm(len(contents.names), generator=generator_of("preview", 0))[:n_lines].tolist()
    names, texts = ([values[row] for row in rows] for values in (contents.names, seen.texts))
    return Contents(names, texts, lambda row: contents.fetch(rows[row]))
