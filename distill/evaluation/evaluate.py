"""Reading a set of lines with a model: every process its share, every line counted once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from distill.data.formats.contents import counted, first_of
from distill.data.formats.opening import open_source, source_at
from distill.data.formats.parts import expect_named_once
from distill.data.inference import BATCH_LINES, images_of, outputs_of
from distill.data.labels import fold_label
from distill.data.lines import Lines, Refusal, joined
from distill.data.prepared import PreparedLines
from distill.data.sampler import in_width_order
from distill.data.sources import FileSource
from distill.evaluation.characters import cer_interval
from distill.evaluation.metrics import Compared, Truth, compare, fold, score, score_of, wilson
from distill.evaluation.peers import Peer
from distill.runtime import StopFlag
from distill.schema import Protocol
from distill.teaching.graph import GraphNetwork
from distill.teaching.teacher import FrozenTeacher
from distill.track import progress
from students.alignments import text_log_probabilities
from students.errors import DataError
from students.greedy import collapse
from students.image import Preparation
from students.reader import Reader
from students.turning import WAYS, sureness

Decoded = TypeVar("Decoded")
log = logging.getLogger(__name__)


def read_lines(
    model: nn.Module,
    lines: Lines,
    decode: Callable[[np.ndarray], Decoded],
    preparation: Preparation,
    accelerator: Accelerator,
    *,
    what: str | None = None,
    stop: StopFlag | None = None,
) -> dict[str, Decoded]:
    """Return what `decode` makes of every line, by its key, equal on all processes.

    `decode` is given the log-posteriors (T, C) of the valid frames of one line, in nats, at temperature 1. Every
    process reads its share of the batches. Progress is shown where `what` names it. Raises `Stopped` when asked to.
    """
    mine: list[tuple[str, Decoded]] = []
    share = slice(accelerator.process_index, None, accelerator.num_processes)
    with progress(what or "", len(lines), "line", shown=what is not None) as bar:
        for read in read_here(model, lines, decode, preparation, accelerator.device, share):
            mine += read
            bar.update(len(read) * accelerator.num_processes)
            if stop is not None and accelerator.num_processes == 1:
                stop.raise_if_set()
    return dict(gather_object(mine))


def read_here(
    model: nn.Module,
    lines: Lines,
    decode: Callable[[np.ndarray], Decoded],
    preparation: Preparation,
    device: torch.device,
    share: slice = slice(None),
) -> Iterator[list[tuple[str, Decoded]]]:
    """Yield what `decode` makes of the lines of each batch, with their keys; `share`: of these batches only.

    A tall picture is read as its lines say (`students.turning`), whatever its label, and the surest reading kept.
    """
    tall, others = parted_by_height(lines)
    for group in _posteriors(model, others, preparation, device, share):
        yield [(key, decode(log_p_TC)) for key, log_p_TC in group]
    if len(mine := tall.take(range(len(tall))[share])):
        yield list(_read_tall(model, mine, decode, preparation, device).items())


def parted_by_height(lines: Lines) -> tuple[Lines, Lines]:
    """Return the lines whose pictures are tall where such are turned, and the others."""
    if lines.tall is None or not lines.tall.any():
        return lines.take([]), lines
    return lines.take(np.flatnonzero(lines.tall)), lines.take(np.flatnonzero(~lines.tall))


def _read_tall(
    model: nn.Module,
    lines: Lines,
    decode: Callable[[np.ndarray], Decoded],
    preparation: Preparation,
    device: torch.device,
) -> dict[str, Decoded]:
    """Every line in each way that is to be read, and of those what `decode` makes of the surest."""
    best: dict[str, tuple[float, Decoded]] = {}
    for quarters in WAYS[lines.turned]:
        for key, log_p_TC in chain.from_iterable(
            _posteriors(model, turned_within(lines, quarters), preparation, device)
        ):
            classes = collapse(log_p_TC.argmax(1))
            log_p = text_log_probabilities(log_p_TC[None], [classes])[0]
            sure = sureness(float(np.exp(log_p)), len(classes))
            if key not in best or sure > best[key][0]:
                best[key] = sure, decode(log_p_TC)
    return {key: decoded for key, (_, decoded) in best.items()}


def turned_within(lines: Lines, quarters: int) -> Lines:
    """Return lines turned so many quarters, without those that are too wide then and can be read in another way."""
    turned = lines.after_quarters(quarters)
    if turned.preparation is None or turned.scaled_width_px is None or quarters == WAYS[lines.turned][0]:
        return turned
    return turned.take(np.flatnonzero(turned.scaled_width_px <= turned.preparation.max_width_px))


def _posteriors(
    model: nn.Module, lines: Lines, preparation: Preparation, device: torch.device, share: slice = slice(None)
) -> Iterator[list[tuple[str, np.ndarray]]]:
    """The log-posteriors (T, C) of the valid frames of the lines of each batch, with their keys."""
    teacher = model if isinstance(model, FrozenTeacher) else None
    prepared = PreparedLines(lines, preparation, teacher.preparations if teacher else (), 0)
    most = model.lines_a_batch if isinstance(model, GraphNetwork) else BATCH_LINES
    groups = list(in_width_order(lines.padded_width_px, most))[share]
    own = teacher is None or teacher.wants_own
    for group, outputs in outputs_of(model, images_of(prepared, groups, device, own=own)):
        log_probabilities_NTC = outputs.logits_NTC.float().log_softmax(-1).cpu().numpy()
        rows = zip(group.indices, log_probabilities_NTC, outputs.lengths_N.tolist(), strict=True)
        yield [(lines.keys[i], frames[:length]) for i, frames, length in rows]


def truths_of(lines: Lines) -> list[Truth]:
    """Return the labels of the labelled lines, in their order."""
    return [
        Truth(key, text, lines.sources[i], lines.form(i))
        for i, (key, text) in enumerate(zip(lines.keys, lines.texts, strict=True))
        if text is not None
    ]


class Evaluated(NamedTuple):
    """The scores of a model as `evaluate --json` prints them, the lines, and what it and each peer read, by key."""

    result: dict[str, Any]
    lines: Lines
    texts: dict[str, str]
    against: dict[str, dict[str, str]]


def evaluate_sources(reader: Reader, data: Sequence[str], protocol: Protocol, peers: Sequence[Peer] = ()) -> Evaluated:
    """Score a model on Parquet files, folders or hub data sets, and `peers` on the same lines.

    Rates are fractions. Raises `DataError` for unlabelled lines, which would count as misread.
    """
    fold("", protocol)  # what it needs is missed before all lines are read
    lines, refused = open_data(data, reader.description.preparation)
    if without := [key for key, text in zip(lines.keys, lines.texts, strict=True) if text is None]:
        raise DataError(
            f"{' '.join(data)}: {counted(len(without), 'line has', 'lines have')} no label "
            f"to compare with: {first_of(without)}; label them, "
            "or write those that have one into a folder of their own: distill convert DATA OUT --to tsv"
        )
    truths = truths_of(lines)
    expect_comparable(truths, protocol)
    texts = texts_of(reader, lines, "reading")
    compared = compare(truths, texts, protocol)
    result = score_of(compared, len(truths), protocol).as_dict() | {"intervals": _intervals(compared)}
    result["refused"] = [refusal.reason for refusal in refused]
    against = {peer.name: _read_by(peer, lines) for peer in peers}
    if peers:
        result["against"] = {name: score(truths, read, protocol).as_dict() for name, read in against.items()}
    return Evaluated(result, lines, texts, against)


def _intervals(lines: Sequence[Compared]) -> dict[str, dict[str, float]]:
    """The 95 % intervals of the share of exact lines (Wilson) and of CER (resampled lines)."""
    share = sum(line.exact for line in lines) / len(lines)
    low, high = wilson(share, len(lines))
    edits_N, characters_N = (np.array([getattr(line, what) for line in lines]) for what in ("edits", "characters"))
    return {"exact": {"value": share, "low": low, "high": high}, "cer": cer_interval(edits_N, characters_N, seed=0)}


def expect_comparable(truths: Sequence[Truth], protocol: Protocol) -> None:
    """Raise `DataError` where a protocol leaves nothing of any label; warn of sources of which it leaves nothing."""
    left: dict[str, bool] = {}
    for truth in truths:
        some = protocol == "exact" or bool(fold(fold_label(truth.text, truth.form), protocol))
        left[truth.source] = left.get(truth.source, False) or some
    if nothing := [source for source, some in left.items() if not some]:
        example = next(truth.text for truth in truths if truth.source == nothing[0])
        words = (
            f"{', '.join(nothing)}: under the protocol {protocol} nothing is left of any label, such as {example!r}; "
            "--protocol exact or nospace compares all characters"
        )
        if len(nothing) == len(left):
            raise DataError(words)
        log.warning(words)


def sources_of(data: Sequence[str]) -> list[FileSource]:
    """Return the sources that a command names; raises `DataError` for one that is none, or is named twice."""
    expect_named_once(data)
    sources = []
    for number, where in enumerate(data):
        name = f"{number + 1}-{Path(where).stem}" if len(data) > 1 else Path(where).stem
        sources.append(source_at(where, name, **({"split": "test"} if where.startswith("hf://") else {})))
    return sources


def open_data(data: Sequence[str], preparation: Preparation) -> tuple[Lines, list[Refusal]]:
    """Open the lines that a command names, and return them with those refused; raises `DataError` for none at all."""
    parts, refused = [], []
    for source in sources_of(data):
        lines, unusable = open_source(source, Path(), Path(), preparation)
        parts.append(lines)
        refused += unusable
    lines = joined(parts)
    if not len(lines):
        raise DataError(f"not one line can be read; {len(refused)} were refused, the first: {refused[0].reason}")
    return lines, refused


def _read_by(peer: Peer, lines: Lines) -> dict[str, str]:
    """Texts by key, in stretches, so that the pictures are never all in memory."""
    texts: dict[str, str] = {}
    with progress(peer.name, len(lines), "line") as bar:
        for start in range(0, len(lines), BATCH_LINES):
            some = [lines[i] for i in range(start, min(start + BATCH_LINES, len(lines)))]
            texts |= zip((line.key for line in some), peer.read([line.image for line in some]), strict=True)
            bar.update(len(some))
    return texts


def texts_of(reader: Reader, lines: Lines, what: str | None, batch_lines: int = BATCH_LINES) -> dict[str, str]:
    """Return what a reader of any kind reads on every line, by its key; progress is shown where `what` names it."""
    in_order = [i for group in in_width_order(lines.padded_width_px, batch_lines) for i in group.indices]
    readings = reader.stream((lines[i].image for i in in_order), batch_lines)
    with progress(what or "", len(lines), "line", shown=what is not None) as bar:
        texts = {}
        for i, reading in zip(in_order, readings, strict=True):
            texts[lines.keys[i]] = reading.text
            bar.update()
    return texts
