"""Reading a set of lines with a model: every process its share, every line counted once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from pydantic import ValidationError
from torch import nn

from distill.data.batch import Pictures, moved
from distill.data.lines import Lines, joined, open_source
from distill.data.sampler import Group, in_width_order
from distill.data.sources import FolderSource, HubSource, ParquetSource, SavedSource, Source
from distill.metrics import Truth, score
from distill.recipe import Protocol
from distill.runtime import StopFlag
from distill.teacher import FrozenTeacher
from distill.track import progress
from students.decoder import tempered
from students.errors import DataError
from students.image import Preparation
from students.parts import Outputs
from students.reader import Reader

EVALUATION_BATCH = 64
Read = TypeVar("Read")


def read_lines(
    model: nn.Module,
    lines: Lines,
    decode: Callable[[np.ndarray], Read],
    preparation: Preparation,
    accelerator: Accelerator,
    *,
    what: str | None = None,
    stop: StopFlag | None = None,
) -> dict[str, Read]:
    """What `decode` makes of every line, by its key, equal on all processes; progress is shown where `what` names it.

    It is given the log-posteriors (T, C) of the valid frames, at temperature 1. Raises `Stopped` when asked to stop.
    """
    mine: list[tuple[str, Read]] = []
    with progress(what or "", len(lines), "line", shown=what is not None) as bar:
        for group, outputs in spoken(model, lines, preparation, accelerator, shared=True):
            log_probabilities_NTC = outputs.logits_NTC.float().log_softmax(-1).cpu().numpy()
            lengths = outputs.lengths_N.tolist()
            for i, frames, length in zip(group.indices, log_probabilities_NTC, lengths, strict=True):
                mine.append((lines.keys[i], decode(frames[:length])))
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
    """Score a model on Parquet files, folders or hub data sets; unlabelled lines are an error, not a zero."""
    preparation = reader.description.preparation
    parts, refused = [], []
    with TemporaryDirectory() as cache:
        for number, where in enumerate(data):
            source = source_of(where, f"{number + 1}-{Path(where).stem}" if len(data) > 1 else Path(where).stem)
            lines, unusable = open_source(source, Path(), Path(cache), preparation)
            if None in lines.texts:
                raise DataError(f"{where}: {lines.texts.count(None)} lines have no label to compare with")
            parts.append(lines)
            refused += unusable
        lines = joined(parts)
        if not len(lines):
            raise DataError(f"not one line can be read; {len(refused)} were refused, the first: {refused[0].reason}")
        temperature = reader.description.calibration.temperature
        texts = read_lines(
            reader.model,
            lines,
            lambda log_p_TC: reader.decode(tempered(log_p_TC, temperature)).text,
            preparation,
            Accelerator(cpu=True),
            what="reading",
        )
    result = score(truths_of(lines), texts, protocol)
    return result.as_dict() | {"refused": [refusal.reason for refusal in refused]}


def source_of(where: str, name: str) -> Source:
    """What a path on the command line means: hub data set, Parquet file, saved data set, or folder."""
    name = re.sub(r"[^\w.-]", "_", name) or "data"
    if where.startswith("hf://"):
        try:
            return HubSource(name=name, path=where, split="test")
        except ValidationError as error:
            raise DataError(f"{where}: a data set of the hub is named hf://user/name") from error
    if Path(where).is_dir():
        saved = (Path(where) / "dataset_info.json").is_file()
        return SavedSource(name=name, path=where) if saved else FolderSource(name=name, path=where)
    return ParquetSource(name=name, path=where)
