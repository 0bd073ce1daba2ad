"""Reading a set of lines with a model: every process its share, every line counted once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from distill.data.batch import Pictures, moved
from distill.data.formats.opening import source_at
from distill.data.lines import Lines, joined, open_source
from distill.data.sampler import Group, in_width_order
from distill.metrics import Truth, score
from distill.recipe import Protocol
from distill.runtime import StopFlag
from distill.teacher import FrozenTeacher
from distill.track import progress
from students.charset import Charset
from students.decode import Reading, greedy
from students.errors import DataError
from students.image import Preparation
from students.parts import Outputs
from students.reader import Reader

EVALUATION_BATCH = 64


def read_lines(
    model: nn.Module,
    lines: Lines,
    charset: Charset,
    preparation: Preparation,
    accelerator: Accelerator,
    *,
    what: str | None = None,
    stop: StopFlag | None = None,
) -> dict[str, Reading]:
    """The reading of every line by its key, equal on all processes; progress is shown where `what` names it.

    Raises `Stopped` when asked to stop.
    """
    mine: list[tuple[str, Reading]] = []
    with progress(what or "", len(lines), "line", shown=what is not None) as bar:
        for group, outputs in spoken(model, lines, preparation, accelerator, shared=True):
            log_probabilities_NTC = outputs.logits_NTC.float().log_softmax(-1).cpu().numpy()
            lengths = outputs.lengths_N.tolist()
            for i, frames, length in zip(group.indices, log_probabilities_NTC, lengths, strict=True):
                mine.append((lines.keys[i], greedy(frames[:length], charset)))
            bar.update(len(group.indices) * accelerator.num_processes)
            if stop is not None and accelerator.num_processes == 1:
                stop.raise_if_set()
    return dict(gather_object(mine))


def spoken(
    model: nn.Module, lines: Lines, preparation: Preparation, accelerator: Accelerator, *, shared: bool = False
) -> Iterator[tuple[Group, Outputs]]:
    """Groups of one padded width and what a model in evaluation mode says about them.

    A network computes in float32, as the reader does; a frozen teacher in the precision in which it is heard.

    `shared`: every process has its own part of the groups, not all of them.
    """
    training = model.training
    model.eval()
    pictures = Pictures(lines, preparation, model.preparations if isinstance(model, FrozenTeacher) else (), 0)
    groups = list(in_width_order(lines.padded_width_px, EVALUATION_BATCH))
    for group in groups[accelerator.process_index :: accelerator.num_processes] if shared else groups:
        images_NCHW, others = pictures.stacked(group)
        images_NCHW = images_NCHW.to(accelerator.device)
        with torch.inference_mode():
            outputs = model(images_NCHW, moved(others, accelerator.device)) if others else model(images_NCHW)
        yield group, outputs
    model.train(training)


def truths_of(lines: Lines) -> list[Truth]:
    """The labels of labelled lines, as evaluation wants them."""
    return [
        Truth(key, text, lines.sources[i], lines.form(i))
        for i, (key, text) in enumerate(zip(lines.keys, lines.texts, strict=True))
        if text is not None
    ]


def evaluate_sources(reader: Reader, data: Sequence[str], protocol: Protocol) -> dict[str, Any]:
    """Score a model on the lines of paths and hub data sets; unlabelled lines are an error, not a zero."""
    preparation = reader.description.preparation
    parts, refused = [], []
    with TemporaryDirectory() as cache:
        for number, where in enumerate(data):
            name = f"{number + 1}-{Path(where).stem}" if len(data) > 1 else Path(where).stem
            source = source_at(where, name, **({"split": "test"} if where.startswith("hf://") else {}))
            lines, unusable = open_source(source, Path(), Path(cache), preparation)
            if None in lines.texts:
                raise DataError(f"{where}: {lines.texts.count(None)} lines have no label to compare with")
            parts.append(lines)
            refused += unusable
        lines = joined(parts)
        if not len(lines):
            raise DataError(f"not one line can be read; {len(refused)} were refused, the first: {refused[0].reason}")
        readings = read_lines(
            reader.model,
            lines,
            reader.description.charset,
            preparation,
            Accelerator(cpu=True),
            what="reading",
        )
    texts = {key: reading.text for key, reading in readings.items()}
    result = score(truths_of(lines), texts, protocol)
    return result.as_dict() | {"refused": [refusal.reason for refusal in refused]}
