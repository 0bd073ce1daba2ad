#!/bin/sh
# datasets 5.2.0: labels in a metadata.jsonl of an image folder, or in any JSON Lines file, come back as datetime where
# all of them look like ISO dates, though JSON marks them as strings. Lines that show dates are then no texts any more:
# "2026-11-29" and "2026-11-29 00:00:00" become one value, "...T10:00:00Z" loses its letters. One label "N/A" among them
# keeps all as they are, so of one data set the split with such a line has text and the other has timestamps, and "10:30"
# stays text everywhere. The same labels as CSV stay strings. "2026-11-29" becomes 2026-11-29 00:00:00 by pyarrow's JSON
# reader. One expects guessed types of CSV, not of JSON. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet datasets==5.2.0 pyarrow==26.0.1 pandas==3.1.1 numpy==2.4.6 pillow==13.0.0
HF_HUB_OFFLINE=1 HF_HOME="$folder/home" "$folder/venv/bin/python" - "$folder" << 'PYTHON'
import json
import sys
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import datasets
from PIL import Image

print(*(f"{name} {version(name)}" for name in ("datasets", "pyarrow")))
datasets.disable_progress_bars()
ROOT = Path(sys.argv[1])


def labels(name, form, texts):
    """What comes back of an image folder whose file of that form gives these labels."""
    folder = ROOT / name / form
    folder.mkdir(parents=True)
    for number in range(len(texts)):
        Image.new("L", (8, 8)).save(folder / f"{number}.png")
    rows = [{"file_name": f"{number}.png", "text": text} for number, text in enumerate(texts)]
    if form == "jsonl":
        (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        written = [f'{row["file_name"]},"{row["text"]}"\n' for row in rows]
        (folder / "metadata.csv").write_text("".join(["file_name,text\n", *written]))
    read = datasets.load_dataset("imagefolder", data_dir=str(folder), split="train", cache_dir=str(ROOT / "cache"))
    return read["text"][:]


DAY = datetime(2026, 11, 29)
CASES = {  # labels, and what becomes of them as JSON Lines
    "days": (["2026-11-29", "2026-11-29 00:00:00"], [DAY, DAY]),
    "times": (["2026-11-29T10:00:00Z", "2026-11-29 10:00"], [DAY.replace(hour=10)] * 2),
    "with another": (["2026-11-29", "N/A"], ["2026-11-29", "N/A"]),
    "hours": (["10:30", "11:45"], ["10:30", "11:45"]),
}
as_seen = []
for name, (texts, expected) in CASES.items():
    of_json = labels(name, "jsonl", texts)
    print(f"{texts}: {of_json}")
    as_seen.append(of_json == expected)
of_csv = labels("days", "csv", CASES["days"][0])
print(f"as CSV: {of_csv}")
as_seen.append(of_csv == CASES["days"][0])
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
