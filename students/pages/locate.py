"""The one locator reader: prepares a page and returns its maps, whatever computes them, whole or in tiles.

No torch here. `torch_locator.py` puts a network behind it, ONNX Runtime a graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from students.errors import CheckpointError
from students.model_file import is_onnx
from students.pages.maps import CHANNELS, Maps
from students.pages.model_file import LocatorDescription, expect_locator, read_locator_onnx
from students.pages.preparation import STRIDE_PX, PreparedPage

if TYPE_CHECKING:
    from students.pages.network import Locator

MAPS_OUTPUT = "maps"  # of an exported graph
WHOLE_PX = 4_000_000  # a prepared page of more pixels is read in tiles
TILE_PX = 1536  # side of a tile without what it overlaps its neighbours by
TILE_STEP_PX = 32  # tiles begin at multiples of the deepest stride, so that places fall on the same pixels
MapsOf = Callable[[np.ndarray], np.ndarray]


class LocatorReader:
    """Finds where lines are. `maps_of` takes prepared pages (N, channels, H, W) to (N, 5, H / 4, W / 4), float32."""

    def __init__(
        self, description: LocatorDescription, path: Path, maps_of: MapsOf, network: Locator | None = None
    ) -> None:
        self.description = description
        self.path = path
        self.maps_of = maps_of
        self._network = network

    @property
    def model(self) -> Locator:
        """Return the torch network; raises `CheckpointError` for a file that holds none."""
        if self._network is None:
            raise CheckpointError(f"{self.path}: holds a graph to read with and no torch network; give the safetensors")
        return self._network

    def maps(self, page_HWC: np.ndarray) -> tuple[Maps, PreparedPage]:
        """Return the maps of a page, uint8 (H, W) or (H, W, 3) RGB, and the page as the locator saw it."""
        prepared = self.description.preparation.prepare(page_HWC)
        return Maps.of_output(self.output(prepared.tensor_CHW)), prepared

    def output(self, tensor_CHW: np.ndarray, whole_px: int = WHOLE_PX, tile_px: int = TILE_PX) -> np.ndarray:
        """Return what the locator gives for a prepared page, (5, H / 4, W / 4): in tiles beyond `whole_px` pixels.

        Tiles overlap by what a place of the maps depends on, so that their maps are those of the whole page.
        """
        _, height_px, width_px = tensor_CHW.shape
        if height_px * width_px <= whole_px:
            return self.maps_of(tensor_CHW[None])[0]
        output_CHW = np.empty((CHANNELS, height_px // STRIDE_PX, width_px // STRIDE_PX), np.float32)
        margin_px = self.description.receptive_px
        for rows in spans(height_px, tile_px, margin_px):
            for columns in spans(width_px, tile_px, margin_px):
                tile_CHW = np.ascontiguousarray(tensor_CHW[:, rows.seen, columns.seen])
                maps_CHW = self.maps_of(tile_CHW[None])[0]
                output_CHW[:, rows.kept, columns.kept] = maps_CHW[:, rows.inside, columns.inside]
        return output_CHW


class Span(NamedTuple):
    """A tile along one side: the pixels that it sees, the places of the page's maps kept of it, those in its own."""

    seen: slice
    kept: slice
    inside: slice


def spans(side_px: int, tile_px: int, margin_px: int) -> Iterator[Span]:
    """Yield tiles of `tile_px` along a side, each with `margin_px` or more beyond it where the page goes on.

    The side and the tiles are multiples of `TILE_STEP_PX`. A place is kept of one tile alone.
    """
    margin_px = -(-margin_px // TILE_STEP_PX) * TILE_STEP_PX
    for begin_px in range(0, side_px, tile_px):
        end_px = min(begin_px + tile_px, side_px)
        first_px, last_px = max(0, begin_px - margin_px), min(side_px, end_px + margin_px)
        kept = slice(begin_px // STRIDE_PX, end_px // STRIDE_PX)
        skipped = first_px // STRIDE_PX
        yield Span(slice(first_px, last_px), kept, slice(kept.start - skipped, kept.stop - skipped))


def open_locator(path: Path) -> LocatorReader:
    """Open a locator's safetensors or ONNX file.

    Raises `CheckpointError` for a file that is missing, damaged, foreign, or holds something else.
    """
    if is_onnx(path):
        reader = open_locator_onnx(path)
        expect_locator(reader.description, path)
        return reader
    from students.pages.torch_locator import open_locator_network  # torch is imported by those who read with it

    return open_locator_network(path)


def open_locator_onnx(path: Path) -> LocatorReader:
    """Open a verified ONNX file of a locator or of a locator's teacher."""
    from students.onnx_reader import session  # ONNX Runtime is imported by those who read with it

    description, blob = read_locator_onnx(path)
    return LocatorReader(description, path, session(blob, path, MAPS_OUTPUT))
