"""The torch reader: images in, readings out, with the preparation and charset of the model file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from pydantic import ValidationError

from students.config import STUDENTS
from students.decode import Reading
from students.decoder import decoder_of
from students.decoding import Beam, Greedy
from students.errors import CheckpointError
from students.image import ImageInput
from students.model_file import Description, read_model
from students.parts import Recogniser

MODEL_NAME = "model.safetensors"
READ_BATCH = 32
Build = Callable[[dict[str, Any]], Callable[[int, int, int], Recogniser]]


class Reader:
    """Reads line images. `model` is in evaluation mode; one line alone and in a batch read the same.

    `decode` turns the posteriors of a line into its reading: as the model file says, until it is chosen anew.
    """

    def __init__(self, model: Recogniser, description: Description, path: Path) -> None:
        self.model = model.eval()
        self.description = description
        self.path = path
        self.decode_by(None)

    def decode_by(self, decoding: Greedy | Beam | None, review_below: float = 0.0) -> None:
        """Decode by other settings than the model file's (None: by those), asking for review below a confidence."""
        self.decode = decoder_of(decoding or self.description.decoding, self.description.charset, review_below)

    @overload
    def read(self, images: ImageInput) -> Reading: ...
    @overload
    def read(self, images: list[ImageInput]) -> list[Reading]: ...
    def read(self, images: ImageInput | list[ImageInput]) -> Reading | list[Reading]:
        """Read one image, or a list in its order.

        An image is a path, encoded bytes, a Pillow image, or a uint8 array (H, W) or (H, W, 3) RGB.
        Raises `DataError` naming the image that cannot be read.
        """
        if isinstance(images, list):
            return list(self.stream(images))
        return self._read_batch([images])[0]

    def stream(self, images: Iterable[ImageInput], batch_size: int = READ_BATCH) -> Iterator[Reading]:
        """Read any number of images lazily and in order, `batch_size` at a time."""
        iterator = iter(images)
        while batch := list(islice(iterator, batch_size)):
            yield from self._read_batch(batch)

    def _read_batch(self, images: list[ImageInput]) -> list[Reading]:
        """Lines of one padded width go through the model together."""
        prepare = self.description.preparation.prepare
        tensors = [prepare(image, f"image {i}") for i, image in enumerate(images)]
        by_width: dict[int, list[int]] = {}
        for i, tensor_CHW in enumerate(tensors):
            by_width.setdefault(tensor_CHW.shape[2], []).append(i)
        readings: dict[int, Reading] = {}
        for _, indices in sorted(by_width.items()):
            log_probabilities_NTC = self.log_probabilities(np.stack([tensors[i] for i in indices]))
            for i, log_probabilities_TC in zip(indices, log_probabilities_NTC, strict=True):
                readings[i] = self.decode(log_probabilities_TC)
        return [readings[i] for i in range(len(images))]

    def log_probabilities(self, images_NCHW: np.ndarray) -> np.ndarray:
        """Natural logarithms of the posteriors (N, T, C), under the temperature of the calibration."""
        device = next(self.model.parameters()).device
        with torch.inference_mode():
            logits_NTC = self.model(torch.from_numpy(images_NCHW).to(device)).logits_NTC.float()
        return (logits_NTC / self.description.calibration.temperature).log_softmax(-1).cpu().numpy()


def load_student(path: Path) -> Reader:
    """Open a student; a teacher is refused by name."""
    description, weights = read_model(path)
    if description.kind != "student":
        raise CheckpointError(f"{path}: holds a {description.kind}; open it with teachers.load")
    return assemble(path, description, weights, lambda a: STUDENTS.validate_python(a).build)


def assemble(path: Path, description: Description, weights: dict[str, np.ndarray], build: Build) -> Reader:
    """Build the described network and fill it; weights and network must match name by name, shape by shape."""
    preparation = description.preparation
    try:
        make = build(description.architecture)
        model = make(description.charset.n_classes, preparation.channels, preparation.height_px)
        model.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
    except (ValidationError, RuntimeError) as error:
        raise CheckpointError(f"{path}: weights and architecture do not match: {error}") from error
    return Reader(model, description, path)


def find_model(path_or_name: str | Path) -> Path:
    """The file meant by a file, or by a run folder (its `student`)."""
    path = Path(path_or_name)
    if path.is_dir():
        for candidate in (path / "student" / MODEL_NAME, path / MODEL_NAME):
            if candidate.is_file():
                return candidate
        raise CheckpointError(f"{path}: holds no student/{MODEL_NAME}; has the training finished?")
    if not path.is_file():
        raise CheckpointError(f"{path}: no such model file or run folder")
    return path
