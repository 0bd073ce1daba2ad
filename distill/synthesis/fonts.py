"""Finds the font faces of named families and checks that they have every character.

Families come from folders given by the user, from installed `fontpkg-<family>` packages, from the fonts inside
matplotlib and from the system's. A variable font gives several faces, one a weight and width; a static one gives one.
"""

import difflib
import importlib.util
import itertools
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path

import torch
from fontTools.ttLib import TTCollection, TTFont

from students.errors import DataError

log = logging.getLogger(__name__)

WEIGHTS = (300.0, 400.0, 500.0, 700.0)
WIDTHS = (100.0, 85.0)
_LIGHTEST, _BOLDEST = 300, 700
_SUFFIXES = {".ttf", ".otf", ".ttc", ".otc"}
_SYSTEM_FOLDERS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "~/.fonts",
    "~/.local/share/fonts",
    "/System/Library/Fonts",
    "/Library/Fonts",
    "~/Library/Fonts",
    "C:/Windows/Fonts",
)
_MATPLOTLIB = {
    "dejavu-sans": "DejaVuSans",
    "dejavu-sans-mono": "DejaVuSansMono",
    "dejavu-serif": "DejaVuSerif",
    "stix-general": "STIXGeneral",
}


@dataclass(frozen=True, order=True)
class FontFace:
    """One face: a font of a file, and for a variable one the value of each axis, in the file's order."""

    family: str
    name: str
    path: Path
    axes: tuple[tuple[str, float], ...] = ()
    index: int = 0  # of the font, where a file holds a collection


@dataclass(frozen=True)
class _Font:
    """One font of a file: a collection holds several."""

    path: Path
    index: int
    family: str
    weight: int
    axes: tuple[tuple[str, float, float, float], ...]
    characters: frozenset[int]


def find_faces(families: tuple[str, ...], characters: str, folders: tuple[Path, ...] = ()) -> list[FontFace]:
    """Return all faces of `families` that have `characters`, sorted by family and name.

    A family in `folders` wins over an installed one. Thin and black files (weight below 300 or above 700) are
    left out, and so are files that miss a character: those are logged. Raises DataError for an unknown
    family, an unreadable font file, or if no face remains of a family.
    """
    in_folders = _folder_families(folders)
    faces: list[FontFace] = []
    for family in sorted(set(families)):
        fonts = in_folders.get(family) or _installed(family) or _system_families().get(family)
        if not fonts:
            raise DataError(_unknown(family, {*in_folders, *_system_families()}))
        faces.extend(_usable(family, fonts, characters))
    if not faces:
        raise DataError("no font family is named (fonts): name at least one, e.g. dejavu-sans")
    return sorted(faces)


def by_family(faces: Iterable[FontFace]) -> list[list[FontFace]]:
    """Return the faces of each family, families and faces sorted."""
    return [list(of_family) for _, of_family in itertools.groupby(sorted(faces), key=lambda face: face.family)]


def sample_face(families: list[list[FontFace]], generator: torch.Generator) -> FontFace:
    """Sample one face, each family being equally likely, however many faces it has."""
    first, second = torch.rand(2, generator=generator).tolist()
    own = families[int(first * len(families))]
    return own[int(second * len(own))]


def slug(family: str) -> str:
    """Return the family name as it is written in recipes: "IBM Plex Mono" becomes "ibm-plex-mono"."""
    return re.sub(r"[^a-z0-9]+", "-", family.lower()).strip("-")


def installed_families() -> list[str]:
    """Return the families that installed packages offer: a `fontpkg-` package each, and matplotlib's own."""
    names = {slug(each.metadata["Name"] or "") for each in distributions()}
    found = {name.removeprefix("fontpkg-") for name in names if name.startswith("fontpkg-")}
    return sorted(found | (set(_MATPLOTLIB) if "matplotlib" in names else set()))


def characters_of_families(folders: tuple[Path, ...] = (), system: bool = False) -> dict[str, frozenset[int]]:
    """Return the code points that the upright face of each known family has: those in folders, and installed packages.

    With `system` those of the system's fonts come as well. Raises `DataError` for a folder that is not there.
    """
    found = {family: fonts for family in installed_families() if (fonts := _installed(family))}
    found |= (_system_families() if system else {}) | _folder_families(folders)
    return {family: frozenset.union(*(font.characters for font in fonts)) for family, fonts in sorted(found.items())}


def characters_of(family: str) -> frozenset[int]:
    """Return the code points that every file of an installed family has; none where it is not installed."""
    fonts = _installed(family)
    return frozenset.intersection(*(font.characters for font in fonts)) if fonts else frozenset()


def _usable(family: str, fonts: list[_Font], characters: str) -> Iterator[FontFace]:
    missing: dict[str, str] = {}
    n_faces = 0
    for font in fonts:
        path = font.path
        lacking = "".join(sorted({c for c in characters if ord(c) not in font.characters}))
        if lacking:
            missing[path.name] = lacking
            continue
        if not font.axes and not _LIGHTEST <= font.weight <= _BOLDEST:
            continue
        for axes in _instances(font):
            n_faces += 1
            values = ",".join(f"{tag}={value:g}" for tag, value in axes)
            yield FontFace(family, f"{path.stem}@{values}" if values else path.stem, path, axes, font.index)
    for name, lacking in missing.items():
        log.warning("font file %s of family %s is left out: it has no %r", name, family, lacking)
    if not n_faces:
        reason = next((f"{name} has no {chars!r}" for name, chars in missing.items()), "too thin or too bold")
        raise DataError(f"font family {family}: no face can be used ({reason}): leave the family or the characters out")


def _instances(font: _Font) -> Iterator[tuple[tuple[str, float], ...]]:
    """The usual weights, upright width and condensed; other axes keep their default."""
    choices = []
    for tag, low, default, high in font.axes:
        wanted = {"wght": WEIGHTS, "wdth": WIDTHS}.get(tag, ())
        choices.append([(tag, value) for value in wanted if low <= value <= high] or [(tag, default)])
    return itertools.product(*choices) if choices else iter([()])


def _installed(family: str) -> list[_Font]:
    return [font for path in _installed_files(family) for font in _read(path)]


def _installed_files(family: str) -> list[Path]:
    if family in _MATPLOTLIB:
        folder = _package_folder("matplotlib", "mpl-data/fonts/ttf")
        pattern = re.compile(_MATPLOTLIB[family] + r"(-\w+|Bol|BolIta|Italic)?")
        return [path for path in _font_files(folder) if pattern.fullmatch(path.stem)]
    return _font_files(_package_folder("fontpkg_" + family.replace("-", "_"), "files"))


def _package_folder(module: str, inside: str) -> Path | None:
    """A folder inside an installed package, which is not imported."""
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    return Path(spec.origin).parent / inside if spec and spec.origin else None


def _font_files(folder: Path | None) -> list[Path]:
    if folder is None or not folder.is_dir():
        return []
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)


@lru_cache(maxsize=1)
def _system_families() -> dict[str, list[_Font]]:
    families: dict[str, list[_Font]] = {}
    for path in (path for folder in _SYSTEM_FOLDERS for path in _font_files(Path(folder).expanduser())):
        for font in _read_if_whole(path):
            families.setdefault(font.family, []).append(font)
    return families


def _read_if_whole(path: Path) -> tuple[_Font, ...]:
    """The fonts of a file of the system, for which nobody here answers: a damaged one is left out with a warning."""
    try:
        return _read(path)
    except DataError as error:
        log.warning("%s", error)
        return ()


def _folder_families(folders: tuple[Path, ...]) -> dict[str, list[_Font]]:
    families: dict[str, list[_Font]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"font folder {folder} does not exist: correct the path or leave it out")
        for path in _font_files(folder):
            for font in _read(path):
                families.setdefault(font.family, []).append(font)
    return families


@lru_cache(maxsize=4096)
def _read(path: Path) -> tuple[_Font, ...]:
    try:
        if path.suffix.lower() in (".ttc", ".otc"):
            with TTCollection(path, lazy=True) as collection:
                return tuple(_described(path, index, font) for index, font in enumerate(collection.fonts))
        with TTFont(path, lazy=True, fontNumber=0) as font:
            return (_described(path, 0, font),)
    except Exception as error:  # fontTools raises whatever a damaged table makes it stumble over
        raise DataError(f"font file {path} cannot be read ({error}): replace or remove it") from error


def _described(path: Path, index: int, font: TTFont) -> _Font:
    axes = font["fvar"].axes if "fvar" in font else []
    names = font["name"]
    return _Font(
        path=path,
        index=index,
        family=slug(names.getDebugName(16) or names.getDebugName(1) or path.stem),
        weight=font["OS/2"].usWeightClass if "OS/2" in font else 400,
        axes=tuple((axis.axisTag, axis.minValue, axis.defaultValue, axis.maxValue) for axis in axes),
        characters=frozenset(font.getBestCmap() or ()),
    )


def _unknown(family: str, in_folders: set[str]) -> str:
    known = sorted(in_folders | set(installed_families()))
    near = difflib.get_close_matches(family, known, n=3, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else f"{len(known)} families are known"
    package = "matplotlib" if family in _MATPLOTLIB else f"fontpkg-{slug(family)}"
    return f"font family {family} is not installed (fonts; {hint}): correct the name or `pip install {package}`"
