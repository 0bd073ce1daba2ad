"""Rendered lines, opened like those of any other source. Apart from `materialise`, whose workers import no datasets."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from distill.data.formats.contents import Contents
from distill.data.formats.naming import naming
from distill.data.formats.opening import declared
from distill.data.formats.tables import open_arrow
from distill.data.labels import as_label
from distill.data.lines import Lines, Refusal, scan
from distill.digests import digest_of
from distill.synthesis.fonts import FontFace, by_family
from distill.synthesis.materialise import faces_of, materialise, rendered_line
from distill.synthesis.source import RenderedSource
from students.image import Preparation


def open_rendered(
    source: RenderedSource, root: Path, cache: Path, preparation: Preparation
) -> tuple[Lines, list[Refusal]]:
    """Open the lines of a source, rendered where they are missing. Raises `DataError` that names the source."""
    with naming(source):
        (folder,) = materialise([source], root, preparation.height_px, cache)
        contents = declared(source, open_arrow(folder))
    return scan(source, contents, preparation, png_size)


@dataclass(frozen=True)
class OnDemand:
    """The lines of a source, each rendered when it is asked for, as `open_rendered` would give it."""

    source: RenderedSource
    root: Path
    preparation: Preparation

    @cached_property
    def stand_ins(self) -> Lines:
        """Return as many lines as the source has, each with this object in its `fetch`.

        They have neither their own texts, but that of the first line, nor widths. Digests are equal where the pictures
        are those of one line of equal settings.
        """
        n, name = self.source.lines, self.source.name
        with naming(self.source):
            text = None if self.source.drop_labels else as_label(self._line(0)[1], self.source.label_form)
        not_of_pictures = {"name", "lines", "drop_labels", "font_folders", "augment", "label_form"}
        settings = digest_of(self.source.model_dump(mode="json", exclude=not_of_pictures))
        names = tuple(f"{row:06d}" for row in range(n))
        return Lines(
            keys=tuple(f"{name}/{each}" for each in names),
            names=names,
            texts=(text,) * n,
            sources=(name,) * n,
            padded_width_px=np.zeros(n, np.int64),
            image_digests=tuple(f"{settings} {each}" for each in names),
            fetch=tuple((self, row) for row in range(n)),
            forms={name: self.source.label_form},
            preparation=self.preparation,
        )

    def line(self, row: int) -> tuple[Lines, list[Refusal]]:
        """Render one line and return it; what cannot be used is refused instead."""
        with naming(self.source):
            data, text, name = self._line(row)
            contents = declared(self.source, Contents([name], [text], lambda _: data))
        return scan(self.source, contents, self.preparation, png_size)

    def __call__(self, row: int) -> bytes:
        """Return the picture of a line, as PNG."""
        return self._line(row)[0]

    def _line(self, row: int) -> tuple[bytes, str, str]:
        return rendered_line(self.source, self.root, self._families, self.preparation.height_px, row)

    @cached_property
    def _families(self) -> list[list[FontFace]]:
        return by_family(faces_of(self.source, self.root))


def png_size(data: bytes, _: str) -> tuple[int, int]:
    """Return (height, width) of a line that was rendered here, from the first chunk of its PNG."""
    width, height = struct.unpack_from(">II", data, 16)
    return height, width
