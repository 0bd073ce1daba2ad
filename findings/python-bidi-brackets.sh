#!/bin/sh
# python-bidi 0.6.12: the package has two functions get_display, and neither draws a line to the left with two pairs of
# brackets, one about a Hebrew letter and one behind a Latin word, as the Unicode bidirectional algorithm (UAX 9) does.
# bidi.get_display knows pairs of brackets (rule N0) and does not mirror them (rule L4): ")" and "(" face outwards.
# bidi.algorithm.get_display mirrors them and does not know pairs: "a(b)" comes out as "(a(b", with its last bracket at
# the other end. So who turns labels to the order of the picture with either teaches brackets that the picture does not
# show; rapidocr 3.10.0 turns its Arabic texts with the second. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet python-bidi==0.6.12
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import bidi
import bidi.algorithm

print("python-bidi", version("python-bidi"))
ALEF, BET = "\u05d0", "\u05d1"  # a line that begins with one runs to the left
CASES = {  # stored: by UAX 9, by bidi.get_display, by bidi.algorithm.get_display
    f"{ALEF} ({BET})": (f"({BET}) {ALEF}", f"){BET}( {ALEF}", f"({BET}) {ALEF}"),
    f"{ALEF} a(b)": (f"a(b) {ALEF}", f"a(b) {ALEF}", f"(a(b {ALEF}"),
    f"{ALEF} ({BET}) a(b)": (f"a(b) ({BET}) {ALEF}", f"a(b) ){BET}( {ALEF}", f"(a(b ({BET}) {ALEF}"),
}
as_seen = []
for stored, (rightly, *expected) in CASES.items():
    drawn = [bidi.get_display(stored), bidi.algorithm.get_display(stored)]
    print(f"{stored!a}: by UAX 9 {rightly!a}; bidi {drawn[0]!a}; bidi.algorithm {drawn[1]!a}")
    as_seen.append(drawn == expected)
as_seen.append(rightly not in drawn)  # of the last
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
