"""Finds the font faces of named families and checks that they have every character.

Families come from folders given by the user, from installed packages, `fontpkg-<family>` and those of
`font_packages.py`, and from the system. A variable font gives several faces, one a weight and width; a static one one.
"""

import difflib
import importlib.util
import itertools
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.metadata import distributions
from pathlib import Path

import torch

from distill.data.characters import in_short
from distill.synthesis.font_files import COLLECTIONS, Font, font_files, read_fonts, read_if_whole, slug
from distill.synthesis.font_packages import MATPLOTLIB, PACKAGES, how_to_install
from students.errors import DataError

log = logging.getLogger(__name__)

WEIGHTS = (300.0, 400.0, 500.0, 700.0)
WIDTHS = (100.0, 85.0)
_LIGHTEST, _BOLDEST = 300, 700
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


@dataclass(frozen=True, order=True)
class FontFace:
    """One face: a font of a file, and for a variable one the value of each axis, in the file's order."""

    family: str
    name: str
    path: Path
    axes: tuple[tuple[str, float], ...] = ()
    index: int = 0  # of the font, where a file holds a collection
    lacking: frozenset[str] = field(default=frozenset(), compare=False, repr=False)  # of the characters asked for


def find_faces(
    families: tuple[str, ...], characters: str, folders: tuple[Path, ...] = (), coverage: float = 1.0
) -> list[FontFace]:
    """Return all faces of `families` that have at least the share `coverage` of `characters`, by family and name.

    A family in `folders` wins over an installed one. Thin and black files (weight below 300 or above 700) are
    left out, and so are files that miss more characters: those are logged. What a face misses is its `lacking`. Raises
    DataError that names every unknown family and every one of which no face remains; for an unreadable font file; and
    if none of all faces has a character.
    """
    if not families:
        raise DataError("no font family is named (fonts): name at least one, e.g. dejavu-sans")
    in_folders = _folder_families(folders)
    known = {
        family: in_folders.get(family) or _installed(family) or _system_families().get(family, [])
        for family in sorted(set(families))
    }
    unknown = [family for family, fonts in known.items() if not fonts]
    problems = [_unknown(unknown, {*in_folders, *_system_families()})] if unknown else []
    faces: list[FontFace] = []
    for family, fonts in known.items():
        usable, missing = _usable(family, fonts, characters, coverage)
        faces += usable
        if fonts and not usable:
            reason = next((f"{place} {lacks}" for place, lacks in missing.items()), "too thin or too bold")
            problems.append(
                f"font family {family}: no face can be used ({reason}): leave the family or the characters out"
            )
    if problems:
        raise DataError("\n".join(problems))
    if nowhere := frozenset.intersection(*(face.lacking for face in faces)):
        raise DataError(
            f"no font of {', '.join(families)} has {in_short(nowhere)}{_share(nowhere, characters)}, which the texts "
            "may have: name a family that has them, or leave the characters out"
        )
    return sorted(faces)


def with_characters(families: list[list[FontFace]], text: str) -> list[list[FontFace]]:
    """Return the faces that have all characters of a text, family by family; without the families that have none."""
    if not any(face.lacking for faces in families for face in faces):  # the usual case, once for every line
        return families
    kept = ([face for face in faces if face.lacking.isdisjoint(text)] for faces in families)
    return [faces for faces in kept if faces]


def by_family(faces: Iterable[FontFace]) -> list[list[FontFace]]:
    """Return the faces of each family, families and faces sorted."""
    return [list(of_family) for _, of_family in itertools.groupby(sorted(faces), key=lambda face: face.family)]


def sample_face(families: list[list[FontFace]], generator: torch.Generator) -> FontFace:
    """Sample one face, each family being equally likely, however many faces it has."""
    first, second = torch.rand(2, generator=generator).tolist()
    own = families[int(first * len(families))]
    return own[int(second * len(own))]


def installed_families() -> list[str]:
    """Return the families that installed packages offer: a `fontpkg-` package each, matplotlib's, and some others."""
    names = {slug(each.metadata["Name"] or "") for each in distributions()}
    found = {name.removeprefix("fontpkg-") for name in names if name.startswith("fontpkg-")}
    found |= {family for family, (package, *_) in PACKAGES.items() if package in names}
    return sorted(found | (set(MATPLOTLIB) if "matplotlib" in names else set()))


def characters_of_families(folders: tuple[Path, ...] = (), system: bool = False) -> dict[str, frozenset[int]]:
    """Return the code points that each family has: those in folders, or without folders those of installed packages.

    With `system` those of the system's fonts come as well. Raises `DataError` for a folder that is not there.
    """
    found = _folder_families(folders)
    if not folders:
        found = {family: fonts for family in installed_families() if (fonts := _installed(family))}
    found |= _system_families() if system else {}
    return {family: frozenset.union(*(font.characters for font in fonts)) for family, fonts in sorted(found.items())}


def characters_of(family: str) -> frozenset[int]:
    """Return the code points that every file of an installed family has; none where it is not installed."""
    fonts = _installed(family)
    return frozenset.intersection(*(font.characters for font in fonts)) if fonts else frozenset()


def _usable(family: str, fonts: list[Font], characters: str, coverage: float) -> tuple[list[FontFace], dict[str, str]]:
    """The faces of a family that have enough of the characters, and what its files lack."""
    wanted = frozenset(characters)
    missing: dict[str, str] = {}
    faces = []
    for font in fonts:
        path = font.path
        lacking = frozenset(c for c in wanted if ord(c) not in font.characters)
        if lacking:
            place = path.name if path.suffix.lower() not in COLLECTIONS else f"{path.name}, font {font.index}"
            missing[place] = _lacking(lacking, wanted)
        if len(lacking) > (1 - coverage) * len(wanted):
            log.warning("font file %s of family %s is left out: it %s", place, family, missing[place])
            continue
        if not font.axes and not _LIGHTEST <= font.weight <= _BOLDEST:
            continue
        if lacking:
            log.info("font file %s of family %s %s: lines with them take other fonts", place, family, missing[place])
        for axes in _instances(font):
            values = ",".join(f"{tag}={value:g}" for tag, value in axes)
            name = f"{path.stem}@{values}" if values else path.stem
            faces.append(FontFace(family, name, path, axes, font.index, lacking))
    return faces, missing


def _lacking(lacking: frozenset[str], wanted: frozenset[str]) -> str:
    """What a font lacks, in words: some characters, and of many the share."""
    return f"has no {in_short(lacking)}{_share(lacking, wanted)}"


def _share(lacking: frozenset[str], wanted: Iterable[str]) -> str:
    n = len(set(wanted))
    return f", {len(lacking):,} of {n:,} ({len(lacking) / n:.1%})" if len(lacking) > 1 else ""


def _instances(font: Font) -> Iterator[tuple[tuple[str, float], ...]]:
    """The usual weights, upright width and condensed; other axes keep their default."""
    choices = []
    for tag, low, default, high in font.axes:
        wanted = {"wght": WEIGHTS, "wdth": WIDTHS}.get(tag, ())
        choices.append([(tag, value) for value in wanted if low <= value <= high] or [(tag, default)])
    return itertools.product(*choices) if choices else iter([()])


def _installed(family: str) -> list[Font]:
    fonts = [font for path in _installed_files(family) for font in read_fonts(path)]
    return [font for font in fonts if font.family == family] if family in PACKAGES else fonts


def _installed_files(family: str) -> list[Path]:
    if family in MATPLOTLIB:
        folder = _package_folder("matplotlib", "mpl-data/fonts/ttf")
        pattern = re.compile(MATPLOTLIB[family] + r"(-\w+|Bol|BolIta|Italic)?")
        return [path for path in font_files(folder) if pattern.fullmatch(path.stem)]
    if family in PACKAGES:
        _, module, name = PACKAGES[family]
        return [path for path in font_files(_package_folder(module, "")) if path.name == name]
    return font_files(_package_folder("fontpkg_" + family.replace("-", "_"), "files"))


def _package_folder(module: str, inside: str) -> Path | None:
    """A folder inside an installed package, which is not imported."""
    spec = importlib.util.find_spec(module) if module.isidentifier() else None
    return Path(spec.origin).parent / inside if spec and spec.origin else None


@lru_cache(maxsize=1)
def _system_families() -> dict[str, list[Font]]:
    families: dict[str, list[Font]] = {}
    for path in (path for folder in _SYSTEM_FOLDERS for path in font_files(Path(os.path.expanduser(folder)))):
        for font in read_if_whole(path):
            families.setdefault(font.family, []).append(font)
    return families


def _folder_families(folders: tuple[Path, ...]) -> dict[str, list[Font]]:
    families: dict[str, list[Font]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"font folder {folder} does not exist: correct the path or leave it out")
        for path in font_files(folder):
            for font in read_fonts(path):
                families.setdefault(font.family, []).append(font)
    return families


def _unknown(families: Sequence[str], in_folders: set[str]) -> str:
    """That families are not installed: of one the names that are near, of several all of them, and one command."""
    known = sorted(in_folders | set(installed_families()))
    how = how_to_install(*map(slug, families))
    if len(families) > 1:
        listed = ", ".join(families)
        return f"{len(families)} font families are not installed (fonts): {listed}: correct the names or `{how}`"
    near = difflib.get_close_matches(families[0], known, n=3, cutoff=0.5)
    hint = f"nearest: {', '.join(near)}" if near else f"{len(known)} families are known"
    return f"font family {families[0]} is not installed (fonts; {hint}): correct the name or `{how}`"
