"""Everything a deployed reader needs, and nothing else: `reader = students.load("model.safetensors")`."""

from __future__ import annotations

import os
from os import PathLike
from typing import TYPE_CHECKING

from students.charset import Charset
from students.decoding_settings import Beam, Greedy
from students.errors import CheckpointError, DataError, UserError
from students.image import Preparation
from students.reading import Character, Reading

if TYPE_CHECKING:
    from students.pages.reader import PageReader
    from students.reader import Reader
    from students.turning import Turned

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime reads it when it is imported, and reports otherwise

__version__ = "0.1.0"  # of the suite, of the students alone, and of the teachers: every wheel takes it from here

__all__ = [
    "Beam",
    "Character",
    "Charset",
    "CheckpointError",
    "DataError",
    "Greedy",
    "Preparation",
    "Reading",
    "UserError",
    "load",
    "load_page",
]


def load(
    path_or_name: str | PathLike[str],
    decoding: Greedy | Beam | None = None,
    review_below: float = 0.0,
    turned: Turned | None = None,
) -> Reader:
    """Open a student: a safetensors or ONNX file, a run folder (meaning its student), or a shipped one by its name.

    `decoding` and `turned` (how tall pictures are read: `never`, `tall`, `surer`) take the place of the model file's
    own; readings whose confidence is below `review_below` ask for review. Raises `CheckpointError` for a file that is
    missing, damaged, foreign, or a teacher; `DataError` for a decoding that the charset cannot follow.
    """
    from students.model_file import expect_student, is_onnx
    from students.shipped import find_model

    path = find_model(str(path_or_name))
    try:
        if is_onnx(path):
            from students.onnx_reader import open_onnx

            reader = open_onnx(path)
            expect_student(reader.description, path)
        else:
            from students.torch_reader import open_student  # torch is imported by those who read with it

            reader = open_student(path)
    except ModuleNotFoundError as error:
        extra = {"onnxruntime": "onnx", "torch": "torch"}.get(str(error.name))
        if extra is None:
            raise
        raise CheckpointError(
            f"{path}: is read with {error.name}, which is not installed: pip install 'crnn-students[{extra}]' "
            "(where crnn-distill is installed, that with the same extra)"
        ) from error
    reader.decode_by(decoding, review_below)
    reader.turn_by(turned)
    return reader


def load_page(
    locator: str | PathLike[str],
    recogniser: str | PathLike[str] | None = None,
    decoding: Greedy | Beam | None = None,
    review_below: float = 0.0,
    turned: Turned | None = None,
) -> PageReader:
    """Open a reader of whole pages: one file or exported folder of both networks, or a locator and a recogniser.

    Each is a safetensors or ONNX file, a run folder (meaning its student), or a shipped one by its name; with a
    `recogniser` a file of both networks gives its locator alone. `decoding`, `review_below` and `turned` are those of
    `load`. Raises `CheckpointError` for a file that is missing, damaged, foreign, a teacher, or in the other one's
    place, and `DataError` where OpenCV is not installed.
    """
    try:
        from students.pages.opening import open_page_reader
    except ModuleNotFoundError as error:
        if error.name != "cv2":
            raise
        raise DataError("pages need OpenCV, which is not installed: pip install 'crnn-distill[pages]'") from error

    reader = open_page_reader(locator, recogniser)
    reader.recogniser.decode_by(decoding, review_below)
    reader.recogniser.turn_by(turned)
    return reader
