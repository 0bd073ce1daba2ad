#!/bin/sh
# datumaro 1.13.12, a usual converter of label formats: it loses texts of the two formats of ICDAR, and says nothing.
# Word recognition (gt.txt): a label with a comma and a space, '"Total, net"', comes back as a picture without a label, whose
# path has lost its last letter; back slashes are thrown away, so "C:\a" is "C:a". That holds for gt.txt of its own making,
# too: it writes both, and reads neither. Text localisation as ICDAR 2015 has it (eight numbers and the text, without
# quotes): "Genaxis Theatre", a box whose text has one space, is not there at all; "1,200" is a box without a text.
# One word, "###" and numbers with a dot come back right, which is most of a sample. One expects a row of eight numbers to be
# a box, and what was written to be read, or an error. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps datumaro==1.13.12 numpy==2.4.6 pillow==13.0.0 attrs==26.1.0 imagesize==2.0.1 \
    json-stream==2.5.1 json-stream-rs-tokenizer==0.5.4 lxml==6.1.3 opencv-python-headless==5.0.0.93 orjson==3.13.0 \
    pandas==3.1.1 pycocotools==2.0.11 pyyaml==6.0.4 shapely==2.2.0 tqdm==4.70.1 typing_extensions==4.16.0
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import logging
import sys
from importlib.metadata import version
from pathlib import Path

import numpy
from datumaro import Dataset, DatasetItem
from datumaro.components.annotation import Caption
from datumaro.components.media import Image

print("datumaro", version("datumaro"))
FOLDER = Path(sys.argv[1])
TEXTS = ["12.50", "1,200", "Total, net", "C:\\a"]
ROWS = ["Genaxis", "Genaxis Theatre", "1,200", "12.50", "###"]
said = []


class Kept(logging.Handler):
    def emit(self, record):
        said.append(record.getMessage())


logging.getLogger().addHandler(Kept())


def words(folder):
    """Of each item the labels, and whether its picture is there."""
    items = Dataset.import_from(str(folder), "icdar_word_recognition")
    return [([note.caption for note in item.annotations], Path(item.media.path).exists()) for item in items]


def picture(name, labels):
    pixels = numpy.full((20, 80, 3), 255, numpy.uint8)
    return DatasetItem(name, subset="train", media=Image.from_numpy(pixels), annotations=[Caption(label) for label in labels])


Dataset.from_iterable([picture(f"word_{place}", [text]) for place, text in enumerate(TEXTS)]).export(
    str(FOLDER / "words"), "icdar_word_recognition", save_media=True
)
written = (FOLDER / "words" / "train" / "gt.txt").read_text(encoding="utf-8").splitlines()
read = words(FOLDER / "words")
for row, back in zip(written, read, strict=True):
    print(f"{row} comes back as {back[0]}, picture there: {back[1]}")
as_seen = [written == [f'word_{place}.png, "{text}"' for place, text in enumerate(TEXTS)]]
as_seen.append(read == [(["12.50"], True), (["1,200"], True), ([], False), (["C:a"], True)])

boxes = FOLDER / "boxes" / "train"
boxes.mkdir(parents=True)
corners = [f"10,{top},90,{top},90,{top + 9},10,{top + 9}" for top in range(0, 10 * len(ROWS), 10)]
rows = [f"{points},{text}\n" for points, text in zip(corners, ROWS, strict=True)]
(boxes / "gt_img_1.txt").write_text("".join(rows), encoding="utf-8")
(item,) = Dataset.import_from(str(FOLDER / "boxes"), "icdar_text_localization")
found = {int(note.points[1]): note.attributes.get("text") for note in item.annotations}
for place, row in enumerate(rows):
    print(row.strip(), "comes back as", repr(found[10 * place]) if 10 * place in found else "nothing")
as_seen.append(found == {0: "Genaxis", 20: None, 30: "12.50", 40: "###"})
print("said:", said)
as_seen.append(said == [])
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
