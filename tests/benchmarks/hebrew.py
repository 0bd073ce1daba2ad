"""How many Hebrew words a small network reads after 250 steps: `python tests/benchmarks/hebrew.py`.

Not collected by pytest. 2,500 words of 3 to 6 letters are drawn by Pillow (Raqm) in two faces of DejaVu and three
sizes, 150 more for validation and for the test; labels are logical. The same teacher is trained twice: with labels in
the order of the picture, as is the default, and in the order they are stored in (`data.charset.reorder=false`).
`--record FILE.json` writes the figures there; --lines and --steps make less of it.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib
from PIL import Image, ImageDraw, ImageFont

import teachers
from distill.cli import main as distill
from distill.evaluation.evaluate import evaluate_sources
from distill.records import Question, Record, check_target, measured_here, put_records

HERE = "tests/benchmarks/hebrew.py"
LETTERS = "אבגדהוזחטיכלמנספצקרשת"
FACES, SIZES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"), (18, 20, 22)
RECIPE = """\
extends: smoke
name: hebrew
about: Hebrew words
data:
  train: [{kind: folder, name: words, path: train}]
  validation: [{kind: folder, name: validation, path: validation}]
  test: [{kind: folder, name: test, path: test}]
teacher:
  model: {kind: resnet, blocks: [1, 1, 1, 1], channels: [16, 24, 32, 48], hidden: 64, layers: 1, dropout: 0.0}
  training: {batch_lines: 32, learning_rate: 1.0e-2, ema_decay: 0.98, validate_every: 50, augment: {probability: 0}}
"""
ORDERS = {"order of the picture": "true", "order they are stored in": "false"}


class Read(NamedTuple):
    """Share of test words that are read exactly, and character error rate; both in %."""

    exact: float
    cer: float


def write_words(folder: Path, n_lines: int) -> None:
    """Write three folders of words with `labels.tsv`, a function of the number of lines alone."""
    drawn = random.Random(1)
    fonts = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    faces = [ImageFont.truetype(str(fonts / name), size) for name in FACES for size in SIZES]
    for part, n in (("train", n_lines), ("validation", 150), ("test", 150)):
        (folder / part).mkdir(parents=True)
        rows = []
        for i in range(n):
            text = "".join(drawn.choice(LETTERS) for _ in range(drawn.randint(3, 6)))
            face = drawn.choice(faces)
            line = Image.new("L", (int(face.getlength(text)) + 10, 32), 255)
            ImageDraw.Draw(line).text((5, drawn.randint(1, 5)), text, font=face, fill=drawn.randint(0, 60))
            line.save(folder / part / f"{i:05d}.png")
            rows.append(f"{i:05d}.png\t{text}\n")
        (folder / part / "labels.tsv").write_text("".join(rows), "utf-8")
    (folder / "hebrew.yaml").write_text(RECIPE, "utf-8")


def read(folder: Path, reorder: str, n_steps: int) -> Read:
    """Train the teacher and read the test words."""
    run = folder / f"run-{reorder}"
    choices = [f"data.root={folder}", f"data.charset.reorder={reorder}", f"teacher.training.steps={n_steps}"]
    if code := distill(["teacher", str(folder / "hebrew.yaml"), *choices, "--run", str(run)]):
        raise SystemExit(code)
    reader = teachers.load(run / "teacher" / "model.safetensors")
    found = evaluate_sources(reader, [str(folder / "test")], "exact").result
    return Read(100 * found["exact"], 100 * found["cer"])


def question(found: dict[str, Read], words: Sequence[str], seconds: float) -> Question:
    """The figures as records."""
    origin = measured_here([])
    command = " ".join([f"python {HERE}", *words])
    records = [
        Record(
            **origin.model_dump() | {"command": command},
            what=what,
            value=round(value, 1),
            unit="%",
            seeds=(0,),
            seconds=round(seconds),
            columns={"labels": order},
        )
        for order, shares in found.items()
        for what, value in (("exact words", shares.exact), ("CER", shares.cer))
    ]
    return Question(
        section="What people hand in",
        title="Is Hebrew learnt from labels as they are stored?",
        finding="Yes, where labels stand in the order of the picture inside a training, as is the default.",
        rows=("what",),
        across=("labels",),
        notes=(
            "Words of 3 to 6 letters that the benchmark draws: 2,500 to learn, 150 to test; 250 steps of 32 lines.",
        ),
        records=tuple(records),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=2500, help="words to learn (default 2500)")
    parser.add_argument("--steps", type=int, default=250, help="of each training (default 250)")
    parser.add_argument("--record", type=Path, metavar="FILE.json", help="write the figures there")
    options = parser.parse_args()
    if options.record:
        check_target(options.record)
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        write_words(Path(folder), options.lines)
        found = {order: read(Path(folder), reorder, options.steps) for order, reorder in ORDERS.items()}
    for order, shares in found.items():
        print(f"labels in the {order}: {shares.exact:.1f} % exact, CER {shares.cer:.1f} %")
    if options.record:
        changed = [word for word in sys.argv[1:] if not word.startswith("--record") and word != str(options.record)]
        put_records(options.record, question(found, changed, time.monotonic() - begin))


if __name__ == "__main__":
    main()
