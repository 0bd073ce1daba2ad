#!/bin/sh
# hgtk 0.2.1, a usual way to write Korean as single letters (jamo), with which a recogniser gets by on some 70 classes instead of
# 11,172: text.decompose drops each character that is neither Hangul nor Latin-1. "₩1,000" becomes "1,000", "㈜한국" and
# "大韓民國" lose what stands there beside Hangul or all of it, typographic quotes, dashes, "…", "→", "①" and "㎡" are gone. So
# labels lack signs that their pictures show, texts that are scored lack those that were read wrongly, and compose
# gives back shorter lines than went in. The middle dot, "±" and "½" are Latin-1 and stay; letters, spaces and ASCII do, too,
# which is most of a sample. Nothing is said; the cause is latin_filter, which is True. One expects of a
# decomposition that it leaves other characters as they are, as the package jamo 0.4.1 and NFD do. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet hgtk==0.2.1 six==1.17.0 jamo==0.4.1
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version

import hgtk
import jamo

print(*(f"{name} {version(name)}" for name in ("hgtk", "jamo")))
CASES = {  # text: what is there after decompose and compose
    "합계 12,000원": "합계 12,000원",
    "값 ±5 · ½": "값 ±5 · ½",
    "₩1,000": "1,000",
    "㈜한국": "한국",
    "大韓民國 서울": " 서울",
    "“가” — 나…": "가  나",
    "10 → 20 ㎡": "10  20 ",
    "① 없다": " 없다",
}
as_seen = []
for text, expected in CASES.items():
    found = hgtk.text.compose(hgtk.text.decompose(text))
    whole = hgtk.text.compose(hgtk.text.decompose(text, latin_filter=False))
    others = [character for character in text if not "가" <= character <= "힣"]
    kept = all(character in jamo.h2j(text) for character in others)
    print(f"{text!r}: {found!r}; without latin_filter the same: {whole == text}; all other characters in jamo's: {kept}")
    as_seen += [found == expected, whole == text, kept]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
