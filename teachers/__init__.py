"""Large CRNN teachers on timm backbones: `reader = teachers.load("teacher/model.safetensors")`."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from students.reader import Reader

__all__ = ["load"]


def load(path_or_name: str | PathLike[str]) -> Reader:
    """Open a teacher or a student: a model file, or a run folder (meaning its student).

    Raises `CheckpointError` for a file that is missing, damaged or foreign.
    """
    from students.config import STUDENTS
    from students.model_file import read_model
    from students.reader import assemble, find_model

    path = find_model(Path(path_or_name))
    description, weights = read_model(path)
    if description.kind == "student":
        return assemble(path, description, weights, lambda a: STUDENTS.validate_python(a).build)
    from teachers.crnn import TEACHERS  # timm costs seconds: only where a teacher is opened

    unpretrained = description.architecture | (
        {"pretrained": False} if "pretrained" in description.architecture else {}
    )
    return assemble(path, description, weights, lambda _: TEACHERS.validate_python(unpretrained).build)
