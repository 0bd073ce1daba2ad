"""Everything a deployed reader needs, and nothing else: `reader = students.load("model.safetensors")`."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from students.charset import Charset
from students.decode import Character, Reading
from students.errors import CheckpointError, DataError, UserError
from students.image import Preparation

if TYPE_CHECKING:
    from students.reading import Reader

__all__ = [
    "Character",
    "Charset",
    "CheckpointError",
    "DataError",
    "Preparation",
    "Reading",
    "UserError",
    "load",
]


def load(path_or_name: str | PathLike[str]) -> Reader:
    """Open a student: a safetensors or ONNX file, or a run folder (meaning its student).

    Raises `CheckpointError` for a file that is missing, damaged, foreign, or a teacher.
    """
    from students.model_file import ONNX_SUFFIX, expect_student, find_model

    path = find_model(str(path_or_name))
    if path.suffix == ONNX_SUFFIX:
        from students.onnx_reader import open_onnx

        reader = open_onnx(path)
        expect_student(reader.description, path)
        return reader
    from students.reader import open_student  # torch is imported by those who read with it

    return open_student(path)
