#!/bin/sh
# jellyfish 1.3.0: levenshtein_distance, a usual edit distance for character error rates, counts neither code points, as
# len(), jiwer and rapidfuzz do, nor anything it names: it cuts texts into grapheme clusters first. A Hindi letter whose vowel
# sign is another one costs 1, and so does one that is another letter with another sign: two errors in two characters.
# Divided by len(), as one does, a reader of Devanagari, Tamil, Thai or pointed Hebrew and Arabic looks up to twice as good,
# and a text where all is wrong has a rate of 0.5. Lines of Latin text and Chinese are counted as everywhere, so a try shows
# nothing; "e" with a combining accent, which NFC makes one character, is one here, too. "\r\n" is one character. The
# docstring and README say Levenshtein distance alone. hamming_distance does the same. One expects one unit in
# one language: the code points of a Python string. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet jellyfish==1.3.0 rapidfuzz==3.14.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import jellyfish
from rapidfuzz.distance import Levenshtein

print(*(f"{name} {version(name)}" for name in ("jellyfish", "rapidfuzz")))
CASES = {  # what is there, what was read: by code points, by jellyfish
    "Latin": ("Total 12.50", "Totel 12,5O", 3, 3),
    "Chinese": ("日本", "日木", 1, 1),
    "Hindi, one sign wrong": ("कि", "की", 1, 1),
    "Hindi, letter and sign wrong": ("दिन", "रीन", 2, 1),
    "Hindi, all wrong": ("कि" * 4, "री" * 4, 8, 4),
    "Thai, letter and sign wrong": ("กิน", "ภีน", 2, 1),
    "Hebrew, letter and point wrong": ("שָׁם", "עֵם", 3, 1),
    "Tamil, a letter with its sign missing": ("நான்", "நா", 2, 1),
    "a line break of two characters missing": ("a\r\nb", "ab", 2, 1),
}
as_seen = []
for name, (there, read, by_points, by_clusters) in CASES.items():
    points, found = Levenshtein.distance(there, read), jellyfish.levenshtein_distance(there, read)
    rates = [round(n / len(there), 2) for n in (points, found)]
    print(f"{name}: {len(there)} characters, distance {points}, rate {rates[0]}; by jellyfish {found}, {rates[1]}")
    as_seen += [points == by_points, found == by_clusters]
as_seen.append(jellyfish.hamming_distance("कि" * 4, "री" * 4) == 4)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
