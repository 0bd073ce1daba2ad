"""Test lines in a report as pictures, each with its label and what every network reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from PIL import Image

from distill.data.labels import fold_label
from distill.data.lines import Lines
from distill.durable import write_picture
from distill.evaluation.document import Block, Code, Heading, Paragraph, Picture, Samples
from distill.evaluation.metrics import fold
from distill.evaluation.report import Readings
from distill.schema import Protocol
from students.image import decode_image

TITLES = {
    "worst": "Lines that the {1} reads worst",
    "random": "Lines at random",
    "differing": "Lines that {0} and {1} read differently",
}
ABOUT = {
    "worst": "The most wrong characters for their length first. Is the label right? Look at that first.",
    "random": "Drawn by the seed of the run, whatever is read of them.",
    "differing": "Gains and losses in their proportion.",
}
EARLIER = ("line", *TITLES)  # how pictures of earlier reports are called


def pages(
    test: Lines, readings: Readings, chosen: Mapping[str, Sequence[str]], protocol: Protocol, folder: Path
) -> list[Block]:
    """Return the part of the report with these lines; their pictures are written into `folder`, and other ones removed.

    A reading is marked as wrong where it is not the label under the protocol.
    """
    row = {key: i for i, key in enumerate(test.keys)}
    blocks: list[Block] = []
    written = set()
    for name, keys in chosen.items():
        if not keys:
            continue
        samples = []
        for number, key in enumerate(keys, 1):
            picture = folder / f"{name}-{number:02d}.png"
            written.add(picture)
            write_picture(picture, Image.fromarray(decode_image(test[row[key]].image, key)))
            shown = Picture(f"{folder.name}/{picture.name}", key)
            samples.append((shown, _texts(test, row[key], readings, protocol)))
        blocks += [
            Heading(TITLES[name].format(*list(readings)[-2:])),
            Paragraph(ABOUT[name]),
            Samples(["label", *readings], samples),
        ]
    for name in EARLIER:
        for old in {*folder.glob(f"{name}-[0-9][0-9].png")} - written:
            old.unlink()
    return blocks


def _texts(test: Lines, i: int, readings: Readings, protocol: Protocol) -> list[Code]:
    """The label of a line, and what every role reads of it."""
    label, form = test.texts[i] or "", test.form(i)
    want = fold(fold_label(label, form), protocol)
    texts = [of_role[test.keys[i]].text for of_role in readings.values()]
    return [Code(label), *(Code(text, wrong=fold(fold_label(text, form), protocol) != want) for text in texts)]
