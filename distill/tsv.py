"""Rows of tab-separated text that nothing in a cell can break: a charset may hold a tab, a path nearly anything."""

from __future__ import annotations

from collections.abc import Iterable


def tsv_row(cells: Iterable[str]) -> str:
    r"""Return the cells as one row, tabs and line breaks in them written as `\t`, `\n` and `\r`."""
    return "\t".join(cell.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r") for cell in cells)
