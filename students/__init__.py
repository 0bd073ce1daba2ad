"""Everything a deployed reader needs, and nothing else: `reader = students.load("model.safetensors")`."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from students.charset import Charset
from students.decode import Character, Reading
from students.decoding import Beam, Greedy
from students.errors import CheckpointError, DataError, UserError
from students.image import Preparation

if TYPE_CHECKING:
    from students.reader import Reader

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
]


def load(path_or_name: str | PathLike[str], decoding: Greedy | Beam | None = None, review_below: float = 0.0) -> Reader:
    """Open a student: a model file, or a run folder (meaning its student).

    `decoding` takes the place of the model file's own; readings whose confidence is below `review_below` ask for
    review. Raises `CheckpointError` for a file that is missing, damaged, foreign, or a teacher; `DataError` for a
    decoding that the charset cannot follow.
    """
    from students.reader import find_model, load_student  # torch is imported by those who read with it

    reader = load_student(find_model(str(path_or_name)))
    reader.decode_by(decoding, review_below)
    return reader
