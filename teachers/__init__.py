"""Large CRNN teachers on timm backbones: `reader = teachers.load("scene")`."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from students.pages.locate import LocatorReader
    from students.pages.reader import PageReader
    from students.reader import Reader

__all__ = ["load", "load_locator", "load_page"]


def load(path_or_name: str | PathLike[str]) -> Reader:
    """Open a teacher or a student: a safetensors or ONNX file, a run folder (meaning its student), a shipped teacher.

    A name is that of a shipped teacher; `students.load` opens shipped students. Raises `CheckpointError` for a file
    that is missing, damaged or foreign.
    """
    from students.model_file import is_onnx, read_model
    from teachers.shipped import find_teacher

    path = find_teacher(path_or_name)
    if is_onnx(path):
        from students.onnx_reader import open_onnx

        return open_onnx(path)
    from students.config import STUDENTS
    from students.torch_reader import assemble

    description, weights = read_model(path)
    if description.kind == "student":
        return assemble(path, description, weights, lambda a: STUDENTS.validate_python(a).build)
    from teachers.crnn import TEACHERS  # timm costs seconds: only where a teacher is opened

    return assemble(path, description, weights, lambda a: TEACHERS.validate_python(_undownloaded(a)).build)


def load_locator(path: str | PathLike[str]) -> LocatorReader:
    """Open a locator, a locator's teacher, or the locator of a file of both networks.

    `path` is a safetensors or ONNX file, a run folder (meaning its student), or the name of a shipped model.

    Raises `CheckpointError` for a file that is missing, damaged, foreign, or holds something else.
    """
    from students.model_file import is_onnx, kind_of
    from students.pages.locate import open_locator_onnx
    from students.pages.model_file import read_locator
    from students.pages.opening import locator_at
    from students.pages.torch_locator import assemble_locator
    from teachers.shipped import find_student_or_teacher

    path = find_student_or_teacher(path)
    if is_onnx(path):
        return open_locator_onnx(path)
    if kind_of(path) in ("locator", "pages"):
        return locator_at(path)
    description, weights = read_locator(path)
    from teachers.locator import LOCATOR_TEACHERS  # timm costs seconds: only where a teacher is opened

    return assemble_locator(path, description, weights, lambda a: LOCATOR_TEACHERS.validate_python(_undownloaded(a)))


def load_page(locator: str | PathLike[str], recogniser: str | PathLike[str] | None = None) -> PageReader:
    """Open a reader of pages as `students.load_page` does; beside a `recogniser`, either network may be a teacher.

    Names are those of shipped students, and `teachers/NAME`. Raises `CheckpointError` as `students.load_page` does.
    """
    import students

    if recogniser is None:
        return students.load_page(locator)
    from students.pages.reader import PageReader
    from teachers.shipped import find_student_or_teacher

    return PageReader(load_locator(locator), load(find_student_or_teacher(recogniser)))


def _undownloaded(architecture: dict[str, Any]) -> dict[str, Any]:
    """The same architecture without pretrained weights, since its own follow."""
    return architecture | ({"pretrained": False} if "pretrained" in architecture else {})
