"""Altered, cut and spliced files end in lines or in a documented error, soon, and without much memory."""

from __future__ import annotations

import json
import random
import signal
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

import students
from distill.cli import main
from distill.data.columns import SCHEMA
from distill.data.formats.opening import open_contents, source_at
from distill.data.formats.written import Written, parquet_file
from distill.delivery.export.graph import graph_of, signed
from distill.recipe.file import load_recipe, resolved_yaml
from students.errors import UserError
from students.image import decode_image
from students.model_file import read_model, read_onnx
from tests.reliability.trials import Trials
from tests.samples import png_bytes, write_student

LONGEST_S = 2.0
MOST_BYTES = 2**30
XML = Path(__file__).parents[1] / "files" / "tesseract"
INTERESTING = (
    b"\x00",
    b"\xff" * 4,
    b"\x80\x00\x00\x00",
    b"9" * 30,
    b"../../x",
    b'"',
    b"<!ENTITY a 'b'>",
    b"\n\n",
    b"%n",
)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Raise `TimeoutError` in what computes for longer; what other processes take does not count."""

    def late(*_: object) -> None:
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGPROF, late)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def resident_bytes(what: str) -> int:
    """VmRSS, what this process holds in memory now, or VmHWM, the most since `forget_peak`."""
    row = next(row for row in Path("/proc/self/status").read_text().splitlines() if row.startswith(what))
    return int(row.split()[1]) * 1024


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def altered(whole: bytes, rng: random.Random) -> bytes:
    """One to six changes: bits and bytes, a stretch cut out, doubled, moved or put in, numbers made large."""
    data = bytearray(whole)
    for _ in range(rng.randint(1, 6)):
        if not data:
            break
        at, length = rng.randrange(len(data)), rng.choice((1, 2, 7, 64, 1000))
        match rng.randrange(7):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at] = rng.randrange(256)
            case 2:
                del data[at : at + length]
            case 3:
                data[at:at] = data[at : at + length]
            case 4:
                data[at:at] = rng.choice(INTERESTING)
            case 5:
                data = data[:at]
            case 6:
                other = rng.randrange(len(data))
                data[at : at + length] = data[other : other + length]
    return bytes(data)


def read_lines(path: Path, decode: Callable[[bytes, str], object] = decode_image) -> None:
    """Open whatever lies at a path, and decode every image of it."""
    contents = open_contents(source_at(str(path), "mine"), Path(), path.parent)
    for row, name in enumerate(contents.names):
        with suppress(UserError):
            decode(contents.fetch(row), name)


def picture(kind: str) -> bytes:
    buffer = BytesIO()
    Image.effect_noise((60, 24), 60).convert("L").save(buffer, kind)
    return buffer.getvalue()


Seed = tuple[str, Path, Callable[[Path], Any]]


def seeds(folder: Path) -> Iterator[Seed]:
    """The kind of a valid file, the file, and what reads it."""
    for kind in ("PNG", "JPEG", "WebP", "TIFF", "BMP"):
        path = folder / f"picture.{kind.lower()}"
        path.write_bytes(picture(kind))
        yield "image", path, lambda path: decode_image(path.read_bytes(), path.name)
    yield from _label_files(folder)
    yield from _tables(folder)
    model = write_student(folder / "model.safetensors")
    yield "model file", model, read_model
    opened = students.load(model)
    onnx = folder / "model.onnx"
    onnx.write_bytes(signed(graph_of(opened), opened.description, onnx))
    yield "ONNX model", onnx, read_onnx
    recipe = folder / "recipe.yaml"
    recipe.write_text(resolved_yaml(load_recipe("smoke")))
    yield "recipe", recipe, lambda path: load_recipe(str(path))


def _label_files(folder: Path) -> Iterator[Seed]:
    names = [f"{number}.png" for number in range(3)]
    boxes = [{"transcription": "ab", "points": [[1, 1], [30, 1], [30, 9], [1, 9]]}]
    files = {
        "labels.tsv": "".join(f"{name}\ttext {name}\n" for name in names),
        "labels.csv": "file_name,text\n" + "".join(f'{name},"a, ""b"""\n' for name in names),
        "labels.json": json.dumps({name: f"text {name}" for name in names}),
        "metadata.jsonl": "".join(json.dumps({"file_name": name, "text": "ü"}) + "\n" for name in names),
        "Label.txt": "".join(f"{name}\t{json.dumps(boxes)}\n" for name in names),
        "page.xml": (XML / "page.xml").read_text(),
        "alto.xml": (XML / "alto.xml").read_text(),
    }
    for name, text in files.items():
        own = folder / name.replace(".", "-")
        own.mkdir()
        for image in ["page.png"] if name.endswith("xml") else names:
            (own / image).write_bytes(png_bytes(190, 420) if name.endswith("xml") else png_bytes(16, 40))
        (own / name).write_text(text)
        yield "XML" if name.endswith("xml") else "label file", own / name, lambda path: read_lines(path.parent)


def _tables(folder: Path) -> Iterator[Seed]:
    parquet = folder / "lines.parquet"
    with parquet_file(parquet) as write:
        for number in range(3):
            write(Written(png_bytes(16, 40, number), f"{number}.png", f"line {number}"))
    yield "table", parquet, read_lines
    arrow = folder / "lines.arrow"
    images = [{"bytes": png_bytes(16, 40, number), "path": None} for number in range(3)]
    table = pa.table({"image": images, "text": ["a", "b", "c"]}, schema=SCHEMA)
    with pa.OSFile(str(arrow), "wb") as sink, pa.ipc.new_stream(sink, SCHEMA) as writer:
        writer.write_table(table)
    yield "table", arrow, read_lines
    shard = folder / "lines.tar"
    with tarfile.open(shard, "w") as tar:
        for number in range(2):
            for name, data in ((f"{number}.png", png_bytes(16, 40)), (f"{number}.txt", b"text")):
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, BytesIO(data))
    yield "tar", shard, read_lines
    lmdb = folder / "lines-lmdb"
    main(["convert", str(parquet), str(lmdb), "--to", "lmdb"])
    small = lmdb / "data.mdb"
    yield "LMDB", small, lambda path: read_lines(path.parent)


def test_altered_files_end_in_lines_or_in_a_documented_error(
    tmp_path: Path, trials_of: Callable[[str], Trials], capsys: pytest.CaptureFixture[str]
) -> None:
    trials, rng = trials_of("hostile"), random.Random(0)
    files = [(kind, path, read, path.read_bytes()) for kind, path, read in seeds(tmp_path)]
    for _, path, read, _ in files:
        read(path)
    for round_number in range(trials.n):
        if round_number and not trials.in_time:
            break
        for kind, path, read, whole in files:
            data = altered(whole, rng)
            path.unlink()
            path.write_bytes(data)
            (tmp_path / "last-case").write_bytes(data)
            forget_peak()
            begun = resident_bytes("VmRSS")
            with trials.one(kind):
                with within(LONGEST_S), suppress(UserError):
                    read(path)
                assert resident_bytes("VmHWM") - begun < MOST_BYTES
            path.write_bytes(whole)
        capsys.readouterr()
    assert len(trials.counts) >= 9


def test_what_was_found_once_stays_mended(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(png_bytes(16, 40))
    (tmp_path / "labels.json").write_text(" \n")
    arrow = next(path for _, path, _ in _tables(tmp_path) if path.suffix == ".arrow")
    offsets = struct.pack("<4i", 0, 1, 2, 3)  # of the texts a, b, c
    assert arrow.read_bytes().count(offsets) == 1
    arrow.write_bytes(arrow.read_bytes().replace(offsets, struct.pack("<4i", 0, 9, 2, 3)))
    for path, said in ((tmp_path / "labels.json", "not JSON"), (arrow, "cannot be opened")):
        with pytest.raises(UserError, match=said):
            read_lines(path)
