#!/bin/sh
# wordfreq 3.1.1: its lists of the commonest words, a ready source of texts for rendered lines, lack letters that every
# printed page of the language has, since its words are case-folded and normalised. Not one of the 30,000 German words has
# an "ß" ("Straße" stands as "strasse"), no Greek one has the final sigma "ς", which very many words end in ("οδόσ"),
# Serbian is in Latin letters alone, Chinese without traditional characters, Arabic without vowel marks. Numbers are gone:
# where a word of these lists has two digits side by side or more, all of them are zeros, which stand for any ("u00"). A
# recogniser that learns from them never sees these letters, and reads "οδόσ" for "οδός".
# The README speaks of case folding; that an alphabet shrinks is what one does not expect of a list of words. Exits 0
# while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet wordfreq==3.1.1 ftfy==6.3.1 langcodes==3.5.1 locate==1.1.1 msgpack==1.2.4 \
    regex==2026.11.19 wcwidth==0.9.4
"$folder/venv/bin/python" - << 'PYTHON'
import re
import unicodedata
from importlib.metadata import version

from wordfreq import tokenize, top_n_list

print("wordfreq", version("wordfreq"))
CYRILLIC = {chr(code) for code in range(0x400, 0x460)}
TRADITIONAL = set("這個們來時說國會學對發後過還開關門見長東車馬")
CASES = {  # language: letters that its print has, and those of the same sound that the list has
    "de": ({"ß"}, set("äöü")),
    "el": ({"ς"}, {"σ"}),
    "sh": (CYRILLIC, set("čćžš")),
    "zh": (TRADITIONAL, set("这个们来时说国会学对发后过还开关门见长东车马")),
    "ar": ({mark for mark in map(chr, range(0x64B, 0x653))}, {"ا"}),
}
as_seen = []
for language, (missing, there) in CASES.items():
    words = top_n_list(language, 30000)
    letters = set("".join(words))
    numbers = {number for word in words for number in re.findall(r"\d\d+", word)}
    names = ", ".join(sorted(unicodedata.name(letter).lower() for letter in missing)[:2])
    print(f"{language}: {len(words)} words, of {len(missing)} letters such as {names}: {sorted(missing & letters)}; numbers {numbers}")
    as_seen += [len(words) == 30000, not missing & letters, there <= letters, all(set(n) == {"0"} for n in numbers)]
folded = tokenize("Straße groß", "de"), tokenize("οδός", "el")
print(folded)
as_seen.append(folded == (["strasse", "gross"], ["οδόσ"]))
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
