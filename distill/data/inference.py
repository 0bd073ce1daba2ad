"""Lines through a finished network: batches of one padded width, prepared, moved to a device, and what comes out.

Evaluation, calibration, posterior caches and exports batch their lines here, and a reader groups its own by the same
rule (`students.reader.of_one_width`). The batches of training are made ahead of it, in `feed.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from distill.data.batch import Others, moved
from distill.data.prepared import PreparedLines, View
from distill.data.sampler import Group
from students.parts import Outputs

BATCH_LINES = 64


def images_of(
    prepared: PreparedLines,
    groups: Iterable[Group],
    device: torch.device,
    view: View | None = None,
    memory_format: torch.memory_format = torch.preserve_format,
    own: bool = True,
) -> Iterator[tuple[Group, Tensor, Others | None]]:
    """Yield each group with its images, float32 (N, channels, H, W), on `device`.

    All lines of a group have its padded width. The third value holds the same lines as other networks want them. With a
    `view` the lines are augmented by it. Unless `own`, only the others are made, and the images are empty.
    """
    for group in groups:
        images_NCHW, others = prepared.stacked(group, view, own)
        yield group, images_NCHW.to(device, memory_format=memory_format), moved(others, device)


def outputs_of(
    model: nn.Module, batches: Iterable[tuple[Group, Tensor, Others | None]]
) -> Iterator[tuple[Group, Outputs]]:
    """Yield the group of each batch of `images_of` and the outputs of `model` on it, in evaluation and inference mode.

    A network computes in float32, as the reader does; a frozen teacher in its own precision. The model is put back
    into the mode in which it was.
    """
    training = model.training
    model.eval()
    try:
        for group, images_NCHW, others in batches:
            with torch.inference_mode():
                outputs = model(images_NCHW, others) if others else model(images_NCHW)
            yield group, outputs
    finally:
        model.train(training)
