"""Finished models by their names: which file a path, a run folder, or the name of a shipped model means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from students.errors import CheckpointError
from students.model_file import MODEL_NAME, ONNX_SUFFIX

SHIPPED = Path(__file__).parent / "weights"  # students that come with the package, by their names
LANGUAGE_SUFFIX = ".lm"  # of the language models beside them
MOST_NAMED = 5
PAGE_READERS = ("pages",)  # among them, of both networks that read pages


@dataclass(frozen=True)
class Named:
    """Finished models that have names: what they are, their files by name, and what to say where a name is unknown."""

    what: str
    files: Mapping[str, Path]
    known: str


def shipped_students() -> Named:
    """Return the students that come with the package; page readers are found by their names, but are no students.

    Where torch is not installed, a name means the ONNX file that was exported from the same weights, if there is one.
    """
    files = {file.stem: file for file in sorted(SHIPPED.glob("*.safetensors"), key=lambda file: file.stem)}
    if find_spec("torch") is None:
        files |= {file.stem: file for file in sorted(SHIPPED.glob(f"*{ONNX_SUFFIX}"))}
    return Named("student", files, ", ".join(name for name in files if name not in PAGE_READERS))


def find_model(path_or_name: str | Path, named: Named | None = None) -> Path:
    """Return the file meant by a file, a run folder (its `student`), or a name among `named` (None: shipped students).

    A file or a run folder of that name comes first; any other folder of that name does not count. Raises
    `CheckpointError` where nothing is meant.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    for candidate in (path / "student" / MODEL_NAME, path / MODEL_NAME):
        if candidate.is_file():
            return candidate
    names = named or shipped_students()
    if (file := names.files.get(path.as_posix())) and not (path / "recipe.yaml").is_file():
        return file
    if path.is_dir():
        there = sorted(file.relative_to(path).as_posix() for file in _models_in(path))
        meant = f" It holds {', '.join(there[:MOST_NAMED])}: name the file that is meant" if there else ""
        raise CheckpointError(f"{path}: holds no student/{MODEL_NAME}; has the training finished?{meant}")
    missing = f"no such model file or run folder, and no shipped {names.what}"
    raise CheckpointError(f"{path}: {missing}; there are {names.known}")


def find_language(path_or_name: str) -> Path:
    """Return the file meant by a file that `distill lm` wrote, or by the name of a shipped language model.

    A file of that name comes first. Raises `CheckpointError` where nothing is meant.
    """
    path = Path(path_or_name)
    if path.is_file():
        return path
    shipped = {file.stem: file for file in SHIPPED.glob(f"*{LANGUAGE_SUFFIX}")}
    if path_or_name not in shipped:
        known = ", ".join(sorted(shipped))
        raise CheckpointError(f"{path}: no such file, and no shipped language model; there is {known}")
    return shipped[path_or_name]


def _models_in(folder: Path) -> Iterator[Path]:
    """Files that are named as models, in a folder and in those in it: what was exported, a teacher, a part of pages."""
    for file in (*folder.glob("*"), *folder.glob("*/*")):
        if file.suffix.lower() in (ONNX_SUFFIX, Path(MODEL_NAME).suffix) and file.is_file():
            yield file
