"""Lines through a network in batches: each once, of one padded width, and as they would come out alone."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from distill.data.augment import Augment
from distill.data.inference import images_of, outputs_of
from distill.data.lines import Lines
from distill.data.prepared import PreparedLines, View
from distill.data.sampler import in_width_order
from students.image import Preparation
from students.reader import of_one_width

CPU = torch.device("cpu")
PREPARATION = Preparation(width_quantum_px=32)
WIDTHS_PX = (90, 30, 64, 31, 100, 33, 60, 29)


class Means(nn.Module):
    """Keeps what it is given and returns the mean of each image; its second mode is training."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[tuple[int, ...]] = []

    def forward(self, images_NCHW: Tensor) -> Tensor:
        assert torch.is_inference_mode_enabled()
        assert not self.training
        self.given.append(tuple(images_NCHW.shape))
        return images_NCHW.mean((1, 2, 3))


def some_lines() -> Lines:
    data = []
    for i, width_px in enumerate(WIDTHS_PX):
        buffer = io.BytesIO()
        Image.fromarray(np.random.default_rng(i).integers(0, 256, (32, width_px), np.uint8)).save(buffer, "PNG")
        data.append(buffer.getvalue())
    n = len(data)
    names = tuple(f"line/{i}" for i in range(n))
    padded = np.array([PREPARATION.padded_width_px(32, width_px) for width_px in WIDTHS_PX])
    fetch = tuple((data.__getitem__, i) for i in range(n))
    return Lines(names, names, ("a",) * n, ("line",) * n, padded, names, fetch, preparation=PREPARATION)


def test_every_line_comes_out_once_as_it_does_alone() -> None:
    lines, model = some_lines(), Means()
    prepared = PreparedLines(lines, PREPARATION, limit_bytes=0)
    together = {}
    for group, means_N in outputs_of(model, images_of(prepared, in_width_order(lines.padded_width_px, 3), CPU)):
        assert (lines.padded_width_px[list(group.indices)] == group.width_px).all()
        together |= zip(group.indices, means_N.tolist(), strict=True)
    alone = {i: PREPARATION.prepare(lines[i].image).mean() for i in range(len(lines))}
    assert together == pytest.approx(alone)
    assert model.given == [(3, 1, 32, 32), (3, 1, 32, 64), (1, 1, 32, 96), (1, 1, 32, 128)]


def test_the_model_is_left_in_its_mode_even_where_nobody_reads_to_the_end() -> None:
    lines, model = some_lines(), Means()
    model.train()
    prepared, groups = PreparedLines(lines, PREPARATION), list(in_width_order(lines.padded_width_px, 3))
    outputs = outputs_of(model, images_of(prepared, groups, CPU))
    next(outputs)
    outputs.close()
    assert model.training
    model.eval()
    list(outputs_of(model, images_of(prepared, groups, CPU)))
    assert not model.training


def test_a_view_augments_and_none_does_not() -> None:
    lines = some_lines()
    prepared, view = PreparedLines(lines, PREPARATION), View(Augment(probability=1), seed=0, epoch=0)
    groups = list(in_width_order(lines.padded_width_px, 3))
    plain = [images_NCHW for _, images_NCHW, _ in images_of(prepared, groups, CPU)]
    augmented = [images_NCHW for _, images_NCHW, _ in images_of(prepared, groups, CPU, view)]
    assert all(torch.equal(a, prepared.stacked(group)[0]) for a, group in zip(plain, groups, strict=True))
    assert all(torch.equal(a, prepared.stacked(group, view)[0]) for a, group in zip(augmented, groups, strict=True))
    assert not torch.equal(plain[0], augmented[0])


def test_networks_that_want_the_lines_otherwise_get_them() -> None:
    lines, higher = some_lines(), Preparation(height_px=48, width_quantum_px=48)
    prepared = PreparedLines(lines, PREPARATION, (higher,), limit_bytes=0)
    for _, images_NCHW, others in images_of(prepared, in_width_order(lines.padded_width_px, 3), CPU):
        assert others is not None
        assert others[higher].images_NCHW.shape == (len(images_NCHW), 1, 48, images_NCHW.shape[3] * 48 // 32)


def test_only_some_lines_are_grouped_by_their_own_numbers() -> None:
    widths = np.array([64, 32, 64, 32, 64, 32])
    groups = list(in_width_order(widths, 2, np.array([1, 2, 3, 4, 5])))
    assert [(group.width_px, group.indices) for group in groups] == [(32, (1, 3)), (32, (5,)), (64, (2, 4))]


def test_a_reader_groups_by_the_same_rule() -> None:
    assert list(of_one_width([64, 32, 64, 32, 32], 2)) == [(32, [1, 3]), (32, [4]), (64, [0, 2])]
