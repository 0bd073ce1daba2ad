#!/bin/sh
# pytesseract 0.3.13 with pandas 3.1.1: image_to_data with output_type=Output.DATAFRAME, the usual way to words with their boxes
# and confidences, gives back other words than Tesseract read. Tesseract's table goes through pandas' read_csv, which guesses a
# type for the column of words: "NA", "None", "null" and "nan" are missing values in it, as empty rows are, and dropna(), which
# everybody calls on it, takes their words with them. Where every word of a page is a number, as in a column of a table,
# a meter or a crop, they are floats: "007" is 7.0, "12.50" is 12.5, "1e5" is 100000.0, and "12345678901234567890" loses its last
# digits. One word with a letter anywhere on the page keeps all of them as they are, so what happens to "007" depends on the
# rest of its page; a page of "True" and "False" is bool. Output.DICT and Output.STRING of the same page have the words.
# One expects the words. pandas_config={"dtype": {"text": str}, "keep_default_na": False} keeps them. Tesseract itself is
# a program here that writes its table, so that no installation of it counts. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps pytesseract==0.3.13 packaging==26.4 pillow==13.0.0 pandas==3.1.1 \
    numpy==2.4.6 python-dateutil==4.0.0 six==1.17.0
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import sys
from importlib.metadata import version
from pathlib import Path

import pytesseract
from PIL import Image
from pytesseract import Output, image_to_data

print(*(f"{name} {version(name)}" for name in ("pytesseract", "pandas")))
FOLDER = Path(sys.argv[1])
NAMES = "level page_num block_num par_num line_num word_num left top width height conf text".split()
PROGRAM = f"""#!{sys.executable}
import sys
from pathlib import Path
if "--version" in sys.argv:
    print("tesseract 5.5.0")
else:
    Path(sys.argv[2] + ".tsv").write_text(Path({str(FOLDER / "table.tsv")!r}).read_text())
"""
program = FOLDER / "tesseract"
program.write_text(PROGRAM)
program.chmod(0o755)
pytesseract.pytesseract.tesseract_cmd = str(program)
PAGE = Image.new("L", (400, 60), 255)
KEPT = {"dtype": {"text": str}, "keep_default_na": False}


def read(words, **settings):
    """What comes back of a page with these words, as Tesseract writes it: rows of page, block, paragraph and line first."""
    rows = [NAMES, *([str(level), *"1" * 4, "0", "0", "0", "400", "60", "-1", ""] for level in (1, 2, 3, 4))]
    rows += [["5", *"1" * 4, str(i), str(60 * i), "10", "50", "30", "96.5", word] for i, word in enumerate(words, 1)]
    (FOLDER / "table.tsv").write_text("".join("\t".join(row) + "\n" for row in rows))
    return image_to_data(PAGE, **settings)


CASES = {  # the words on a page, and what is left of them without the missing ones
    "numbers": (["007", "12.50", "1e5", "12345678901234567890"], [7.0, 12.5, 100000.0, 12345678901234567168.0]),
    "numbers and a word": (["007", "12.50", "1e5", "EUR"], ["007", "12.50", "1e5", "EUR"]),
    "abbreviations": (["Name", "NA", "None", "null", "nan", "N/A"], ["Name"]),
    "of a form": (["True", "False"], [True, False]),
}
as_seen = []
for name, (words, expected) in CASES.items():
    frame = read(words, output_type=Output.DATAFRAME)
    found = frame["text"].dropna().tolist()
    kept = read(words, output_type=Output.DATAFRAME, pandas_config=KEPT)["text"].tolist()[4:]
    as_text = read(words, output_type=Output.DICT)["text"][4:]
    print(f"{name}: {words} became {found} ({frame['text'].dtype}); as DICT {as_text}, with types {kept}")
    as_seen += [found == expected, list(map(type, found)) == list(map(type, expected)), as_text == words, kept == words]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
