"""The teacher's posteriors, computed once for every training line, in Arrow files of the run.

Every line is kept in `views` augmented views; view v is what epochs v, v + views, ... show, augmented again from the
same seed, so picture and posteriors agree. The teacher reads a line once for all views where augmentation changes
nothing, and lines of a source whose trust is 0 not at all: blanks stand in their place. Parts are written whole, an
interrupted cache goes on behind the last one, and opening verifies every byte: a damaged part is computed anew.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from accelerate import Accelerator

from distill.data.augment import Augment
from distill.data.columns import mapped
from distill.data.inference import BATCH_LINES, images_of, outputs_of
from distill.data.lines import Lines
from distill.data.posteriors import Cached, pack
from distill.data.prepared import PreparedLines, View
from distill.data.sampler import Group, in_width_order
from distill.data.sealed import is_whole, sealed
from distill.digests import digest_of
from distill.recipe.objective import Objective, PosteriorCache
from distill.runtime import in_bf16
from distill.teaching.teacher import FrozenTeacher
from distill.track import Stopwatch, progress
from students.charset import BLANK
from students.errors import CheckpointError, DataError
from students.image import Preparation
from students.model_file import write_whole

PART_LINES = 512
FORMAT = 3
SCHEMA = pa.schema([("record", pa.binary())])
log = logging.getLogger(__name__)


def temperatures_of(objective: Objective) -> tuple[float, ...]:
    """Return the temperatures at which the terms of an objective take the teacher's posteriors, 1 always among them."""
    in_use = {term.teacher_temperature for term in objective.terms.values() if term.weight and term.needs_teacher}
    of_sources = objective.trust.temperatures.values()
    return tuple(sorted({1.0, *in_use, objective.match.temperature, *of_sources}))


@dataclass(frozen=True)
class TaughtLines:
    """Training lines as a student sees them, and the teacher whose posteriors on them are cached.

    It does not read lines of the sources `unread`.
    """

    teacher: FrozenTeacher
    lines: Lines
    preparation: Preparation
    augment: Augment
    seed: int
    unread: frozenset[str] = frozenset()

    @property
    def prepared(self) -> PreparedLines:
        """Return the lines, prepared for the student and for every network of the teacher."""
        return PreparedLines(self.lines, self.preparation, self.teacher.preparations, limit_bytes=0)

    def read(self, some: np.ndarray) -> np.ndarray:
        """Return those of the lines with the numbers `some` that the teacher reads."""
        return np.array([i for i in some.tolist() if self.lines.sources[i] not in self.unread], int)

    @cached_property
    def still(self) -> frozenset[str]:
        """Return the sources whose lines look alike in every view, and under every seed."""
        augments = {source: self.lines.augments.get(source, self.augment) for source in set(self.lines.sources)}
        return frozenset(source for source, augment in augments.items() if augment.changes_nothing)


@dataclass(frozen=True)
class CachePart:
    """Up to `PART_LINES` lines from `start` on, in one view: one file."""

    view: int
    start: int
    n_lines: int
    path: Path

    @property
    def lines(self) -> np.ndarray:
        """Return the numbers of its lines."""
        return np.arange(self.start, self.start + self.n_lines)


@dataclass(frozen=True)
class Filling:
    """What fills the parts of one cache, whoever does."""

    taught: TaughtLines
    settings: PosteriorCache
    temperatures: tuple[float, ...]
    folder: Path
    device: torch.device

    @property
    def parts(self) -> list[CachePart]:
        """Return all parts, view by view."""
        n = len(self.taught.lines)
        return [
            CachePart(view, start, min(PART_LINES, n - start), self.folder / _part_name(view, start))
            for view in range(self.settings.views)
            for start in range(0, n, PART_LINES)
        ]

    @cached_property
    def prepared(self) -> PreparedLines:
        """Return the lines as the networks of the teacher take them."""
        return self.taught.prepared

    def fill(self, part: CachePart) -> None:
        """Compute and write one part; raises `DataError` for a line without finite posteriors."""
        taught = self.taught
        some = part.lines
        known = _seen_before(taught, some, part.view, self.folder / _part_name(0, part.start))
        new, view = np.setdiff1d(some, list(known)), View(taught.augment, taught.seed, part.view)
        read = taught.read(new)
        known |= self._records(read, view) | self._blank_records(np.setdiff1d(new, read), view)
        write_whole(part.path, _with_digest([known[i] for i in some.tolist()]))

    @cached_property
    def blank_of_width(self) -> dict[int, bytes]:
        """Return records of blanks by the padded width of a line in pixels, of the widths met so far."""
        return {}

    def _blank_records(self, some: np.ndarray, view: View) -> dict[int, bytes]:
        """Records of blanks alone; the teacher reads one line of each width, which tells how many frames it has."""
        widths_px = self.prepared.lines.padded_width_px[some].tolist()
        first = {
            width: i for i, width in zip(some.tolist(), widths_px, strict=True) if width not in self.blank_of_width
        }
        for group, log_p_NTC in self._log_posteriors(np.array(list(first.values()), int), view):
            blank_TC = np.full_like(log_p_NTC[0], -np.inf)
            blank_TC[:, BLANK] = 0
            self.blank_of_width[group.width_px] = self._encoded(blank_TC)
        return {i: self.blank_of_width[width] for i, width in zip(some.tolist(), widths_px, strict=True)}

    def _records(self, some: np.ndarray, view: View) -> dict[int, bytes]:
        """The records of the lines with the numbers `some`."""
        records: dict[int, bytes] = {}
        for group, log_p_NTC in self._log_posteriors(some, view):
            for i, log_p_TC in zip(group.indices, log_p_NTC, strict=True):
                if not np.isfinite(log_p_TC.max(-1)).all():
                    key = self.prepared.lines.keys[i]
                    raise DataError(f"{key}: the teacher's posteriors are not finite on this line")
                records[i] = self._encoded(log_p_TC)
        return records

    def _log_posteriors(self, some: np.ndarray, view: View) -> Iterator[tuple[Group, np.ndarray]]:
        """What the teacher gives to the lines with the numbers `some`, natural logarithms (N, T, C), group by group."""
        prepared, teacher = self.prepared, self.taught.teacher
        groups = in_width_order(prepared.lines.padded_width_px, BATCH_LINES, some)
        batches = images_of(prepared, groups, self.device, view, torch.channels_last, teacher.wants_own)
        for group, outputs in outputs_of(teacher, batches):
            yield group, outputs.logits_NTC.float().log_softmax(-1).cpu().numpy()

    def _encoded(self, log_p_TC: np.ndarray) -> bytes:
        return pack(log_p_TC, self.settings.top_k, self.settings.blank_above, self.temperatures)


def cache_posteriors(
    taught: TaughtLines,
    objective: Objective,
    n_classes: int,
    root: Path,
    accelerator: Accelerator,
    poll: Callable[[], None],
    shared: bool = False,
) -> Cached:
    """Open the cache of these lines and this teacher in `root`, computing what is missing or damaged.

    `poll` is called between parts and may raise. In a root that is `shared` between runs the seconds are kept, so that
    each of them knows what the cache has cost. Raises `CheckpointError` where a part cannot be read back, and
    `DataError` for a line that the teacher has no finite posteriors on.
    """
    filling, views = filling_of(taught, objective, n_classes, root, accelerator.device), objective.cache.views
    filling.folder.mkdir(parents=True, exist_ok=True)
    parts = filling.parts
    n_read = {part: len(taught.read(part.lines)) for part in parts}
    missing = [part for part in parts if not is_filled(part)]
    accelerator.wait_for_everyone()  # all share out the same list: none may write before the last has looked
    total = sum(n_read.values())
    done = total - sum(n_read[part] for part in missing)
    clock = Stopwatch(filling.folder / "timing.json", writes=shared and accelerator.is_main_process)
    with progress("caching posteriors", total, "line", done, shown=bool(missing)) as bar:
        for part in missing[accelerator.process_index :: accelerator.num_processes]:
            with clock.measure("filled"):
                filling.fill(part)
            bar.update(n_read[part] * accelerator.num_processes)
            poll()
    accelerator.wait_for_everyone()
    for part in missing:
        _verified(part.path)
    tables = [mapped([str(part.path) for part in parts if part.view == view], ("record",)) for view in range(views)]
    filled_s, k = clock.seconds.get("filled", 0.0), min(objective.cache.top_k, n_classes)
    return Cached(tuple(tables), k, filling.temperatures, n_classes, filling.folder.name, filled_s)


def filling_of(taught: TaughtLines, objective: Objective, n_classes: int, root: Path, device: torch.device) -> Filling:
    """Return the parts of the cache of these lines and this teacher in `root`, and what fills them on a device."""
    teacher, temperatures = taught.teacher, temperatures_of(objective)
    augmented_by = taught.seed if set(taught.lines.sources) - taught.unread - taught.still else None
    of_lines = (taught.preparation, taught.augment, taught.lines.digest_of_pictures, augmented_by)
    bf16 = in_bf16(teacher.precision, device)
    unread = [sorted(taught.unread)] if taught.unread else []
    key = digest_of(FORMAT, teacher.digest, *of_lines, objective.cache, list(temperatures), n_classes, bf16, *unread)
    return Filling(taught, objective.cache, temperatures, root / f"posteriors-{key[:16]}", device)


def _part_name(view: int, start: int) -> str:
    return f"view-{view:02d}-{start:08d}.arrow"


def _seen_before(taught: TaughtLines, some: np.ndarray, view: int, first: Path) -> dict[int, bytes]:
    """The records, in the part `first` of view 0, of those lines that look alike in every view."""
    if not view or not _is_whole(first):
        return {}
    still = {i for i in some.tolist() if taught.lines.sources[i] in taught.still}
    if not still:
        return {}
    return {i: record for i, record in zip(some.tolist(), _verified(first), strict=True) if i in still}


def _with_digest(records: list[bytes]) -> bytes:
    """A sealed Arrow stream with the SHA-256 of its records in the schema."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(record).digest() for record in records)).hexdigest()
    return sealed(pa.table({"record": records}, schema=SCHEMA.with_metadata({"sha256": digest})))


def is_filled(part: CachePart) -> bool:
    """Return whether a part is there and holds what was written; False with a warning for a damaged one."""
    return _is_whole(part.path)


def _is_whole(path: Path) -> bool:
    if not is_whole(path):
        return False
    try:
        _verified(path)
    except CheckpointError as error:
        log.warning("%s; it is computed anew", error)
        return False
    return True


def _verified(path: Path) -> list[bytes]:
    """The records of a part; raises `CheckpointError` where a byte of them differs from what was written."""
    try:
        table = pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
        table.validate(full=True)
        records = [bytes(record.as_buffer()) for record in table.column("record")]
        digests = b"".join(hashlib.sha256(record).digest() for record in records)
        wanted = (table.schema.metadata or {})[b"sha256"].decode()
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: the posterior cache is damaged ({error})") from error
    if hashlib.sha256(digests).hexdigest() != wanted:
        raise CheckpointError(f"{path}: the posterior cache is damaged")
    return records
