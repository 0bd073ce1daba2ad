"""Training lines that can no longer be decoded, each replaced by another of its width."""

from __future__ import annotations

import numpy as np
import torch

from distill.data.formats.contents import reason_of
from distill.data.prepared import ScaledLines
from distill.data.sampler import Group
from distill.seeds import generator_of
from students.errors import DataError


def without_damaged(scaled: ScaledLines, group: Group, names: tuple[int, int]) -> tuple[list[Group], dict[str, str]]:
    """Return the group with another line for every one that cannot be decoded, in groups of one width, and the damage.

    The damage is a reason by the key of each replaced line. A replacement is a function of `names` (seed and epoch)
    and that key: labelled as that line is, of the nearest width, and of its source where that has one. Raises
    `DataError` where no line can replace it.
    """
    indices, damage = [], {}
    for i in group.indices:
        if reason := _damage(scaled, i):
            damage[scaled.lines.keys[i]] = reason
        indices.append(_stand_in(scaled, i, names) if reason else i)
    lines, uses = np.array(indices), np.array(group.uses)
    widths = scaled.lines.padded_width_px[lines]
    return [
        Group(int(width_px), tuple(lines[widths == width_px].tolist()), tuple(uses[widths == width_px].tolist()))
        for width_px in np.unique(widths)
    ], damage


def _damage(scaled: ScaledLines, i: int) -> str:
    """Why line `i` can no longer be used as it was opened; empty where it can."""
    try:
        height_px, width_px = scaled[i].shape[:2]
    except DataError as error:
        return reason_of(error, scaled.lines.keys[i])
    same = scaled.preparation.padded_width_px(height_px, width_px) == scaled.lines.padded_width_px[i]
    return "" if same else f"{scaled.lines.keys[i]}: has another width than when it was opened"


def _stand_in(scaled: ScaledLines, i: int, names: tuple[int, int]) -> int:
    """The number of the line that replaces line `i`."""
    lines = scaled.lines
    alike = np.array([j for j, text in enumerate(lines.texts) if (text is None) == (lines.texts[i] is None)])
    shuffle = torch.randperm(len(alike), generator=generator_of("stand-in", *names, lines.keys[i])).numpy()
    elsewhere = np.array([lines.sources[j] != lines.sources[i] for j in alike])
    distance = np.abs(lines.padded_width_px[alike] - lines.padded_width_px[i])
    for j in alike[np.lexsort((shuffle, elsewhere, distance))].tolist():
        if not _damage(scaled, j):
            return int(j)
    raise DataError(f"{lines.keys[i]}: can no longer be decoded, and so can no line that might stand in for it")
