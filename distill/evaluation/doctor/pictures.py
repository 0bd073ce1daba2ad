"""One pass over the pictures that were not rendered here: size, contrast, small copy and perceptual hash of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from distill.data.lines import Lines
from distill.evaluation.doctor.findings import Finding, about
from distill.evaluation.doctor.naming import quoted
from distill.processes import one_thread
from distill.track import progress
from students.image import Preparation, decode_image

HASH_SHAPE = (8, 32)
COPY_SHAPE = (24, 96)
ALMOST_BLANK = 12.0  # grey levels between the 1st and the 99th percentile: the worst real lines have more
NOISE_HEIGHT_PX = 48
NOISE_LEFT = 0.2  # share of its contrast that smoothing leaves of noise at most: of real lines 0.16 to 0.8
NOISE_ALIKE = 0.2  # correlation of neighbours in noise at most: in real lines 0.25 to 0.9, but for a few
UPRIGHT = 1.3  # height over width; street words of four letters are now and then square
LONG_LABEL = 4  # characters from which an upright picture is odd
STEADY_LABEL = 3  # characters from which the width of one is a steady measure
FAR_OUT = 5.0  # robust standard deviations
FAR_AT_LEAST = np.log(2.0)
TURN = "turn the pictures, or set image.turned, which turns those more than 1.5 times as high as wide"


@dataclass(frozen=True)
class Pictures:
    """What is kept of the pictures of some lines, row by row."""

    lines: Lines
    height_px: np.ndarray  # (N,)
    width_px: np.ndarray  # (N,)
    contrast: np.ndarray  # (N,) grey levels
    hashes_NB: np.ndarray  # (N, 256) int8: 1 where it grows lighter to the right, else -1
    copies_NHW: np.ndarray  # (N, 24, 96) uint8

    @property
    def blank(self) -> np.ndarray:
        """Return whether a picture is almost of one grey, (N,) bool."""
        return self.contrast < ALMOST_BLANK


def look_at(part: str, lines: Lines) -> Pictures:
    """Measure every picture once."""
    one_thread()
    n = len(lines)
    sizes_N2, contrast = np.zeros((n, 2), np.int64), np.zeros(n, np.float32)
    hashes_NB, copies_NHW = np.zeros((n, HASH_SHAPE[0] * HASH_SHAPE[1]), np.int8), np.zeros((n, *COPY_SHAPE), np.uint8)
    with progress(f"looking at {part}", n, "picture", shown=n > 0) as bar:
        for i in range(n):
            line = lines[i]
            pixels = decode_image(line.image, line.key)
            grey_HW = grey_of(pixels)
            sizes_N2[i] = grey_HW.shape
            contrast[i] = contrast_of(grey_HW)
            hashes_NB[i] = difference_hash(grey_HW)
            copies_NHW[i] = cv2.resize(grey_HW, COPY_SHAPE[::-1], interpolation=cv2.INTER_AREA)
            bar.update()
    return Pictures(lines, sizes_N2[:, 0], sizes_N2[:, 1], contrast, hashes_NB, copies_NHW)


def contrast_of(grey_HW: np.ndarray) -> float:
    """Return the grey levels between the 1st and the 99th percentile of a picture."""
    return float(np.subtract(*np.percentile(grey_HW, [99, 1])))


def only_noise(grey_HW: np.ndarray) -> bool:
    """Return whether what a picture holds beside its lighting is noise that no pixel shares with its neighbours.

    Letters keep their contrast where the picture is smoothed by less than a stroke, and neighbours are alike in them.
    Of 7,400 real lines none has both figures as low as noise has. Noise that was smoothed before is not told.
    """
    height, width = grey_HW.shape
    if height > NOISE_HEIGHT_PX:  # noise that is left after that is as fine as before
        width = max(8, round(width * NOISE_HEIGHT_PX / height))
        grey_HW, height = cv2.resize(grey_HW, (width, NOISE_HEIGHT_PX), interpolation=cv2.INTER_AREA), NOISE_HEIGHT_PX
    levels_HW = _without_lighting(grey_HW.astype(np.float32))
    contrast = contrast_of(levels_HW)
    smooth_HW = cv2.GaussianBlur(levels_HW, (0, 0), max(2.0, height / 16), borderType=cv2.BORDER_REFLECT)
    alike = (levels_HW[:, 1:] * levels_HW[:, :-1]).mean() / max(1e-6, float((levels_HW**2).mean()))
    return bool(contrast_of(smooth_HW) < NOISE_LEFT * contrast and alike < NOISE_ALIKE)


def _without_lighting(levels_HW: np.ndarray) -> np.ndarray:
    """A picture less the plane that fits it best and what changes as slowly as half its height."""
    rows_H1, columns_1W = np.ogrid[-1 : 1 : levels_HW.shape[0] * 1j, -1 : 1 : levels_HW.shape[1] * 1j]
    plane_HW = sum(
        (levels_HW * axis).mean() / max(1e-6, float((axis**2).mean())) * axis for axis in (rows_H1, columns_1W)
    )
    flat_HW = (levels_HW - plane_HW).astype(np.float32)
    slow_HW = cv2.GaussianBlur(flat_HW, (0, 0), levels_HW.shape[0] / 2, borderType=cv2.BORDER_REFLECT)
    return np.asarray(flat_HW - slow_HW)


def grey_of(pixels: np.ndarray) -> np.ndarray:
    """Return decoded pixels, (H, W) or (H, W, 3) RGB, as grey ones (H, W)."""
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)


def difference_hash(grey_HW: np.ndarray) -> np.ndarray:
    """Return the signs of 256 differences between neighbours on a grid of 8 x 33; brightness does not change them."""
    height, width = HASH_SHAPE
    grid = cv2.resize(grey_HW, (width + 1, height), interpolation=cv2.INTER_AREA).astype(np.int16)
    return np.where(np.diff(grid, axis=1) > 0, 1, -1).astype(np.int8).ravel()


def findings_in_pictures(part: str, pictures: Pictures, preparation: Preparation) -> list[Finding]:
    """Return notes on pictures that stand upright, are blank, tiny, or far too narrow or wide for their labels."""
    lines, height, width = pictures.lines, pictures.height_px, pictures.width_px

    def those(rows: np.ndarray) -> list[tuple[str, str]]:
        return [
            (lines.keys[i], f"{lines.keys[i]}: {width[i]} x {height[i]} px, {quoted(lines.texts[i])}")
            for i in np.flatnonzero(rows).tolist()
        ]

    n_characters = np.array([len(text or "") for text in lines.texts], np.int64)
    blank_but_labelled = pictures.blank & np.array([text != "" for text in lines.texts], bool)
    is_turned = np.zeros(len(lines), bool) if lines.quarters is None else lines.quarters % 2 == 1
    height, width = np.where(is_turned, width, height), np.where(is_turned, height, width)
    per_character = width / np.maximum(height * n_characters, 1)
    upright = (height > UPRIGHT * width) & (n_characters >= LONG_LABEL)
    narrow, wide = far_out(per_character, lines.sources, (n_characters >= STEADY_LABEL) & ~upright)
    tiny = height * 3 < preparation.height_px
    found = about("note", "turned", part, those(upright), "turned by a right angle, it seems", TURN)
    found += about("note", "blank", part, those(blank_but_labelled), "almost blank", "look at the pictures")
    what, advice = f"less than a third of {preparation.height_px} px high", "enlarging brings nothing back"
    found += about("note", "tiny", part, those(tiny), what, f"{advice}: expect them to be read badly")
    advice = "cut too tightly, or the label has more characters than the picture"
    found += about("note", "narrow", part, those(narrow), "far narrower a character than their source", advice)
    advice = "cut too loosely, or the label has fewer characters than the picture"
    return found + about("note", "wide", part, those(wide), "far wider a character than their source", advice)


def far_out(ratio: np.ndarray, sources: Sequence[str], steady: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows lie far below and far above the middle of their own source, by quartiles of the logarithm.

    Both (N,), as are `ratio`, `sources` and `steady`, the rows that count.
    """
    low, high, source_N = np.zeros(len(ratio), bool), np.zeros(len(ratio), bool), np.array(sources)
    for source in sorted(set(sources)):
        rows = np.flatnonzero((source_N == source) & steady)
        if not len(rows):
            continue
        logs = np.log(np.maximum(ratio[rows], 1e-9))
        first, middle, third = np.percentile(logs, [25, 50, 75])
        far = max(FAR_OUT * (third - first) / 1.349, FAR_AT_LEAST)  # 1.349: quartile distance of a normal law
        low[rows], high[rows] = logs < middle - far, logs > middle + far
    return low, high
