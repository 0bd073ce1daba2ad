"""A small task of pages for tests: grey bars on white, in memory or as files, and a recipe that learns them."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from distill.data.pages.record import MarkedLine, PageRecord

WIDTH, HEIGHT = 120, 160

RECIPE = """
task: pages
about: bars on white pages
data:
  train:
    - {kind: drawn_pages, name: drawn, pages: 4, fonts: [dejavu-sans]}
  validation:
    - {kind: drawn_pages, name: validation, pages: 2, seed: 1, fonts: [dejavu-sans]}
  test:
    - {kind: drawn_pages, name: test, pages: 2, seed: 2, fonts: [dejavu-sans]}
page: {pixels: 20000}
teacher:
  model: {kind: resnet, blocks: [1, 1, 1, 1], channels: [8, 8, 8, 8], pyramid: 8, features: 8}
  training: &training
    steps: 16
    batch_pages: 4
    crop_px: 160
    learning_rate: 0.01
    validate_every: 8
    checkpoint_every: 6
    log_every: 8
    augment: {scale: [1, 1], line_height_px: [1, 1000], rotation_deg: 0, shear: 0, perspective: 0, stretch: 0}
student:
  model: {kind: separable, channels: [4, 8, 8, 8], blocks: 1, dilations: [1]}
  training: *training
objective:
  core_kl: {weight: 1}
  taught_distances: {weight: 0.5}
  taught_direction: {weight: 0.2}
  feature_hint: {weight: 0.1}
runtime: {workers: 0}
"""


def bars(number: int) -> tuple[np.ndarray, tuple[MarkedLine, ...]]:
    """A page, (H, W) uint8, and its lines: three dark bars, a function of the number."""
    rng = np.random.default_rng(number)
    page_HW = np.full((HEIGHT, WIDTH), 240, np.uint8)
    lines = []
    for row in range(3):
        height = int(rng.integers(14, 22))
        left, top = int(rng.integers(6, 30)), 12 + 48 * row + int(rng.integers(0, 20))
        right = int(rng.integers(70, 112))
        page_HW[top + 3 : top + height - 3, left + 3 : right - 3] = rng.integers(0, 90, (height - 6, right - left - 6))
        corners = np.array([(left, top), (right, top), (right, top + height), (left, top + height)], float)
        lines.append(MarkedLine(corners, f"line {row}"))
    return page_HW, tuple(lines)


def record(number: int, source: str = "bars", marked: bool = True) -> PageRecord:
    """A page in memory."""
    lines = bars(number)[1] if marked else None
    return PageRecord(f"{source}/{number}", source, partial(_picture, number), lines, f"{number:064d}")


def write_bars(folder: Path, numbers: range) -> Path:
    """Write pages as PNG with their `pages.json`, and return the folder."""
    folder.mkdir(parents=True)
    pages = []
    for number in numbers:
        page_HW, lines = bars(number)
        Image.fromarray(page_HW).save(folder / f"{number}.png")
        boxes = [[*line.corners_42[0].tolist(), *line.corners_42[2].tolist()] for line in lines]
        marked = [{"box": box, "text": line.text} for box, line in zip(boxes, lines, strict=True)]
        pages.append({"file": f"{number}.png", "lines": marked})
    (folder / "pages.json").write_text(json.dumps(pages))
    return folder


def recipe_of_files(folder: Path) -> str:
    """The recipe on pages that `write_bars` wrote into train/, validation/ and test/ of a folder, and unmarked/."""
    sources = {
        "train": "    - {kind: pages, name: train, path: train}\n"
        "    - {kind: pages, name: unmarked, path: unmarked, drop_labels: true}\n",
        "validation": "    - {kind: pages, name: validation, path: validation}\n",
        "test": "    - {kind: pages, name: test, path: test}\n",
    }
    begin, end = RECIPE.index("data:\n"), RECIPE.index("page: {")
    data = f"data:\n  root: {folder}\n" + "".join(f"  {part}:\n{lines}" for part, lines in sources.items())
    return RECIPE[:begin] + data + RECIPE[end:]


def _picture(number: int) -> np.ndarray:
    return bars(number)[0]
