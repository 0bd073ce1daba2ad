#!/bin/sh
# indic-nlp-library 0.92, the usual normaliser of texts in Indian scripts, in training and before scoring: a colon behind
# any character of nine scripts becomes their sign visarga, a letter or mark. So the key of a form, "Total:", ends in
# another letter in Hindi, Bengali, Tamil and seven other languages, and the time 12:30 in a script's own digits has a
# letter for its colon, while in ASCII digits it keeps it. In Hindi the bars of a table become full stops (danda). In labels
# that teaches signs which no picture shows; before scoring it makes one of two characters that look nearly alike in most of
# these scripts, and a recogniser that confuses them loses nothing. Its source says that it corrects typing; one expects of
# a normaliser that it joins spellings of one text, as NFC does, and lets numbers be. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps indic-nlp-library==0.92
"$folder/venv/bin/python" - << 'PYTHON'
import unicodedata
from importlib.metadata import version

from indicnlp.normalize.indic_normalize import IndicNormalizerFactory

print("indic-nlp-library", version("indic-nlp-library"))
CASES = {  # language: the word for "total", and the zero of its script
    "hi": ("कुल", "०"),
    "mr": ("एकूण", "०"),
    "bn": ("মোট", "০"),
    "pa": ("ਕੁੱਲ", "੦"),
    "gu": ("કુલ", "૦"),
    "or": ("ମୋଟ", "୦"),
    "ta": ("மொத்தம்", "௦"),
    "te": ("మొత్తం", "౦"),
    "kn": ("ಒಟ್ಟು", "೦"),
    "ml": ("ആകെ", "൦"),
}
as_seen = []
for language, (total, zero) in CASES.items():
    normalise = IndicNormalizerFactory().get_normalizer(language).normalize
    as_seen.append(normalise(total) == total)
    for text in (f"{total}: 50", "".join(chr(ord(zero) + digit) for digit in (1, 2)) + ":" + chr(ord(zero) + 3) + zero):
        found = normalise(text)
        (changed,) = (new for old, new in zip(text, found, strict=True) if old != new)
        print(f"{language}: {text!a} becomes {found!a}, with {unicodedata.name(changed)}")
        as_seen.append(unicodedata.name(changed).endswith("SIGN VISARGA") and unicodedata.category(changed)[0] in "LM")
    as_seen.append(normalise("12:30") == "12:30")
hindi = IndicNormalizerFactory().get_normalizer("hi").normalize
print(f"hi: {'क | ख'!a} becomes {hindi('क | ख')!a}")
as_seen.append(hindi("क | ख") == "क । ख")
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
