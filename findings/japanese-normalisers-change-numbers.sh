#!/bin/sh
# neologdn 0.5.6 and jaconv 0.5.0 (normalize), the usual normalisers of Japanese text before training and before scoring,
# make other numbers of numbers. neologdn drops every tilde, also between digits: "3～5日" (3 to 5 days) is "35日", "10:00～
# 19:00" is "10:0019:00" and "1~2" is "12"; and it turns the yen sign of "¥1,000" into a back slash, while "￥1,000" keeps its
# own. jaconv puts the vowel bar "ー" for full-width tildes. Both put it for the full-width hyphen and for dashes, so that
# telephone numbers and dates in full-width digits, ０３－１２３４ and ２０２６－１１－２９, have a letter of kana in them: 03ー1234.
# In labels these are characters that no picture shows; before scoring a reader that confuses 35 with 3～5 has no error.
# neologdn's README has tildes and bars among what it changes, in prose of social media; prices, hours and numbers are on
# every receipt. One expects NFKC, which leaves digits apart. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet neologdn==0.5.6 jaconv==0.5.0
"$folder/venv/bin/python" - << 'PYTHON'
import unicodedata
from importlib.metadata import version

import jaconv
import neologdn

print(*(f"{name} {version(name)}" for name in ("neologdn", "jaconv")))
CASES = {  # text: by neologdn, by jaconv
    "3～5日": ("35日", "3ー5日"),
    "3〜5日": ("35日", "3ー5日"),
    "1~2": ("12", "1~2"),
    "10:00～19:00": ("10:0019:00", "10:00ー19:00"),
    "¥1,000": ("\\1,000", "¥1,000"),
    "￥1,000": ("￥1,000", "¥1,000"),
    "０３－１２３４": ("03ー1234", "03ー1234"),
    "２０２６－１１－２９": ("2026ー11ー29", "2026ー11ー29"),
    "A—B": ("AーB", "AーB"),
    "03-1234": ("03-1234", "03-1234"),
}
as_seen = []
for text, expected in CASES.items():
    found = (neologdn.normalize(text), jaconv.normalize(text))
    print(f"{text}: neologdn {found[0]!a}, jaconv {found[1]!a}, NFKC {unicodedata.normalize('NFKC', text)!a}")
    as_seen.append(found == expected)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
