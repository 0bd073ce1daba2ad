#!/bin/sh
# Pillow 13.0.0 with Raqm, which its wheels have and truetype() takes wherever the system has FriBiDi: the pictures of a text
# depend on the language of whoever runs the program. Where the environment says ro_RO (LANG, LC_ALL or LC_CTYPE), the
# Turkish letter "ş" is drawn as the Romanian "ș", with the very same pixels, in 96 of 171 families of Google Fonts, Noto
# Sans among them: label and picture then differ. With bg_BG Bitter gives Russian words the Bulgarian letters, with mr_IN
# Mukta gives Hindi the "ल" and "श" of Marathi, with tr_TR EB Garamond has no ligature in "fi". Text, font, Pillow and call
# are the same, and nothing is said. So a recipe renders other lines on a desktop than in a container, which has no such
# locale, and pictures that a test has stored are other ones elsewhere. The cause: text(), getmask() and getlength() with
# language=None, the default, tell HarfBuzz no language, and it takes that of the process's locale, which Python sets from
# the environment when it starts. Basic layout has one picture for all; so has language="und", the one of the locale C.
# One expects equal pixels of equal calls. A locale is a copy of C.utf8 (glibc) with another name here. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pillow==13.0.0 fontpkg-noto-sans==2.15 fontpkg-bitter==3.21 fontpkg-mukta==2.538 \
    fontpkg-eb-garamond==1.3
mkdir "$folder/locales"
for language in ro_RO bg_BG mr_IN tr_TR; do
    cp -r /usr/lib/locale/C.utf8 "$folder/locales/$language.UTF-8"
done
LOCPATH="$folder/locales" "$folder/venv/bin/python" - << 'PYTHON'
import os
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path

from PIL import features

assert features.check("raqm"), "install the system's FriBiDi (libfribidi0)"
print("pillow", version("pillow"), *(f"{name} {features.version(name)}" for name in ("raqm", "harfbuzz")))
SITE = Path(sysconfig.get_path("purelib"))
DRAW = """
import hashlib, sys
from PIL import Image, ImageDraw, ImageFont
path, text, language, layout = sys.argv[1:]
font = ImageFont.truetype(path, 48, layout_engine=int(layout)) if layout else ImageFont.truetype(path, 48)
page = Image.new("L", (400, 90), 255)
ImageDraw.Draw(page).text((9, 9), text, font=font, fill=0, language=language or None)
print(hashlib.sha256(page.tobytes()).hexdigest())
"""


def drawn(font, text, locale, language="", layout=""):
    """A digest of the pixels, drawn by a process of its own in this locale."""
    (path,) = SITE.glob(f"**/{font}")
    settings = {**os.environ, "LC_ALL": f"{locale}.UTF-8"}
    done = subprocess.run([sys.executable, "-c", DRAW, path, text, language, layout], env=settings, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


as_seen = []
for font, text, locale in (
    ("NotoSans[[]wdth,wght].ttf", "Şişli", "ro_RO"),
    ("Bitter[[]wght].ttf", "вход", "bg_BG"),
    ("Mukta-Regular.ttf", "शाल", "mr_IN"),
    ("EBGaramond[[]wght].ttf", "fish", "tr_TR"),
):
    plainly, there = drawn(font, text, "C"), drawn(font, text, locale)
    neutral = [drawn(font, text, each, "und") for each in ("C", locale)]
    basic = [drawn(font, text, each, layout="0") for each in ("C", locale)]
    print(f"{font.replace('[[]', '[')} {text!r}: in {locale} the picture is", "the same" if there == plainly else "another one")
    as_seen += [there != plainly, neutral == [plainly, plainly], len(set(basic)) == 1]
turkish, romanian = drawn("NotoSans[[]wdth,wght].ttf", "Şişli", "ro_RO"), drawn("NotoSans[[]wdth,wght].ttf", "Șișli", "C")
print("in ro_RO Turkish 'Şişli' has the pixels of Romanian 'Șișli':", turkish == romanian)
as_seen += [turkish == romanian, drawn("NotoSans[[]wdth,wght].ttf", "Şişli", "C") != romanian]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
