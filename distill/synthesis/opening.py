"""Rendered lines, opened like those of any other source. Apart from `materialise`, whose workers import no datasets."""

from __future__ import annotations

import struct
from pathlib import Path

from distill.data.formats.naming import naming
from distill.data.formats.opening import declared
from distill.data.formats.tables import open_arrow
from distill.data.lines import Lines, Refusal, scan
from distill.synthesis.materialise import materialise
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


def png_size(data: bytes, _: str) -> tuple[int, int]:
    """Return (height, width) of a line that was rendered here, from the first chunk of its PNG."""
    width, height = struct.unpack_from(">II", data, 16)
    return height, width
