"""Large CRNN teachers on timm backbones: `reader = teachers.load("scene")`."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from students.reading import Reader

__all__ = ["load"]


def load(path_or_name: str | PathLike[str]) -> Reader:
    """Open a teacher or a student: a safetensors or ONNX file, a run folder (meaning its student), a shipped teacher.

    A name is that of a shipped teacher; `students.load` opens shipped students. Raises `CheckpointError` for a file
    that is missing, damaged or foreign.
    """
    from students.model_file import ONNX_SUFFIX, read_model
    from teachers.shipped import find_teacher

    path = find_teacher(path_or_name)
    if path.suffix == ONNX_SUFFIX:
        from students.onnx_reader import open_onnx

        return open_onnx(path)
    from students.config import STUDENTS
    from students.reader import assemble

    description, weights = read_model(path)
    if description.kind == "student":
        return assemble(path, description, weights, lambda a: STUDENTS.validate_python(a).build)
    from teachers.crnn import TEACHERS  # timm costs seconds: only where a teacher is opened

    unpretrained = description.architecture | (
        {"pretrained": False} if "pretrained" in description.architecture else {}
    )
    return assemble(path, description, weights, lambda _: TEACHERS.validate_python(unpretrained).build)
