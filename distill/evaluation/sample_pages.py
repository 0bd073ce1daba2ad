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
from distill.schema import Protocol
from students.image import decode_image

Texts = Mapping[str, Mapping[str, str]]
TITLES = {
    "worst": "Lines that the {own} reads worst",
    "random": "Lines at random",
    "differing": "Lines that {0} and {1} read differently",
}
ABOUT = {
    "worst": "The most wrong characters for their length first. Is the label right? Look at that first.",
    "random": "Sampled by a seed, whatever is read of them.",
    "differing": "Gains and losses in their proportion.",
}
EARLIER = ("line", *TITLES)  # how pictures of earlier reports are called


def pages(
    test: Lines, texts: Texts, chosen: Mapping[str, Sequence[str]], protocol: Protocol, folder: Path
) -> list[Block]:
    """Return the part of the report with these lines; their pictures are written into `folder`, and other ones removed.

    `texts` holds what each reader reads, by the key of the line. A reading is marked as wrong where it is not the label
    under the protocol.
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
            samples.append((shown, _texts(test, row[key], texts, protocol)))
        blocks += [
            Heading(TITLES[name].format(*list(texts)[-2:], own=list(texts)[-1])),
            Paragraph(ABOUT[name]),
            Samples(["label", *texts], samples),
        ]
    for name in EARLIER:
        for old in {*folder.glob(f"{name}-[0-9][0-9].png")} - written:
            old.unlink()
    return blocks


def _texts(test: Lines, i: int, texts: Texts, protocol: Protocol) -> list[Code]:
    """The label of a line, and what every reader reads of it."""
    label, form = test.texts[i] or "", test.form(i)
    want = fold(fold_label(label, form), protocol)
    read = [of_one[test.keys[i]] for of_one in texts.values()]
    return [Code(label), *(Code(text, wrong=fold(fold_label(text, form), protocol) != want) for text in read)]
