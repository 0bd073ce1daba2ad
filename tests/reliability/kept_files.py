"""Every kind of file that the suite writes and reads again: made small, and read as the suite reads it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

import students
from distill import checkpoint
from distill.checkpoint import Checkpoint
from distill.cluster import here
from distill.data.formats.opening import open_contents, source_at
from distill.data.formats.written import Written, parquet_file
from distill.data.importing import FINISHED, Labelling, import_parts
from distill.delivery.export.graph import graph_of, signed
from distill.digests import file_digest
from distill.recipe.objective import Objective, PosteriorCache
from distill.signed_json import read_signed_json, report_on, write_report, write_signed_json
from distill.synthesis.opening import open_rendered
from distill.synthesis.pages.opening import open_drawn_pages
from distill.synthesis.pages.source import DrawnPagesSource, PageLook
from distill.synthesis.source import RenderedSource
from distill.teaching.cache import TaughtLines, cache_posteriors
from distill.teaching.teacher import FrozenTeacher, Member
from distill.track import MetricsLog
from students.config import STUDENTS
from students.image import Preparation
from students.model_file import read_model, read_onnx
from students.pages.model_file import read_locator, read_pages_file
from tests.feeding import STILL
from tests.pages import write_both, write_small_locator
from tests.samples import png_bytes, write_student

PREPARATION = Preparation()


@dataclass(frozen=True)
class Kept:
    """One file, and `read`, which returns a digest of what is in it as the suite takes it, or raises `UserError`."""

    kind: str
    path: Path
    read: Callable[[], str]


def kept_files(folder: Path) -> Iterator[Kept]:
    """Write a file of each kind into a folder, one after another."""
    student = write_student(folder / "student.safetensors")
    locator = write_small_locator(folder / "locator.safetensors")
    both = write_both(folder / "pages.safetensors", locator, student)
    yield Kept("model file", student, lambda: _of_weights(read_model(student)))
    yield Kept("locator", locator, lambda: _of_weights(read_locator(locator)))
    yield Kept("both networks of pages", both, lambda: _of(repr(read_pages_file(both).description)))
    onnx = folder / "model.onnx"
    opened = students.load(student)
    onnx.write_bytes(signed(graph_of(opened), opened.description, onnx))
    yield Kept("ONNX model", onnx, lambda: hashlib.sha256(read_onnx(onnx)[1]).hexdigest())
    yield from _of_checkpoints(folder / "checkpoints")
    yield from _of_a_run(folder / "run")
    yield from _of_caches(folder / "cache")
    yield _imported(folder / "lines.parquet")
    yield from _of_a_shared_import(folder / "lines.parquet", folder / "parts")


def _of_checkpoints(root: Path) -> Iterator[Kept]:
    """A checkpoint is passed over where a file of it is damaged: then there is none here."""
    tensors = {"weights": {"a": torch.arange(60.0).reshape(20, 3)}, "moments": {"a/step": torch.tensor(3.0)}}
    checkpoint.save(root, 3, Checkpoint(tensors, {"step": 3, "job": "x", "threads": 1}))
    folder = root / "step-00000003"

    def read() -> str:
        newest = checkpoint.newest(root)
        if newest is None:
            return ""
        loaded = checkpoint.load(newest)
        return _of(repr(loaded.state) + repr({n: t.tolist() for n, t in loaded.tensors["weights"].items()}))

    for name in ("weights.safetensors", "state.json", "MANIFEST.json"):
        yield Kept(f"checkpoint: {name}", folder / name, read)


def _of_a_run(folder: Path) -> Iterator[Kept]:
    """Small files of a run folder; a damaged report is made anew, so it reads as none."""
    folder.mkdir()
    lines, judged = folder / "lines.json", {"files": {"student": "a" * 64}, "protocol": "exact"}
    write_signed_json(lines, {"steps": 6, "drawn": {"printed": {"labelled": 48, "unlabelled": 0}}, "replaced": {}})
    yield Kept("lines.json, match.json, extended.json", lines, lambda: _of(repr(read_signed_json(lines))))
    report = folder / "report.json"
    write_report(report, {"judged": judged, "student": {"exact": 0.5, "cer": 1.25e-05}, "seeds": [0]})
    yield Kept("report.json", report, lambda: _of(repr(found)) if (found := report_on(report, judged)) else "")
    metrics = folder / "metrics.jsonl"
    log = MetricsLog(metrics, 0)
    for step in range(8):
        log.write(step=step, loss=1 / (step + 1))
    size, digest = log.flushed()

    def read() -> str:
        MetricsLog(metrics, size, digest)
        return _of(metrics.read_text())

    yield Kept("metrics.jsonl", metrics, read)


RENDERED = RenderedSource(name="plain", lines=1, fonts=("dejavu-sans",))
DRAWN = DrawnPagesSource(name="drawn", pages=1, fonts=("dejavu-sans",), look=PageLook(sheet_pixels=(40_000, 42_000)))


def rendered_lines(root: Path) -> str:
    """Open a cache of rendered lines, made where it is missing or damaged; a digest of what is in it."""
    lines, refused = open_rendered(RENDERED, root, root, PREPARATION)
    assert not refused, refused
    return lines.digest


def drawn_pages(root: Path) -> str:
    """The same of drawn pages."""
    (page,) = open_drawn_pages(DRAWN, root, root)
    return hashlib.sha256(page.load().tobytes() + repr(page.lines).encode()).hexdigest()


def posteriors(root: Path, of_lines: Path) -> str:
    """The same of posteriors, on the rendered lines of another cache."""
    lines, _ = open_rendered(RENDERED, of_lines, of_lines, PREPARATION)
    taught = TaughtLines(_teacher(), lines, PREPARATION, STILL, 0)
    objective = Objective(cache=PosteriorCache(views=1, top_k=4))
    cached = cache_posteriors(taught, objective, 11, root, Accelerator(cpu=True), lambda: None)
    return hashlib.sha256(b"".join(cached.tables[0][i] for i in range(len(lines)))).hexdigest()


def _of_caches(root: Path) -> Iterator[Kept]:
    """Caches make anew what is damaged, so they always give the same."""
    for kind, read, name in (
        ("cache of rendered lines", lambda: rendered_lines(root), "rendered-*/part-*.arrow"),
        ("cache of drawn pages", lambda: drawn_pages(root), "pages-*/part-*.arrow"),
        ("cache of posteriors", lambda: posteriors(root, root), "posteriors-*/*.arrow"),
    ):
        read()
        (path,) = root.glob(name)
        yield Kept(kind, path, read)


@cache
def _teacher() -> FrozenTeacher:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = STUDENTS.validate_python({"kind": "digits", "channels": (4, 4, 4), "hidden": 8}).build(11, 1, 32)
    return FrozenTeacher([Member(model)], torch.device("cpu"), "fp32")


def _imported(path: Path) -> Kept:
    with parquet_file(path) as write:
        for number in range(3):
            write(Written(png_bytes(16, 40, number), f"{number}.png", f"line {number}"))

    def read() -> str:
        contents = open_contents(source_at(str(path), "mine"), Path(), path.parent)
        images = [contents.fetch(row) for row in range(len(contents.names))]
        return _of(repr((contents.names, contents.texts, images)))

    return Kept("imported Parquet", path, read)


def _of_a_shared_import(source: Path, folder: Path) -> Iterator[Kept]:
    """A part that was imported on its own, and what says what it holds: both are made anew where one is damaged."""

    def read() -> str:
        found = import_parts(source_at(str(source), "mine"), folder, Labelling(), here)
        (part,) = folder.glob("*.parquet")
        return _of(repr(found)) + file_digest(part)

    read()
    (part,), (record,) = folder.glob("*.parquet"), (folder / FINISHED).iterdir()
    yield Kept("part of an import", part, read)
    yield Kept("record of such a part", record, read)


def _of_weights(found: tuple[object, dict[str, np.ndarray]]) -> str:
    description, weights = found
    return _of(repr(description)) + _of(repr({name: array.tobytes() for name, array in sorted(weights.items())}))


def _of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
