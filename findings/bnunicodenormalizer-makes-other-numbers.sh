#!/bin/sh
# bnunicodenormalizer 0.1.7, a usual normaliser of Bengali labels and texts before training and before scoring: numbers become
# other numbers. A slash is dropped, so that ১/২ (one half) becomes ১২, twelve, and the date ৩০/১১/২০২৬ is ৩০১১২০২৬, one number
# of eight digits; so are plus, percent and degree signs: ১২+৩ is ১২৩, "12.50" in European digits is a full stop alone, and
# "A4" is None. allow_english=True keeps the signs of ASCII, and still makes ৫×৬ (five times six) ৫৬ and drops ½. The taka sign,
# with which prices in Bangladesh begin, is dropped in both, ৳১০০ is ১০০, though it lies in the Bengali block, and the package's own
# table lists it as the one symbol of Bengali. Commas, points, colons and hyphens stay, and so do words, so a try with prose
# shows nothing. Each call returns the text as "normalized"; that a step "InvalidUnicode" ran stands among its "ops" alone.
# Labels of receipts and forms then lack what their pictures show. One expects a normal form to be the same number.
# Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet bnunicodenormalizer==0.1.7
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

from bnunicodenormalizer import Normalizer
from bnunicodenormalizer.langs import bangla

print("bnunicodenormalizer", version("bnunicodenormalizer"), "- symbols of its table:", bangla.symbols)
by_default, with_english = Normalizer(), Normalizer(allow_english=True)
CASES = {  # a word: what it becomes by default, and with allow_english=True
    "মোট": ("মোট", "মোট"),
    "১,২৫০.৫০": ("১,২৫০.৫০", "১,২৫০.৫০"),
    "১০:৩০": ("১০:৩০", "১০:৩০"),
    "১/২": ("১২", "১/২"),
    "৩০/১১/২০২৬": ("৩০১১২০২৬", "৩০/১১/২০২৬"),
    "১২+৩": ("১২৩", "১২+৩"),
    "৫০%": ("৫০", "৫০%"),
    "৳১০০": ("১০০", "১০০"),
    "৫×৬": ("৫৬", "৫৬"),
    "২½": ("২", "২"),
    "12.50": (".", "12.50"),
    "A4": (None, "A4"),
}
as_seen = ["৳" in bangla.symbols]
for word, expected in CASES.items():
    found = tuple(normalise(word)["normalized"] for normalise in (by_default, with_english))
    print(f"{word}: {found[0]}; with allow_english=True {found[1]}")
    as_seen.append(found == expected)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
