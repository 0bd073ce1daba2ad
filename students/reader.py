"""The one reader: prepares, batches, decodes and keeps the order, whatever computes the logits.

No torch here. `torch_reader.py` puts a torch network behind it, `onnx_reader.py` an ONNX graph.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, overload

import numpy as np

from students.calibration import tempered
from students.decoder import decoder_of
from students.decoding_settings import Beam, Greedy
from students.errors import CheckpointError, DataError
from students.image import ImageInput
from students.model_file import Description
from students.reading import Reading
from students.showing import Readings, ShownLines, shown_readings
from students.turning import WAYS, Turned, surest

if TYPE_CHECKING:
    from students.parts import Recogniser

READ_BATCH = 32
CLASSES_A_BATCH = 2**18  # lines times classes that are read together: with thousands of classes memory runs short
WINDOW = 32 * READ_BATCH  # lines of a list that are sorted by width together
NamedImage = tuple[str, ImageInput]
Ways = list[tuple[int, np.ndarray]]  # quarter turns, and the line after them, padded, still uint8
LogitsOf = Callable[[np.ndarray], np.ndarray]
LogSoftmax = Callable[[np.ndarray, float], np.ndarray]


def of_one_width(widths_px: Sequence[int], most: int) -> Iterator[tuple[int, list[int]]]:
    """Yield lines of one padded width together, the narrowest first: that width in px, and the numbers of the lines.

    Every line comes once, at most `most` of them at a time, those of a width in their order.
    """
    by_width: dict[int, list[int]] = {}
    for i, width_px in enumerate(widths_px):
        by_width.setdefault(width_px, []).append(i)
    for width_px, same in sorted(by_width.items()):
        for first in range(0, len(same), most):
            yield width_px, same[first : first + most]


def after_turns(reading: Reading, quarters: int) -> Reading:
    """Return the reading as that of a picture after so many quarter turns against the clock."""
    return replace(reading, quarters=quarters) if quarters else reading


def _named(images: Iterable[ImageInput]) -> Iterator[NamedImage]:
    """Each image with what errors call it: a picture that was opened from a file by that, others by their number."""
    for number, image in enumerate(images):
        yield getattr(image, "filename", "") or f"image {number}", image


class Reader:
    """Reads line images. `logits_of` maps prepared images (N, channels, H, W) to logits (N, T, C), float32.

    One line alone and in a batch read the same: a batch holds lines of one padded width. `decode` turns the posteriors
    of a line into its reading: as the model file sets it, until it is chosen anew. `log_softmax` computes the same as
    `tempered`, with thousands of classes faster by what computes the logits than by numpy.
    """

    def __init__(
        self,
        description: Description,
        path: Path,
        logits_of: LogitsOf,
        network: Recogniser | None = None,
        log_softmax: LogSoftmax = tempered,
    ) -> None:
        self.description = description
        self.path = path
        self.logits_of = logits_of
        self._log_softmax = log_softmax
        self._network = network
        self.decode_by(None)

    def decode_by(self, decoding: Greedy | Beam | None, review_below: float = 0.0) -> None:
        """Decode by other settings than the model file's (None: by those), asking for review below a confidence."""
        self._decode_all = decoder_of(decoding or self.description.decoding, self.description.charset, review_below)

    def turn_by(self, turned: Turned | None) -> None:
        """Read tall pictures otherwise than the model file says (None: as it says); see `students.turning`.

        Raises `DataError` for a way that there is not.
        """
        if turned is not None:
            if turned not in WAYS:
                raise DataError(f"turned {turned!r}: tall pictures are read in one of these ways: {', '.join(WAYS)}")
            preparation = self.description.preparation.model_copy(update={"turned": turned})
            self.description = self.description.model_copy(update={"preparation": preparation})

    def decode(self, log_probabilities_TC: np.ndarray) -> Reading:
        """Return the reading of one line from its log-posteriors (T, C), natural logarithms of valid frames."""
        return self._decode_all(log_probabilities_TC[None])[0]

    @property
    def model(self) -> Recogniser:
        """Return the torch network; raises `CheckpointError` for a file that holds none."""
        if self._network is None:
            raise CheckpointError(f"{self.path}: holds a graph to read with and no torch network; give the safetensors")
        return self._network

    @overload
    def read(self, images: ImageInput) -> Reading: ...
    @overload
    def read(self, images: list[ImageInput]) -> Readings: ...
    def read(self, images: ImageInput | list[ImageInput]) -> Reading | Readings:
        """Read one image, or a list in its order.

        An image is a path, encoded bytes, a Pillow image, or a uint8 array (H, W) or (H, W, 3) RGB.
        Raises `DataError` naming the image that cannot be read.
        """
        if isinstance(images, list):
            return Readings(self._read_windows(_named(images), WINDOW, READ_BATCH))
        return self._read_window(list(_named([images])), 1)[0]

    def show(self, images: ImageInput | list[ImageInput]) -> ShownLines:
        """Read one image or a list, for a person to look at: a notebook shows each picture beside its reading.

        Raises `DataError` naming the image that cannot be read.
        """
        every = images if isinstance(images, list) else [images]
        return shown_readings(every, self.read(every))

    def read_each(
        self, images: list[ImageInput], batch_size: int = READ_BATCH, names: Sequence[str] | None = None
    ) -> list[Reading | DataError]:
        """Read a list in its order; an image that cannot be read has its error there and costs the others nothing.

        Errors name the images by `names`, without them by path or number.
        """
        named = _named(images) if names is None else zip(names, images, strict=True)
        return list(self._read_each_window(named, batch_size))

    def _read_each_window(self, named: Iterator[NamedImage], batch_size: int) -> Iterator[Reading | DataError]:
        while some := list(islice(named, WINDOW)):
            prepared = [self._prepared_or_error(each) for each in some]
            pictures = [each for each in prepared if not isinstance(each, DataError)]
            readings = iter(self._read_prepared(pictures, batch_size))
            yield from (each if isinstance(each, DataError) else next(readings) for each in prepared)

    def _prepared_or_error(self, named: NamedImage) -> Ways | DataError:
        name, image = named
        try:
            return self.description.preparation.prepare_ways(image, name)
        except DataError as error:
            return error

    def stream(self, images: Iterable[ImageInput], batch_size: int = READ_BATCH) -> Iterator[Reading]:
        """Read any number of images lazily and in order, `batch_size` at a time; raises `DataError` for less than 1."""
        if batch_size < 1:
            raise DataError(f"batch_size {batch_size}: at least one line is read at a time")
        return self._read_windows(_named(images), batch_size, batch_size)

    def _read_windows(self, named: Iterator[NamedImage], window: int, batch_size: int) -> Iterator[Reading]:
        while some := list(islice(named, window)):
            yield from self._read_window(some, batch_size)

    def _read_window(self, named: list[NamedImage], batch_size: int) -> list[Reading]:
        prepare = self.description.preparation.prepare_ways
        return self._read_prepared([prepare(image, name) for name, image in named], batch_size)

    def _read_prepared(self, pictures: Sequence[Ways], batch_size: int) -> list[Reading]:
        """Lines of one padded width go through the model together, at most `batch_size` of them.

        Of a picture that is read in several ways the surest reading is kept.
        """
        lines = [(quarters, levels_CHW) for ways in pictures for quarters, levels_CHW in ways]
        normalised = self.description.preparation.normalised
        readings: dict[int, Reading] = {}
        most = max(1, min(batch_size, CLASSES_A_BATCH // self.description.charset.n_classes))
        for _, indices in of_one_width([levels_CHW.shape[2] for _, levels_CHW in lines], most):
            images_NCHW = normalised(np.stack([lines[i][1] for i in indices]))
            log_probabilities_NTC = self.log_probabilities(images_NCHW)
            readings |= zip(indices, self._decode_all(log_probabilities_NTC), strict=True)
        in_order = (after_turns(readings[i], quarters) for i, (quarters, _) in enumerate(lines))
        return [surest(islice(in_order, len(ways))) for ways in pictures]

    def log_probabilities(self, images_NCHW: np.ndarray) -> np.ndarray:
        """Return natural logarithms of the posteriors (N, T, C), under the temperature of the calibration."""
        return self._log_softmax(self.logits_of(images_NCHW), self.description.calibration.temperature)
