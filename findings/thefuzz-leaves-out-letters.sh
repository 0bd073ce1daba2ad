#!/bin/sh
# thefuzz 0.22.1, a usual way to put what was read into a list of known names: process leaves out letters before it compares.
# extractOne("Müller", ["Möller", "Müller"]) is ("Möller", 100): another name, with the highest score, although the text itself
# is in the list; whichever stands first is taken. In Hindi, Bengali, Tamil and Thai it compares consonants alone: "दाल"
# (lentils) is "दिल" (heart). There are two causes. The default scorer, WRatio, drops the code points from 128 to 255, where
# letters of Western Europe stand, and keeps those behind: Polish loses "ó" and keeps "ą". Then it makes a space of each
# character that is no letter or digit, and to Unicode vowel signs are marks. So "-12.50" is "12.50", and "12,50", too.
# fuzz.ratio of the same texts is right, and so are Russian, Chinese and English, and rapidfuzz, which computes it. One expects an
# equal text to be the best one. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps thefuzz==0.22.1 rapidfuzz==3.14.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import rapidfuzz
from thefuzz import fuzz, process

print(*(f"{name} {version(name)}" for name in ("thefuzz", "rapidfuzz")))
CASES = {  # the other name, the one that was read: whether the other one is taken, though the one that was read is known, too
    "German": ("Möller", "Müller", True),
    "French": ("pêché", "péché", True),
    "Polish, a letter below 256": ("Król", "Krl", True),
    "Polish, a letter above": ("kąt", "kęt", False),
    "Hindi": ("दिल", "दाल", True),
    "Hindi, a vowel more": ("कल", "कला", True),
    "Bengali": ("দিন", "দান", True),
    "Tamil": ("பூ", "பை", True),
    "Thai": ("ดู", "ดี", True),
    "a sign": ("12.50", "-12.50", True),
    "a point": ("12,50", "12.50", True),
    "Russian": ("дом", "дым", False),
    "Chinese": ("日本", "日木", False),
    "English": ("Miller", "Muller", False),
}
as_seen = []
for name, (other, read, wrong) in CASES.items():
    best, score = process.extractOne(read, [other, read])
    itself = rapidfuzz.process.extractOne(read, [other, read], scorer=rapidfuzz.fuzz.WRatio)[0]
    print(f"{name}: of {other!r} and {read!r}, {read!r} is {best!r} ({score}), by rapidfuzz {itself!r}; ratio {fuzz.ratio(other, read)}")
    as_seen += [(best, score) == (other if wrong else read, 100), itself == read, fuzz.ratio(other, read) < 100]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
