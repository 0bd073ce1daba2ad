"""Where the characters of a foreign model may stand, and what its maker wrote about how lines are prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from distill.adoption.dictionary import LARGEST_BYTES, SUFFIXES, Entries, fits, of_text, read_lists
from distill.adoption.foreign import Foreign
from distill.adoption.settings import DDDDOCR, Settings
from students.errors import DataError

METADATA = ("character", "characters", "charset", "vocab", "alphabet", "dict")  # keys under which makers write them
MOST_FILES = 40


def candidates(foreign: Foreign, n_classes: int, charset: Path | None) -> list[Entries]:
    """Lists that may be the characters: of the file given, else of the metadata, else of what lies next to the model.

    Raises `DataError` that says what to give where there is none.
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
    nearby = [entries for entries in _nearby(foreign.path, n_classes) if fits(entries, n_classes)]
    if nearby:
        return nearby
    raise DataError(
        f"{foreign.path}: its metadata holds no characters and no file next to it has as many as its {n_classes:,} "
        "classes; give --charset FILE (one character a line, or YAML, JSON or Python with a list)"
    )


def _nearby(path: Path, n_classes: int) -> Iterator[Entries]:
    """Lists of the text files in the model's folder, and of the package ddddocr for a model of as many classes."""
    files = [file for file in sorted(path.resolve().parent.iterdir()) if file.suffix.lower() in SUFFIXES][:MOST_FILES]
    spec = find_spec("ddddocr") if n_classes == DDDDOCR[2] else None
    if spec and spec.submodule_search_locations and not files:
        files.append(Path(spec.submodule_search_locations[0]) / "charsets.py")
    for file in files:
        if file.is_file() and file.stat().st_size <= LARGEST_BYTES:
            try:
                yield from read_lists(file)
            except DataError:  # some other file
                continue


def written_next_to(path: Path) -> tuple[Settings, str]:
    """What PaddleOCR's `inference.yml` next to a model says of its lines, and that file's name; nothing without one."""
    for file in sorted([*path.parent.glob("*.yml"), *path.parent.glob("*.yaml")]):
        try:
            steps = YAML(typ="safe").load(file.read_text("utf-8"))["PreProcess"]["transform_ops"]
            settings = {name: values or {} for step in steps for name, values in step.items()}
        except (OSError, YAMLError, UnicodeDecodeError, LookupError, TypeError, AttributeError):
            continue
        return _of_steps(settings), file.name
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
