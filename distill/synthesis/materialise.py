"""Synthetic lines, rendered once into Arrow files under a cache key, in parallel and resumable part by part.

Line `i` is a pure function of the source and `i`, so any number of processes renders the same lines. Every
part is written whole or not at all; an interrupted rendering continues behind the last finished part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import PIL
import pyarrow as pa
import torch

from distill.cluster import Spread, lines_done
from distill.data.augment import Pixels
from distill.data.columns import SCHEMA
from distill.data.formats.naming import problems_of
from distill.data.labels import TELL_THE_CASE
from distill.data.sealed import is_whole, sealed
from distill.digests import digest_of, file_digest
from distill.processes import Poll, never_stop
from distill.seeds import generator_of
from distill.synthesis.backgrounds import photographs_in
from distill.synthesis.capitals import expect_two_cases
from distill.synthesis.fonts import FontFace, by_family, find_faces, sample_face, with_characters
from distill.synthesis.letters import refuse_unshapeable
from distill.synthesis.render import render_line
from distill.synthesis.source import RenderedSource
from distill.synthesis.text import possible_characters, sample_text, texts_of_mix
from distill.synthesis.workers import in_parallel
from distill.track import progress
from students.errors import DataError
from students.model_file import write_whole

PART_LINES = 2048
_ATTEMPTS = 100
RENDERER_VERSION = 1  # part of the cache key: raise it whenever the same source renders to other pixels
_PNG = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE)


@dataclass(frozen=True)
class Part:
    """Up to `most_lines` lines of a source, from line `start` on: one file, rendered by one process."""

    source: RenderedSource
    root: Path
    faces: list[FontFace]
    height_px: int
    folder: Path
    start: int
    most_lines: int

    @property
    def n_lines(self) -> int:
        """Return the number of lines: fewer than `most_lines` only in the last part."""
        return min(self.most_lines, self.source.lines - self.start)

    @property
    def path(self) -> Path:
        """Return the file of the part."""
        return self.folder / f"part-{self.start // self.most_lines:06d}.arrow"


@dataclass(frozen=True)
class Rendering:
    """Parts to be rendered, as work to share out."""

    shards: tuple[Part, ...]

    def name(self, shard: Part) -> str:
        """Return the file of a part."""
        return str(shard.path)

    def is_finished(self, shard: Part) -> bool:
        """Return whether a part is rendered."""
        return is_whole(shard.path)

    def maker(self) -> Callable[[Part], int]:
        """Return what renders a part."""
        return _render


def materialise(
    sources: Sequence[RenderedSource],
    root: Path,
    height_px: int,
    cache: Path,
    poll: Poll = never_stop,
    spread: Spread | None = None,
) -> list[Path]:
    """Return the folders of Arrow files `part-*.arrow` with the lines of each source, rendered where they are missing.

    So are damaged parts. `poll` is called after every part and may raise; finished parts are kept. `spread` says where
    they are rendered; None: on all processors of this machine.
    """
    folders, parts = [], []
    for source in sources:
        faces = faces_of(source, root)
        folder = cache / f"rendered-{cache_key(source, root, faces, height_px)}"
        folders.append(folder)
        starts = range(0, source.lines, PART_LINES)
        parts += [Part(source, root, faces, height_px, folder, start, PART_LINES) for start in starts]
    missing = list({part.path: part for part in parts if not is_whole(part.path)}.values())
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    if missing:
        total = sum(part.n_lines for part in parts)
        with progress("rendering", total, "line", total - sum(part.n_lines for part in missing)) as bar:
            for n_rendered in _rendered(missing, spread):
                bar.update(n_rendered)
                poll()
    return folders


def _rendered(parts: Sequence[Part], spread: Spread | None) -> Iterator[int]:
    """The number of lines of each part, as it is rendered."""
    if spread is not None:
        return lines_done(spread(Rendering(tuple(parts))), len(parts))
    in_one = sum(part.n_lines for part in parts) < 2 * PART_LINES  # few lines are rendered in this process
    return in_parallel(_render, parts, 1 if in_one else len(parts))


def faces_of(source: RenderedSource, root: Path) -> list[FontFace]:
    """Return the faces that a source is rendered in: each has the characters of its lines, as far as it asks.

    Raises `DataError` as `find_faces` does, and for a font of capitals where the labels tell the case.
    """
    characters = possible_characters(source.text, texts_of_mix(source.text, root))
    refuse_unshapeable(characters)
    folders = tuple(root / folder for folder in source.font_folders)
    faces = find_faces(source.fonts, characters, folders, source.coverage)
    if source.label_form in TELL_THE_CASE:
        expect_two_cases(faces, characters)
    return faces


def problems_of_sources(sources: Sequence[RenderedSource], root: Path) -> list[str]:
    """Return what keeps sources from being rendered, such as fonts or texts that are not there; nothing is rendered."""
    return problems_of(sources, lambda source: faces_of(source, root))


def cache_key(source: RenderedSource, root: Path, faces: list[FontFace], height_px: int) -> str:
    """Return a digest of everything the pixels depend on, but not the name that the recipe gives the source."""
    settings = source.model_dump(mode="json", exclude={"name", "drop_labels", "font_folders", "augment"})
    files = sorted({face.path for face in faces})
    fonts = [file_digest(path) for path in files]
    photographs = [file_digest(path) for path in _photographs(source, root)]
    files_read = [fonts, texts_of_mix(source.text, root).digests, photographs]
    versions = PIL.__version__, cv2.__version__, RENDERER_VERSION
    return digest_of(settings, files_read, height_px, *versions)[:16]


def sample(
    source: RenderedSource, root: Path, families: list[list[FontFace]], height_px: int, i: int
) -> tuple[Pixels, str, str]:
    """Return picture, text and font family of line `i` of a source."""
    generator = generator_of("rendered", source.seed, i)
    text, fitting = _text_and_faces(source, root, families, generator)
    face = sample_face(fitting, generator)
    picture = render_line(text, face, source.look, height_px, generator, _photographs(source, root))
    return picture, text, face.family


def rendered_line(
    source: RenderedSource, root: Path, families: list[list[FontFace]], height_px: int, i: int
) -> tuple[bytes, str, str]:
    """Return line `i` of a source as it is kept: its picture as PNG, its text, and its name."""
    picture, text, family = sample(source, root, families, height_px, i)
    _, data = cv2.imencode(".png", picture, _PNG)
    return data.tobytes(), text, f"{i:06d} {family}"


def _text_and_faces(
    source: RenderedSource, root: Path, families: list[list[FontFace]], generator: torch.Generator
) -> tuple[str, list[list[FontFace]]]:
    """A text, and the faces that have all of its characters; a text that none has is sampled anew."""
    for _ in range(_ATTEMPTS):
        text = sample_text(source.text, generator, texts_of_mix(source.text, root))
        if fitting := with_characters(families, text):
            return text, fitting
    raise DataError(
        f"no font has all characters of any of {_ATTEMPTS} texts, such as {text!r} (fonts): name one that has more"
    )


def _photographs(source: RenderedSource, root: Path) -> tuple[Path, ...]:
    return photographs_in(root / source.look.backgrounds) if source.look.backgrounds is not None else ()


def _render(part: Part) -> int:
    """Write the file of a part; the number of its lines."""
    images, texts = [], []
    families = by_family(part.faces)
    for i in range(part.start, part.start + part.n_lines):
        data, text, name = rendered_line(part.source, part.root, families, part.height_px, i)
        images.append({"bytes": data, "path": name})
        texts.append(text)
    write_whole(part.path, sealed(pa.table({"image": images, "text": texts}, schema=SCHEMA)))
    return part.n_lines
