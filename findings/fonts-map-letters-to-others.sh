#!/bin/sh
# Fonts of good name whose cmap, the table that says which characters a font has, sends letters to glyphs of other letters
# or to nothing: Fjalla One 1.2 draws "ț" as "Ț" and "ǻ" as "Ǻ" (so Romanian "viață" comes out as "viaȚă"), ABeeZee 1.3
# "ŕ" as "Ŕ", Chivo 2.002 and Merriweather Sans 2.001 "δ" and "ω" as "Δ" and "Ω", all with the very same glyph. Mukta
# 2.538 in its seven weights has an empty glyph with a width for "º" and "¬", Assistant 3.0 for "˛", ABeeZee for "∕": "3º"
# is "3" and a gap. Their letters from a to z are right, so a look at a page of text shows nothing.
# Checks for coverage (the cmap, a .notdef box) call all of these drawn, and rendered lines are labelled with characters
# that their pictures do not show. One expects a cmap to lack what a font lacks. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet fonttools==4.68.0 pillow==13.0.0
"$folder/venv/bin/python" -m pip install --quiet --no-deps fontpkg==0.2.2 fontpkg-fjalla-one==1.2 fontpkg-abeezee==1.3 \
    fontpkg-chivo==2.002 fontpkg-merriweather-sans==2.001 fontpkg-mukta==2.538 fontpkg-assistant==3.0
"$folder/venv/bin/python" - << 'PYTHON'
import sysconfig
from importlib.metadata import version
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import ImageFont

print(*(f"{name} {version(name)}" for name in ("fonttools", "pillow")))
CASES = {  # package: letters that are drawn as their capitals, characters that are drawn as nothing
    "fjalla-one": ("țǻ", ""),
    "abeezee": ("ŕ", "∕"),
    "chivo": ("δω", ""),
    "merriweather-sans": ("δω", ""),
    "mukta": ("", "º¬"),
    "assistant": ("", "˛"),
}
as_seen = []
for package, (as_capital, as_nothing) in CASES.items():
    folder = Path(sysconfig.get_paths()["purelib"], f"fontpkg_{package.replace('-', '_')}")
    for file in sorted(path for path in folder.rglob("*.ttf") if "Italic" not in path.name):
        with TTFont(file) as font:
            cmap, drawn = font.getBestCmap(), ImageFont.truetype(file, 40)
            glyphs = {letter: cmap[ord(letter)] for letter in as_capital + as_capital.upper() + as_nothing}
            empty = [letter for letter in as_nothing if not font["glyf"][glyphs[letter]].numberOfContours]
            right = all(cmap[ord(letter)] != cmap[ord(letter.upper())] for letter in "abcdefghijklmnopqrstuvwxyz")
        same = [c for c in as_capital if glyphs[c] == glyphs[c.upper()]]
        same_picture = [c for c in as_capital if bytes(drawn.getmask(c)) == bytes(drawn.getmask(c.upper()))]
        white = [c for c in as_nothing if drawn.getmask(c).getbbox() is None and drawn.getlength(c) > 0]
        print(f"{file.name} {version('fontpkg-' + package)}: as capitals {same}, as nothing {empty}")
        as_seen += [same == same_picture == list(as_capital), empty == white == list(as_nothing), right]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
