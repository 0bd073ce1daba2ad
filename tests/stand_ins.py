"""Small stand-ins for everything that the commands of the documents name, under the same names, in one folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from docs.website import ROOT
from tests.line_files import parquet, row
from tests.page_task import recipe_of_files, write_bars
from tests.pages import Kind, write_small_locator
from tests.samples import rendered_line

WEIGHTS = ROOT / "students" / "weights"
RUNS_OF_LINES = ("runs/quick", "runs/mine", "runs/own", "runs/signs", "RUN")
FOLDERS_OF_LINES = ("kept-apart", "lines", "lines/test", "DATA", "FOLDER", "SIGNS", "SOURCE", "pictures")
SHOP = ("shop/train", "shop/unmarked", "shop/validation", "shop/test")
KINDS: Mapping[str, Kind] = {"student": "locator", "teacher": "locator_teacher"}
LEAST_FOR_A_RECIPE = 60  # lines from which `distill new` makes one
A_RECOGNISER = ("reading.md",)  # the pages whose MODEL reads lines; that of others finds and reads those of pages
ABOUT_PAGES = ("pages.md",)
OF_LINES = """\
extends: smoke
data:
  train: [{kind: folder, name: mine, path: train}]
  validation: [{kind: folder, name: checked, path: validation}]
  test: [{kind: folder, name: kept-apart, path: test}]
"""


def write_world(folder: Path, run: Path, document: str) -> None:
    """Write what the commands of a document name, with copies of a finished run in the place of all runs of lines."""
    for number, name in enumerate(FOLDERS_OF_LINES):
        write_lines(folder / name, 8 * number, 4)
    for number, name in enumerate(("train", "validation")):
        write_lines(folder / "lines" / name, 100 + 8 * number, 8)
    write_lines(folder / "crops", 400, LEAST_FOR_A_RECIPE + 4)
    write_lines(folder / "more", 200, 4, labelled=False)
    (folder / "line.png").write_bytes(rendered_line("TOTAL 6.30"))
    _write_data(folder / "DATA")
    _write_pages(folder)
    shutil.copytree(run, folder / "run")
    for name in RUNS_OF_LINES if document not in ABOUT_PAGES else ():
        (folder / name).symlink_to(folder / "run")
    for part, floor in (("student", "students"), ("teacher", "teachers")):
        (folder / "runs" / "receipts" / part).mkdir(parents=True)
        shutil.copy(
            ROOT / floor / "weights" / "receipts.safetensors", folder / "runs" / "receipts" / part / "model.safetensors"
        )
    shutil.copy(WEIGHTS / "receipts.onnx", folder / "ppocr-v6-small.onnx")
    reads = "receipts" if document in A_RECOGNISER else "pages"
    shutil.copy(WEIGHTS / f"{reads}.safetensors", folder / "MODEL")
    (folder / "own.yaml").write_text(OF_LINES)
    (folder / "mine.yaml").write_text(recipe_of_files(folder / "shop") if document in ABOUT_PAGES else OF_LINES)


def write_receipt(path: Path) -> None:
    picture = Image.new("L", (420, 300), 245)
    for i, text in enumerate(("COFFEE 2.50", "CHEESE ROLL 3.80", "TOTAL 6.30")):
        ImageDraw.Draw(picture).text((30, 40 + 80 * i), text, fill=20, font=ImageFont.load_default(28))
    picture.save(path)


def _text(number: int) -> str:
    return f"ITEM {number} {number * 7 % 90 / 10:.2f}"


def write_lines(folder: Path, first: int, n_lines: int, labelled: bool = True) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    texts = {f"{number}.png": _text(number) for number in range(first, first + n_lines)}
    for name, text in texts.items():
        (folder / name).write_bytes(rendered_line(text))
    if labelled:
        (folder / "labels.tsv").write_text("file\ttext\n" + "".join(f"{n}\t{t}\n" for n, t in texts.items()))


def _write_data(folder: Path) -> None:
    """Parquet files by the names of those of receipts, and of the Taiwanese books that are converted."""
    files = (
        "sroie_lines/train",
        "sroie_lines/test",
        "sroie_lines/unlabelled",
        "taigi_hanji_lines/train",
        "taigi_hanlo_lines/train",
    )
    for place, name in enumerate(files):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        numbers = range(300 + 10 * place, 306 + 10 * place)
        labelled = not name.endswith("unlabelled")
        rows = [row(_text(n) if labelled else None, f"{n}_line.png", rendered_line(_text(n))) for n in numbers]
        parquet(folder / f"{name}.parquet", rows)


def _write_pages(folder: Path) -> None:
    """Pages with marked lines, pages without, and a model that finds lines."""
    for number, name in enumerate((*SHOP, "PAGES", "data/pages_sroie/test")):
        write_bars(folder / name, range(4 * number, 4 * number + 4))
    (folder / "scans").mkdir()
    for path in ("receipt.jpg", "1.jpg", "scans/1.jpg", "book.pdf"):
        write_receipt(folder / path)
    Image.open(folder / "1.jpg").save(folder / "scans" / "2.png")
    for part, kind in KINDS.items():
        (folder / "runs" / "pages" / part).mkdir(parents=True)
        write_small_locator(folder / "runs" / "pages" / part / "model.safetensors", kind)
