"""How many neighbouring lines of pages with several columns come in the order of reading: no network, exact boxes.

python tests/benchmarks/reading_order.py --pages 200 --first 1000
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from distill.synthesis.pages.draw import framed, set_page
from distill.synthesis.pages.lines import lines_of
from distill.synthesis.pages.source import DrawnPagesSource
from students.pages.order import reading_order
from tests.generated.page_layouts import LAYOUTS, page_of, pairs_in_order

DRAWN = {f"drawn {layout}": layout for layout in ("columns", "magazine")}  # pages with texts, lines as they are set
FONTS = ("dejavu-sans",)


def pages_of(layout: str, first: int, n: int) -> Iterator[np.ndarray]:
    """Yield the corners (N, 4, 2) of the lines of pages in the order of reading."""
    for number in range(first, first + n):
        yield drawn(DRAWN[layout], number) if layout in DRAWN else page_of(layout, number)


def drawn(layout: str, number: int) -> np.ndarray:
    """Return the lines of a drawn page, without its picture."""
    source = DrawnPagesSource.model_validate({"name": "order", "pages": 1, "fonts": FONTS, "layouts": [layout]})
    rng = random.Random(number)
    draft = set_page(source, number, Path(), rng)
    return framed(draft, lines_of(draft.runs), source.look, rng)[2]


def share_in_order(pages: Iterator[np.ndarray], order: Callable[[np.ndarray], list[int]]) -> tuple[int, int, int]:
    """Return how many pages there are, how many pairs of neighbours, and how many of these come in order."""
    n_pages = n_pairs = n_right = 0
    for corners_N42 in pages:
        shuffled_N = np.random.default_rng(n_pages).permutation(len(corners_N42))
        right_P = pairs_in_order(shuffled_N[order(corners_N42[shuffled_N])])
        n_pages, n_pairs, n_right = n_pages + 1, n_pairs + len(right_P), n_right + int(right_P.sum())
    return n_pages, n_pairs, n_right


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=200, help="pages of each layout (default 200)")
    parser.add_argument("--first", type=int, default=1000, help="number of the first page (default 1000)")
    options = parser.parse_args()
    total = np.zeros(3, int)
    for layout in (*LAYOUTS, *DRAWN):
        counts = share_in_order(pages_of(layout, options.first, options.pages), reading_order)
        total += counts
        print(f"{layout:14s} {counts[0]:5d} pages {counts[1]:7d} pairs {counts[2] / counts[1]:8.2%} in order")
    print(f"{'all':14s} {total[0]:5d} pages {total[1]:7d} pairs {total[2] / total[1]:8.2%} in order")


if __name__ == "__main__":
    main()
