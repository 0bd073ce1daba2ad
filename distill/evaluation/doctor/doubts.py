"""What a finished teacher doubts: labels that it finds far less likely than its own reading, and lines turned over.

It reads every real labelled line, or an even sample of them. A label that it doubts is either wrong or hard.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch

from distill.data.batch import targets_of
from distill.data.inference import images_of, outputs_of
from distill.data.labels import as_label, fold_label, folding
from distill.data.lines import Lines
from distill.data.prepared import PreparedLines
from distill.data.sampler import in_width_order
from distill.evaluation.doctor.findings import Finding, about
from distill.seeds import generator_of
from distill.teaching.graph import batch_lines, network_of
from distill.teaching.losses.ctc import nats_of
from distill.teaching.teacher import at_any_width
from distill.track import progress
from students.greedy import best_path_text
from students.image import Preparation, decode_image
from students.reader import Reader

READ_LINES = 2000  # of each part
TURNED_LABEL = 3  # characters from which a label read on a turned picture is no accident
TURNS = {180: 2, 90: 1, 270: 3}  # degrees against the clock: quarters


@dataclass(frozen=True)
class Doubt:
    """A label and the reading that the teacher prefers, by `nats` a character: log P(reading) - log P(label)."""

    part: str
    key: str
    label: str
    reading: str
    nats: float
    exact: bool  # whether the reading is the label, as far as the form of the label goes


@dataclass(frozen=True)
class Doubts:
    """The answers of the teacher on the labels of one part, in the order of its lines, `n_labelled` labels in all."""

    doubts: tuple[Doubt, ...]
    n_labelled: int  # of which a sample was read
    unknown: tuple[str, ...]  # keys of labels that the teacher cannot write, or not on its frames


def doubts_of(part: str, lines: Lines, reader: Reader, seed: int) -> Doubts:
    """Read the labelled lines of a part, at most `READ_LINES` of them, sampled by `seed`.

    Labels that the teacher cannot write are returned by key as `unknown`. Nothing is raised for them.
    """
    charset, preparation = reader.description.charset, at_any_width(reader.description.preparation)
    labelled = lines.where(lambda text: bool(text))
    order = torch.randperm(len(labelled), generator=generator_of("doubts", seed, part))[:READ_LINES]
    sample = labelled.take(sorted(order.tolist()))
    writable = [i for i, text in enumerate(sample.texts) if not charset.missing(text or "")]
    unknown = sorted(set(range(len(sample))) - set(writable))
    known = sample.take(writable)
    doubts: dict[int, Doubt] = {}
    with progress(f"the teacher reads {part}", len(known), "line", shown=len(known) > 0) as bar:
        for i, log_p_TC in _read(reader, known.prepared_by(preparation), preparation):
            doubts[i] = _doubt(part, known, i, log_p_TC, reader)
            bar.update()
    infinite = [i for i, doubt in doubts.items() if not np.isfinite(doubt.nats)]
    keys = [sample.keys[i] for i in unknown] + [known.keys[i] for i in infinite]
    return Doubts(tuple(doubts[i] for i in sorted(doubts.keys() - set(infinite))), len(labelled), tuple(keys))


def turned_over(part: str, lines: Lines, doubts: list[Doubt], reader: Reader) -> list[Finding]:
    """Return findings on doubted lines that are read as labelled, in whatever case, once the picture is turned."""
    row = {key: i for i, key in enumerate(lines.keys)}
    preparation = at_any_width(reader.description.preparation)
    found = []
    for doubt in doubts:
        if len(doubt.label) < TURNED_LABEL or doubt.label.casefold() == doubt.reading.casefold():
            continue
        pixels = decode_image(lines[row[doubt.key]].image, doubt.key)
        for degrees, quarters in TURNS.items():
            image_CHW = preparation.prepare(np.ascontiguousarray(np.rot90(pixels, quarters)), doubt.key)
            log_p_TC = reader.log_probabilities(image_CHW[None])[0]
            if best_path_text(log_p_TC, reader.description.charset).casefold() == doubt.label.casefold():
                remark = f"{doubt.key}: {doubt.label!r}, turn it by {degrees} degrees against the clock"
                found.append((doubt.key, remark))
                break
    return about("note", "turned-over", part, found, "read as labelled once turned", "turn the pictures")


def most_suspicious(parts: Mapping[str, Doubts], n: int) -> list[Doubt]:
    """Return the `n` labels of all parts that the teacher doubts most, without those that it reads as they are."""
    doubted = [d for part in parts.values() for d in part.doubts if not d.exact and d.nats > 0]
    return sorted(doubted, key=lambda d: (-d.nats, d.key))[:n]


def _read(reader: Reader, lines: Lines, preparation: Preparation) -> Iterator[tuple[int, np.ndarray]]:
    """Row and calibrated log-posteriors (T, C) of every line."""
    temperature = reader.description.calibration.temperature
    prepared = PreparedLines(lines, preparation, limit_bytes=0)
    groups = in_width_order(lines.padded_width_px, batch_lines(reader.description.charset.n_classes))
    for group, outputs in outputs_of(network_of(reader), images_of(prepared, groups, torch.device("cpu"))):
        log_p_NTC = (outputs.logits_NTC.float() / temperature).log_softmax(-1).numpy()
        for i, log_p_TC, length in zip(group.indices, log_p_NTC, outputs.lengths_N.tolist(), strict=True):
            yield i, log_p_TC[:length]


def _doubt(part: str, lines: Lines, i: int, log_p_TC: np.ndarray, reader: Reader) -> Doubt:
    label, form = lines.texts[i] or "", lines.form(i)
    reading = best_path_text(log_p_TC, reader.description.charset)
    of_label, of_reading = (_nats(log_p_TC, text, lines, i, reader) for text in (label, reading))
    exact = fold_label(label, form) == fold_label(reading, form)
    nats = (of_label - of_reading) / max(len(label), len(reading), 1)
    return Doubt(part, lines.keys[i], label, reading, nats, exact)


def _nats(log_p_TC: np.ndarray, text: str, lines: Lines, i: int, reader: Reader) -> float:
    """-log P(text), as far as the form of that line's label goes; infinite where the frames are too few."""
    charset = reader.description.charset
    targets_NL, lengths_N = targets_of([as_label(text, lines.form(i))], charset)
    log_p_NTC = torch.from_numpy(log_p_TC)[None]
    frames_N = torch.tensor([len(log_p_TC)])
    return float(nats_of(log_p_NTC, frames_N, targets_NL, lengths_N, folding(charset.characters, lines.form(i))))
