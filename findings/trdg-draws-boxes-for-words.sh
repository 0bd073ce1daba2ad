#!/bin/sh
# trdg 1.8.0 (TextRecognitionDataGenerator), a usual renderer of lines to train recognisers with: it comes with lists of words in
# 66 languages, and with fonts for Latin, Chinese and Japanese. Any other language takes the folder "latin", and none of its
# 100 fonts has the letters of Arabic, Hebrew, Hindi, Bengali, Tamil, Thai or Korean, though the help of -l names Arabic and
# Hindi, and the README has rows for fonts of Korean and Thai.
# With 55 of the fonts two different words of equal length are one and the same picture, a row of boxes, each with its own label.
# With 27 more there is None for a picture and with 18 an error, as no ink is left. Of Russian 32 fonts have no letter, and 14
# of them draw boxes, so one line in seven is boxes and the rest look right. English and Polish words are pictures, and so are
# Chinese ones, so a try with them shows nothing. A font is picked at random, and none is asked whether it has the letters. One
# expects an error, or fonts for the languages on the list. Pillow is 9.5.0, the last that this version, the newest, runs
# with. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps trdg==1.8.0 pillow==9.5.0 numpy==2.4.6 \
    opencv-python-headless==5.0.0.93 arabic-reshaper==3.1.0 python-bidi==0.6.12 wikipedia==1.4.0 beautifulsoup4==4.15.0 \
    soupsieve==2.8 typing-extensions==4.16.0 requests==2.34.2 urllib3==2.8.0 idna==3.20 certifi==2026.10.19.post1 charset-normalizer==3.5.3 \
    tqdm==4.70.1
"$folder/venv/bin/python" - << 'PYTHON'
import io
from collections import Counter
from contextlib import redirect_stdout
from importlib.metadata import version
from pathlib import Path

import trdg

with redirect_stdout(io.StringIO()):  # that its module for handwriting lacks TensorFlow
    from trdg.generators import GeneratorFromStrings
from trdg.utils import load_fonts

print(*(f"{name} {version(name)}" for name in ("trdg", "pillow")))
LISTS = Path(trdg.__file__).with_name("dicts")
print(len(list(LISTS.glob("*.txt"))), "lists of words, fonts for", sorted(path.name for path in LISTS.with_name("fonts").iterdir()))
ALL_BOXES = {"one picture": 55, "none": 27, "error": 18}
CASES = {  # two words, and what comes of them with the fonts that the package takes for the language
    "ar": ("قلم", "ملح", ALL_BOXES),
    "he": ("ספר", "לחם", ALL_BOXES),
    "hi": ("नगर", "कमल", ALL_BOXES),
    "bn": ("নগর", "কমল", ALL_BOXES),
    "ta": ("மரம", "படக", ALL_BOXES),
    "th": ("นคร", "กลม", ALL_BOXES),
    "ko": ("한국", "서울", ALL_BOXES),
    "ru": ("дом", "лес", {"two pictures": 68, "one picture": 14, "none": 9, "error": 9}),
    "en": ("net", "sum", {"two pictures": 100}),
    "pl": ("żal", "łoś", {"two pictures": 100}),
    "cn": ("山川", "日月", {"two pictures": 1}),
}


def drawn(words, language, font):
    """How the two words come out of the package's own generator."""
    try:
        with redirect_stdout(io.StringIO()):
            settings = {"count": 2, "fonts": [font], "language": language, "size": 48, "background_type": 1}
            (first, label), (second, other) = GeneratorFromStrings(list(words), **settings)
    except ValueError:
        return "error"
    if first is None or second is None:
        return "none"
    assert label != other
    return "one picture" if first.size == second.size and first.tobytes() == second.tobytes() else "two pictures"


as_seen = []
for language, (*words, expected) in CASES.items():
    found = Counter(drawn(words, language, font) for font in load_fonts(language))
    print(language, *words, dict(found), "list of words:", (LISTS / f"{language}.txt").is_file())
    as_seen += [found == expected, (LISTS / f"{language}.txt").is_file()]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
