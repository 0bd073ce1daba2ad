"""One record for a line, whatever its source, and an ordered set of lines whose images stay on disk.

`formats/` opens the sources; afterwards texts and sizes are in memory and image bytes are read from where they lie
when a batch needs them. What cannot be used is refused by name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from distill.data.augment import Augment
from distill.data.formats.contents import Contents, Fetch, reason_of
from distill.data.labels import LabelForm, as_label
from distill.data.sources import AnySource
from students.charset import normalise
from students.errors import DataError
from students.image import Preparation, decode_image, image_size
from students.turning import Turned, is_tall, size_after, way_to_learn


@dataclass(frozen=True)
class Line:
    """One line: encoded image and its text (None: unlabelled, "": labelled as empty)."""

    key: str
    image: bytes
    text: str | None
    source: str


@dataclass(frozen=True)
class Refusal:
    """A line that is not used, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Lines:
    """An ordered set of lines. `names` are what a source calls them: documents are cut by name."""

    keys: tuple[str, ...]
    names: tuple[str, ...]
    texts: tuple[str | None, ...]
    sources: tuple[str, ...]
    padded_width_px: np.ndarray
    image_digests: tuple[str, ...]
    fetch: Sequence[tuple[Fetch, int]]
    forms: Mapping[str, LabelForm] = field(default_factory=dict)  # of each source; exact where it is not named
    rewritten: frozenset[str] = frozenset()  # keys whose label stands otherwise in its source
    preparation: Preparation | None = None  # that of the padded widths
    augments: Mapping[str, Augment] = field(default_factory=dict)  # of each source that has its own
    scaled_width_px: np.ndarray | None = None  # before padding, where it was looked at
    turned: Turned = "never"  # how tall pictures are read
    tall: np.ndarray | None = None  # (N,) bool: pictures that may run up or down; None: none is turned
    quarters: np.ndarray | None = None  # (N,) quarter turns against the clock that each gets before it is scaled

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, i: int) -> Line:
        fetch, row = self.fetch[i]
        return Line(self.keys[i], fetch(row), self.texts[i], self.sources[i])

    def form(self, i: int) -> LabelForm:
        """Return what the label of line `i` records."""
        return self.forms.get(self.sources[i], "exact")

    def take(self, indices: Sequence[int] | np.ndarray) -> Lines:
        """Return the lines at `indices`, in that order."""

        def pick(values: Sequence[Any]) -> tuple[Any, ...]:
            return tuple(values[int(i)] for i in indices)

        rows = np.asarray(indices, np.int64)
        return replace(
            self,
            keys=pick(self.keys),
            names=pick(self.names),
            texts=pick(self.texts),
            sources=pick(self.sources),
            padded_width_px=self.padded_width_px[rows],
            image_digests=pick(self.image_digests),
            fetch=pick(self.fetch),
            rewritten=self.rewritten.intersection(pick(self.keys)),
            scaled_width_px=None if self.scaled_width_px is None else self.scaled_width_px[rows],
            tall=None if self.tall is None else self.tall[rows],
            quarters=None if self.quarters is None else self.quarters[rows],
        )

    def prepared_by(self, preparation: Preparation) -> Lines:
        """Return the same lines with the padded widths of another preparation; they are turned as before."""
        if self.preparation is not None and preparation.pads_like(self.preparation):
            return self
        return self._measured(preparation)

    def after_quarters(self, quarters: int) -> Lines:
        """Return the same lines with their pictures turned so many quarters against the clock.

        Raises `ValueError` for lines without a preparation.
        """
        if self.preparation is None:
            raise ValueError("lines without a preparation have no widths to turn")
        turned = replace(self, quarters=np.full(len(self), quarters, np.int8))
        return turned._measured(self.preparation)

    def quarters_of(self, i: int) -> int:
        """Return the quarter turns that the picture of line `i` gets."""
        return 0 if self.quarters is None else int(self.quarters[i])

    def _measured(self, preparation: Preparation) -> Lines:
        """The lines with the widths that a preparation gives them, looked up in the heads of their pictures."""
        lines = map(self.__getitem__, range(len(self)))
        sizes = [size_after(self.quarters_of(i), *image_size(line.image, line.key)) for i, line in enumerate(lines)]
        widths = np.array([preparation.padded_width_px(*size) for size in sizes], np.int64)
        scaled = np.array([preparation.scaled_width_px(*size) for size in sizes], np.int64)
        return replace(self, padded_width_px=widths, preparation=preparation, scaled_width_px=scaled)

    def where(self, condition: Callable[[str | None], bool]) -> Lines:
        """Return the lines whose text fulfils `condition`."""
        return self.take([i for i, text in enumerate(self.texts) if condition(text)])

    def relabelled(self, rule: Callable[[str], str]) -> Lines:
        """Return the lines with their labels rewritten by `rule`; what it changes is named under `rewritten`."""
        texts = tuple(None if text is None else rule(text) for text in self.texts)
        changed = (key for key, text, before in zip(self.keys, texts, self.texts, strict=True) if text != before)
        return replace(self, texts=texts, rewritten=self.rewritten.union(changed))

    def of_sources(self, names: Collection[str] | None) -> Lines:
        """Return the lines of the named sources; None: of all."""
        if names is None:
            return self
        return self.take([i for i, source in enumerate(self.sources) if source in names])

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 over keys, texts and image digests, in order, label forms and augmentations of sources."""
        forms = sorted((source, self.forms.get(source, "exact")) for source in set(self.sources))
        return self._digest(forms, zip(self.keys, self.texts, self.image_digests, strict=True))

    @cached_property
    def digest_of_pictures(self) -> str:
        """Return the same without labels and their forms: all that a teacher's outputs depend on."""
        return self._digest((), zip(self.keys, self.image_digests, strict=True))

    def _digest(self, begin: object, records: Iterable[object]) -> str:
        sha = hashlib.sha256(repr(begin).encode())
        for source in sorted(self.augments.keys() & set(self.sources)):
            sha.update(repr((source, self.augments[source].model_dump_json())).encode())
        for record in records:
            sha.update(repr(record).encode())
        if self.quarters is not None and self.quarters.any():
            sha.update(repr(("quarter turns", self.quarters.tolist())).encode())
        return sha.hexdigest()


def joined(parts: Sequence[Lines]) -> Lines:
    """Return several sets of lines as one, one behind the other."""

    def chain(field: str) -> tuple[Any, ...]:
        return tuple(value for part in parts for value in getattr(part, field))

    no_scaled_width = any(part.scaled_width_px is None for part in parts)
    return Lines(
        keys=chain("keys"),
        names=chain("names"),
        texts=chain("texts"),
        sources=chain("sources"),
        padded_width_px=np.concatenate([p.padded_width_px for p in parts]) if parts else np.zeros(0, np.int64),
        image_digests=chain("image_digests"),
        fetch=chain("fetch"),
        forms={source: form for part in parts for source, form in part.forms.items()},
        rewritten=frozenset().union(*(part.rewritten for part in parts)),
        preparation=parts[0].preparation if parts else None,
        augments={source: own for part in parts for source, own in part.augments.items()},
        scaled_width_px=None if no_scaled_width else np.array(chain("scaled_width_px"), np.int64),
        **_turns_of(parts),
    )


def _turns_of(parts: Sequence[Lines]) -> dict[str, Any]:
    """How the lines of several parts are turned; nothing where none is."""
    known = [part for part in parts if part.tall is not None and part.quarters is not None]
    if not known:
        return {}
    arrays: dict[str, list[np.ndarray]] = {"tall": [], "quarters": []}
    for part in parts:
        nothing = np.zeros(len(part), np.int8)
        arrays["tall"].append(nothing.astype(bool) if part.tall is None else part.tall)
        arrays["quarters"].append(nothing if part.quarters is None else part.quarters)
    return {"turned": known[0].turned} | {name: np.concatenate(each) for name, each in arrays.items()}


def decoded_size(image: bytes, key: str) -> tuple[int, int]:
    """Return (height, width) of an image that can be decoded whole; raises `DataError` for others."""
    height_px, width_px = decode_image(image, key).shape[:2]
    return height_px, width_px


def unique_names(names: Sequence[str]) -> Sequence[str]:
    """Return the names of lines as they are; where two are equal, all with the number of their row."""
    return names if len(set(names)) == len(names) else [f"{name}#{row}" for row, name in enumerate(names)]


SizeOf = Callable[[bytes, str], tuple[int, int]]


class _Usable(NamedTuple):
    """A row of a source that can be used."""

    row: int
    padded_width_px: int
    scaled_width_px: int
    image_digest: str
    tall: bool
    quarters: int


def scan(
    source: AnySource, contents: Contents, preparation: Preparation, size_of: SizeOf = decoded_size
) -> tuple[Lines, list[Refusal]]:
    """Return the usable lines of a source, in its order, and those that are refused.

    `size_of` gives (height, width) of an image in pixels, or raises `DataError` for a damaged one.
    """
    keys = [f"{source.name}/{name}" for name in unique_names(contents.names)]
    found = [_usable_row(row, key, contents, preparation, size_of) for row, key in enumerate(keys)]
    usable = [each for each in found if isinstance(each, _Usable)]
    refused = [each for each in found if isinstance(each, Refusal)]
    given = [contents.texts[each.row] for each in usable]
    labels = tuple(None if text is None else as_label(text, source.label_form) for text in given)
    kept = tuple(keys[each.row] for each in usable)
    lines = Lines(
        keys=kept,
        names=tuple(contents.names[each.row] for each in usable),
        texts=labels,
        sources=(source.name,) * len(usable),
        padded_width_px=np.asarray([each.padded_width_px for each in usable], np.int64),
        image_digests=tuple(each.image_digest for each in usable),
        fetch=tuple((contents.fetch, each.row) for each in usable),
        forms={source.name: source.label_form},
        rewritten=frozenset(key for key, label, text in zip(kept, labels, given, strict=True) if label != text),
        preparation=preparation,
        augments={source.name: source.augment} if source.augment is not None else {},
        scaled_width_px=np.asarray([each.scaled_width_px for each in usable], np.int64),
    )
    if preparation.turned != "never":
        tall = np.array([each.tall for each in usable], bool)
        quarters = np.array([each.quarters for each in usable], np.int8)
        lines = replace(lines, turned=preparation.turned, tall=tall, quarters=quarters)
    return lines, refused


def _usable_row(row: int, key: str, contents: Contents, preparation: Preparation, size_of: SizeOf) -> _Usable | Refusal:
    try:
        data = contents.fetch(row)
        stored = size_of(data, key)
        text = contents.texts[row]
        quarters = way_to_learn(preparation.turned, *stored, text if text is None else normalise(text))
        size = size_after(quarters, *stored)
        scaled_px = preparation.scaled_width_px(*size)
        if scaled_px > preparation.max_width_px:
            raise DataError(f"{key}: wider than image.max_width_px = {preparation.max_width_px} once scaled")
    except DataError as error:
        return Refusal(key, reason_of(error, key))
    digest = hashlib.blake2b(data, digest_size=16).hexdigest()
    return _Usable(row, preparation.padded_width_px(*size), scaled_px, digest, is_tall(*stored), quarters)
