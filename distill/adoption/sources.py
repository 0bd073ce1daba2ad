"""Where the characters of a foreign model may stand, and what its maker wrote about how lines are prepared."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from distill.adoption.dictionary import LARGEST_BYTES, SUFFIXES, Entries, fits, of_text, read_lists
from distill.adoption.foreign import Foreign
from distill.adoption.presets import KNOWN, PACKAGED, PRESETS
from distill.adoption.settings import Settings, problems_in
from students.errors import DataError

METADATA = ("character", "characters", "charset", "vocab", "alphabet", "dict")  # keys under which makers write them
MOST_FILES = 40  # files looked at
ABOVE = 2  # folders above the model's, where only files that are named as a dictionary count
NAMED = ("dict", "char", "vocab", "keys", "label", "alphabet")
DOCTR = {"arch", "vocab", "mean", "std"}  # keys of the config.json next to a model of docTR or OnnxTR


def candidates(foreign: Foreign, n_classes: int, charset: Path | None, preset: str | None) -> list[Entries]:
    """Return lists that may be the characters: of the file given, else of the metadata, else of files beside the model.

    Where there is none, of the folders above, of an installed package with a model of as many classes, and of what
    makers have in their programs. Raises `DataError` that says what to give where nothing fits.
    """
    if charset is not None:
        found = read_lists(charset)
        fitting = [entries for entries in found if fits(entries, n_classes)]
        return fitting or [max(found, key=lambda each: len(each.entries))]
    inside = [
        Entries(f"metadata key {key}", entries)
        for key in METADATA
        if key in foreign.metadata and len(entries := of_text(foreign.metadata[key])) > 1
    ]
    if inside:
        return inside[:1]
    for lists in (_nearby(foreign.path), _above(foreign.path), _packaged(n_classes)):
        if fitting := [entries for entries in lists if fits(entries, n_classes)]:
            return fitting
    if known := known_lists(n_classes, preset):
        return known
    raise no_characters(foreign, n_classes)


def no_characters(foreign: Foreign, n_classes: int) -> DataError:
    """Return the error for a model whose characters are nowhere to be found."""
    return DataError(
        f"{foreign.path}: its metadata holds no characters and no file next to it has as many as its {n_classes:,} "
        "classes; give --charset FILE (one character a line, or YAML, JSON or Python with a list)"
    )


def known_lists(n_classes: int, preset: str | None) -> list[Entries]:
    """Return the makers' own lists, of a preset or of all, that are as long as so many classes and a blank want."""
    families = [preset] if preset is not None else list(KNOWN)
    named = {name: each for family in families for name, each in KNOWN.get(family, {}).items()}
    return [Entries(name, tuple(each)) for name, each in named.items() if len(each) == n_classes - 1]


def _nearby(path: Path) -> Iterator[Entries]:
    """Lists of the text files in the model's folder."""
    return _lists_of([file for file in _files(path.resolve().parent) if file.suffix.lower() in SUFFIXES][:MOST_FILES])


def _above(path: Path) -> Iterator[Entries]:
    """Lists of the files in the folders above that are named as a dictionary is."""
    folders = list(path.resolve().parents)[1 : 1 + ABOVE]
    return _lists_of(
        file
        for folder in folders
        for file in _files(folder)
        if file.suffix.lower() in SUFFIXES and any(word in file.name.lower() for word in NAMED)
    )


def _packaged(n_classes: int) -> Iterator[Entries]:
    """Lists of an installed package that has a model of as many classes."""
    if n_classes in PACKAGED:
        package, file = PACKAGED[n_classes]
        spec = find_spec(package)
        if spec and spec.submodule_search_locations:
            for entries in _lists_of([Path(spec.submodule_search_locations[0]) / file]):
                yield Entries(f"{entries.where} of the package {package}", entries.entries)


def _files(folder: Path) -> Sequence[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:  # a folder above that one may not look into
        return []


def _lists_of(files: Iterable[Path]) -> Iterator[Entries]:
    for file in files:
        with contextlib.suppress(DataError, OSError):  # some other file
            if file.is_file() and file.stat().st_size <= LARGEST_BYTES:
                yield from read_lists(file)


def written_next_to(path: Path) -> tuple[Settings, str]:
    """Return what PaddleOCR's `inference.yml` or docTR's `config.json` beside a model says of lines, and its name.

    Nothing without one.
    """
    for file in sorted([*path.parent.glob("*.yml"), *path.parent.glob("*.yaml")]):
        try:
            steps = YAML(typ="safe").load(file.read_text("utf-8"))["PreProcess"]["transform_ops"]
            settings = {name: values or {} for step in steps for name, values in step.items()}
        except (OSError, YAMLError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
            continue
        try:
            return _of_steps(settings), file.name
        except (ValueError, TypeError, AttributeError) as error:
            reason = problems_in(error) if isinstance(error, ValidationError) else str(error)
            raise DataError(
                f"{file}: what it says of the lines cannot be used ({reason}); correct it, or move it away and say by "
                "--describe what the model wants"
            ) from error
    for file in sorted(path.parent.glob("*.json")):
        with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # some other file
            config = json.loads(file.read_text("utf-8")) if file.stat().st_size <= LARGEST_BYTES else None
            if isinstance(config, dict) and config.keys() >= DOCTR:
                return _of_doctr(config), file.name
    return Settings(), ""


def _of_steps(settings: Mapping[str, Any]) -> Settings:
    known: dict[str, Any] = {}
    colour = str(settings.get("DecodeImage", {}).get("img_mode", "")).lower()
    if colour in ("rgb", "bgr"):
        known["colour"] = colour
    sizes = settings.get("RecResizeImg", {}).get("image_shape")
    if isinstance(sizes, list) and len(sizes) == 3:
        known |= {"height_px": int(sizes[1]), "least_width_px": int(sizes[2])}
    return Settings.model_validate(known)


def _of_doctr(config: Mapping[str, Any]) -> Settings:
    levels = {
        key: tuple(round(255 * float(value), 3) for value in config[name])
        for key, name in (("mean", "mean"), ("deviation", "std"))
    }
    known: dict[str, Any] = {**levels, "height_px": int(config.get("input_shape", (3, 32, 128))[1])}
    return Settings.model_validate(known).over(PRESETS["onnxtr"])
