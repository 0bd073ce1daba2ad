#!/bin/sh
# symspellpy 6.10.1, a usual corrector behind OCR, with the English list that it ships: lookup_compound makes words of numbers.
# "Total 12.50" becomes "total of of", "Invoice 4711" "invoice of of", "Room 101, 3 nights" "room a of a nights": a number is
# in no list, so its nearest word is taken, two edits from two digits being any word of two letters, and "of" is one of
# the commonest. Points, commas, dashes and "%" are gone, too. With ignore_non_words numbers stay, though not as they were:
# "12.50" is "12 50" and "-5" is "5"; a letter beside one is still a word, so "3 x 2.50" is "3 a 2 50". transfer_casing, which is
# to keep capitals, puts one inside: "Teh" becomes "THe". lookup of one word takes "12" for "of" as well. In running text
# all of these look right. One expects a corrector of spelling to leave what is no word. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps symspellpy==6.10.1 editdistpy==0.4.0
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version
from importlib.resources import files

from symspellpy import SymSpell, Verbosity

print(*(f"{name} {version(name)}" for name in ("symspellpy", "editdistpy")))
speller = SymSpell()
speller.load_dictionary(str(files("symspellpy") / "frequency_dictionary_en_82_765.txt"), 0, 1)
CASES = {  # text: corrected, corrected with ignore_non_words and transfer_casing
    "the whole buidling": ("the whole building", "the whole building"),
    "Total 12.50": ("total of of", "Total 12 50"),
    "Invoice 4711": ("invoice of of", "Invoice 4711"),
    "Room 101, 3 nights": ("room a of a nights", "Room 101 3 nights"),
    "2026-11-29": ("of of of of", "2026 11 29"),
    "change -5": ("change a", "change 5"),
    "3 x 2.50": ("a a a of", "3 a 2 50"),
    "Teh receipt": ("the receipt", "THe receipt"),
}
as_seen = []
for text, expected in CASES.items():
    plain = speller.lookup_compound(text, 2)[0].term
    careful = speller.lookup_compound(text, 2, ignore_non_words=True, transfer_casing=True)[0].term
    print(f"{text!r}: {plain!r}, with both options {careful!r}")
    as_seen.append((plain, careful) == expected)
(nearest,) = speller.lookup("12", Verbosity.TOP, 2)
print(f"lookup of '12': {nearest.term!r}")
as_seen.append(nearest.term == "of")
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
