"""Lines of several widths, and the steps that a training gets of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from distill.data.augment import Augment
from distill.data.batch import StepData
from distill.data.feed import FeedSettings, feed
from distill.data.formats.opening import open_source
from distill.data.lines import Lines
from distill.data.sampler import Order
from distill.data.sources import FolderSource
from students.charset import Charset
from students.image import Preparation
from tests.samples import png_bytes

PREPARATION = Preparation()
CHARSET = Charset(characters="0123456789")
WIDTHS = (30, 60, 61, 90)
STILL = Augment(probability=0, contrast=0, brightness=0, blur_probability=0, noise_probability=0, jpeg_probability=0)


def folder(path: Path, n: int = 40, **more: object) -> Lines:
    """Lines of several widths as files, every fourth unlabelled."""
    path.mkdir()
    for i in range(n):
        (path / f"{i}.png").write_bytes(png_bytes(32, WIDTHS[i % 3], i))
    (path / "labels.tsv").write_text("".join(f"{i}.png\t{i}\n" for i in range(n)))
    source = FolderSource.model_validate({"name": path.name, "path": str(path), **more})
    lines, refused = open_source(source, Path(), Path(), PREPARATION)
    assert not refused
    return replace(lines, texts=tuple(None if i % 4 == 0 else text for i, text in enumerate(lines.texts)))


def fed(lines: Lines, steps: int = 8, order: Order | None = None, **more: Any) -> list[StepData]:
    order = order or Order(lines.padded_width_px, 8, 3)
    return list(feed(FeedSettings(lines, order, CHARSET, PREPARATION, Augment(), **more), range(steps)))


def in_bytes(steps: list[StepData]) -> list[tuple[object, ...]]:
    return [
        (
            s.n_items,
            s.n_labelled,
            s.sampled,
            s.replaced,
            *((b.keys, b.images_NCHW.numpy().tobytes()) for b in s.batches),
        )
        for s in steps
    ]


def lines_of_step(order: Order, step: int) -> list[int]:
    """The numbers of the lines of a step, group by group."""
    return [i for group in order.step(step)[1] for i in group.indices]
