#!/bin/sh
# datasets 5.2.0: a map that only looks at a picture stores another one. Of a data set that holds JPEG files (column image,
# as from Parquet or the hub), ds.map(lambda row: {"width": row["image"].width}) gives back not only the width: what was
# decoded for the function is compressed anew, at Pillow's quality 75 whatever the file had, and its name becomes None. A
# line at quality 95 goes from 1,475 bytes to 963, pixels differ by up to 38 of 255 levels, and each further look changes
# some again: blur and ringing about letters that no scanner made. The same map with batched=True does it, too; filter,
# input_columns="image", or a function that reads other columns keep every byte. PNG keeps its pixels and loses its name.
# One expects of a column that the function does not return that it stays. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 pillow==13.0.0
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - << 'PYTHON'
import io
from importlib.metadata import version

import datasets
import numpy as np
from PIL import Image, ImageDraw

print(*(f"{name} {version(name)}" for name in ("datasets", "pillow", "pyarrow")))
datasets.disable_progress_bars()
FORM = datasets.Features({"image": datasets.Image(), "text": datasets.Value("string")})
TEXT = "Total 12.50 EUR"
line = Image.new("L", (200, 32), 255)
ImageDraw.Draw(line).text((5, 5), TEXT, fill=0)


def rows(form, **settings):
    """A data set of one line, and the bytes of its file."""
    line.save(held := io.BytesIO(), form, **settings)
    row = {"bytes": held.getvalue(), "path": f"line-1.{form.lower()}"}
    return datasets.Dataset.from_dict({"image": [row], "text": [TEXT]}, features=FORM), row


def stored(rows):
    return rows.cast_column("image", datasets.Image(decode=False))[0]["image"]


def pixels(row):
    return np.asarray(Image.open(io.BytesIO(row["bytes"]))).astype(int)


def look(row):
    return {"width": row["image"].width}


as_seen = []
jpeg, before = rows("JPEG", quality=95)
looked, shares = jpeg, []
for times in range(1, 4):
    looked, last = looked.map(look), stored(looked)
    after = stored(looked)
    away = np.abs(pixels(after) - pixels(before))
    print(f"JPEG looked at {times} times: {len(after['bytes'])} bytes for {len(before['bytes'])}, {after['path']} for", end=" ")
    print(f"{before['path']}, differs by up to {away.max()}, {away.mean():.2f} on average")
    shares.append(away.mean())
    as_seen += [after["path"] is None, away.max() > 20, not np.array_equal(pixels(after), pixels(last))]
as_seen.append(shares == sorted(shares))
quality_75 = io.BytesIO()
line.save(quality_75, "JPEG")
tables = [Image.open(held).quantization for held in (io.BytesIO(stored(looked)["bytes"]), quality_75)]
as_seen.append(tables[0] == tables[1])
in_batches = stored(jpeg.map(lambda batch: {"width": [image.width for image in batch["image"]]}, batched=True))
print("in batches, bytes kept:", in_batches["bytes"] == before["bytes"])
as_seen.append(in_batches["bytes"] != before["bytes"])
KEPT = {
    "filter": jpeg.filter(lambda row: row["image"].width > 0),
    "input_columns": jpeg.map(lambda image: {"width": image.width}, input_columns="image"),
    "another column": jpeg.map(lambda row: {"length": len(row["text"])}),
}
for name, found in KEPT.items():
    print(f"{name}, all kept:", stored(found) == before)
    as_seen.append(stored(found) == before)
png, before = rows("PNG")
after = stored(png.map(look))
print("PNG, pixels kept:", np.array_equal(pixels(after), pixels(before)), "name:", after["path"])
as_seen += [np.array_equal(pixels(after), pixels(before)), after["path"] is None]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
