"""How much of the padded lines is padding, and how much it would be with fewer widths."""

from __future__ import annotations

import numpy as np

from distill.data.lines import Lines

FEW_WIDTHS = 8  # what a compiler of fixed shapes puts up with


def padding(lines: Lines) -> dict[str, float]:
    """Return the number of padded widths, the share of the pixels that is padding, and both for at most eight widths.

    `width_quantum_px` is that of the lines' preparation, `few_widths_quantum_px` its smallest multiple that leaves
    eight widths or fewer. Empty where there are no lines, or where their widths before padding are not known.
    """
    if lines.scaled_width_px is None or lines.preparation is None or not len(lines):
        return {}
    scaled, n = np.unique(lines.scaled_width_px, return_counts=True)
    at_least = np.maximum(scaled, lines.preparation.least_width_px)

    def padded_by(quantum_px: int) -> tuple[int, float]:
        padded = -(-at_least // quantum_px) * quantum_px
        return len(np.unique(padded)), round(1 - float((scaled * n).sum() / (padded * n).sum()), 4)

    own_px = few_px = lines.preparation.width_quantum_px
    while padded_by(few_px)[0] > FEW_WIDTHS:
        few_px += own_px
    (widths, share), (few_widths, few_share) = padded_by(own_px), padded_by(few_px)
    return {
        "width_quantum_px": own_px,
        "widths": widths,
        "share": share,
        "few_widths_quantum_px": few_px,
        "few_widths": few_widths,
        "few_widths_share": few_share,
    }
