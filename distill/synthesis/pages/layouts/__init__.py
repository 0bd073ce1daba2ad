"""Layouts of pages: each sets text and other things on a draft. `LAYOUTS` says what sheet each wants."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from distill.synthesis.pages.draft import Draft
from distill.synthesis.pages.layouts.columns import columns
from distill.synthesis.pages.layouts.form import form
from distill.synthesis.pages.layouts.letter import letter, plain
from distill.synthesis.pages.layouts.magazine import invoice, magazine, ticket
from distill.synthesis.pages.layouts.receipt import receipt
from distill.synthesis.pages.layouts.sparse import sparse
from distill.synthesis.pages.layouts.table import table
from distill.synthesis.pages.source import LayoutName


class Layout(NamedTuple):
    """How a layout sets a page, and the shapes that its sheet may have."""

    set: Callable[[Draft], None]
    heights: tuple[float, float]  # height of the sheet, share of its width


LAYOUTS: dict[LayoutName, Layout] = {
    "receipt": Layout(receipt, (1.5, 3.0)),
    "letter": Layout(letter, (1.25, 1.5)),
    "columns": Layout(columns, (1.2, 1.5)),
    "plain": Layout(plain, (1.2, 1.7)),
    "form": Layout(form, (1.1, 1.5)),
    "table": Layout(table, (0.7, 1.5)),
    "sparse": Layout(sparse, (0.55, 1.6)),
    # Left out of training by the shipped recipes, so that a test on them is one of layouts that were never seen.
    "magazine": Layout(magazine, (1.25, 1.45)),
    "invoice": Layout(invoice, (1.3, 1.5)),
    "ticket": Layout(ticket, (0.32, 0.55)),
}
