"""Rendered lines, drawn once into Arrow files under a cache key, in parallel and resumable part by part.

Line `i` is a pure function of the source and `i`, so any number of processes draws the same lines. Every
part is written whole or not at all; an interrupted drawing continues behind the last finished part.
"""

from __future__ import annotations

import hashlib
import io
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import cv2
import PIL
import pyarrow as pa
from PIL import Image

from distill.data.fonts import FontFace, draw_face, find_faces
from distill.data.render import render_line
from distill.data.seeds import generator_of
from distill.data.sources import RenderedSource
from distill.data.text import CHARACTERS, draw_text
from distill.track import progress
from students.model_file import canonical_json, fsync_folder, write_whole

PART_LINES = 2048
RENDERER_VERSION = 1  # part of the cache key: raise it whenever the same source draws other pixels
Poll = Callable[[], None]
SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("text", pa.string()),
    ]
)


def never_stop() -> None:
    """For those whom nobody asks to stop."""


def materialise(source: RenderedSource, root: Path, height_px: int, cache: Path, poll: Poll = never_stop) -> Path:
    """The folder of Arrow files `part-*.arrow` with the lines of `source`, drawn where they are missing.

    `poll` is called after every part and may raise; finished parts are kept.
    """
    faces = find_faces(source.fonts, CHARACTERS, tuple(root / f for f in source.font_folders))
    folder = cache / f"rendered-{cache_key(source, faces, height_px)}"
    finished = folder / "finished.json"
    if finished.is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    starts = range(0, source.lines, PART_LINES)
    wanted = [start for start in starts if not _part(folder, start).is_file()]
    draw = partial(_draw_part, source, faces, height_px, folder)
    with progress(f"rendering {source.name}", source.lines, "line") as bar:
        bar.update(source.lines - sum(min(PART_LINES, source.lines - start) for start in wanted))
        for n_drawn in _in_parallel(draw, wanted):
            bar.update(n_drawn)
            poll()
    write_whole(finished, canonical_json({"lines": source.lines, "faces": len(faces)}).encode())
    return folder


def cache_key(source: RenderedSource, faces: list[FontFace], height_px: int) -> str:
    """Everything the pixels depend on, but not the name that the recipe gives the source."""
    drawn = source.model_dump(mode="json", exclude={"name", "drop_labels", "font_folders"})
    files = sorted({face.path for face in faces})
    fonts = [hashlib.sha256(Path(path).read_bytes()).hexdigest() for path in files]
    key = canonical_json([drawn, fonts, height_px, PIL.__version__, cv2.__version__, RENDERER_VERSION])
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def sample(source: RenderedSource, faces: list[FontFace], height_px: int, i: int) -> tuple[Image.Image, str, str]:
    """Picture, text and font family of line `i` of a source."""
    generator = generator_of("rendered", source.seed, i)
    text = draw_text(source.text, generator)
    face = draw_face(faces, generator)
    return Image.fromarray(render_line(text, face, source.look, height_px, generator)), text, face.family


def _part(folder: Path, start: int) -> Path:
    return folder / f"part-{start // PART_LINES:06d}.arrow"


def _draw_part(source: RenderedSource, faces: list[FontFace], height_px: int, folder: Path, start: int) -> int:
    images, texts = [], []
    for i in range(start, min(start + PART_LINES, source.lines)):
        image, text, family = sample(source, faces, height_px, i)
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        images.append({"bytes": buffer.getvalue(), "path": f"{i:06d} {family}"})
        texts.append(text)
    path = _part(folder, start)
    temporary = path.with_suffix(".tmp")
    with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_table(pa.table({"image": images, "text": texts}, schema=SCHEMA))
    temporary.replace(path)
    fsync_folder(folder)
    return len(texts)


def _in_parallel(draw: Callable[[int], int], starts: list[int]) -> Iterator[int]:
    """Results as parts are finished, on all processors; a single part is drawn here."""
    n_processes = min(len(starts), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1)
    if n_processes <= 1:
        yield from map(draw, starts)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(n_processes, context, initializer=leave_signals_to_the_parent) as pool:
        try:
            yield from pool.map(draw, starts)
        finally:
            pool.shutdown(cancel_futures=True)


def leave_signals_to_the_parent() -> None:
    """A signal may reach every process of a group; only the parent knows how to stop in good order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
