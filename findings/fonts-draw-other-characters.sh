#!/bin/sh
# Plus Jakarta Sans 2.71, Inter 4.1, Overpass 4.0 and Playfair Display 1.203, set by HarfBuzz (uharfbuzz 0.57.0) with the
# features that it turns on by itself, as Pillow does with Raqm and browsers do: fonts for body text that draw other
# characters than the text has. "2026-11-29" has the glyphs of "2026−11−29", with minus signs, in Plus Jakarta Sans,
# "2x" those of "2×"; "10 x 20" those of "10 × 20" in Inter; "->" is an arrow in the last three. So rendered lines are
# labelled "x" and "-" and show "×" and "−", which are classes of their own where a charset has them. One expects
# ligatures, such as "fi", that show the same characters. Without calt and liga all draw what stands there. The font's
# cmap, which says whether a character can be drawn, tells nothing of this. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet uharfbuzz==0.57.0
"$folder/venv/bin/python" -m pip install --quiet --no-deps fontpkg==0.2.2 fontpkg-plus-jakarta-sans==2.71 \
    fontpkg-inter==4.1.post1 fontpkg-overpass==4.000 fontpkg-playfair-display==1.203
"$folder/venv/bin/python" - << 'PYTHON'
import sysconfig
from importlib.metadata import version
from pathlib import Path

import uharfbuzz

print("uharfbuzz", version("uharfbuzz"), "with HarfBuzz", uharfbuzz.version_string())
CASES = {  # package: texts, and the other texts that they are drawn as
    "plus-jakarta-sans": {"2026-11-29": "2026−11−29", "2x": "2×", "3x9": "3×9", "0xFF": "0×FF"},
    "inter": {"10 x 20": "10 × 20", "3x9": "3×9", "->": "→", "=>": "⇒"},
    "overpass": {"a -> b": "a → b"},
    "playfair-display": {"a -> b": "a → b"},
}
PLAIN, as_seen = {"calt": False, "liga": False}, []


def glyphs(font, text, features=None):
    buffer = uharfbuzz.Buffer()
    buffer.add_str(text)
    buffer.guess_segment_properties()
    uharfbuzz.shape(font, buffer, features)
    return [glyph.codepoint for glyph in buffer.glyph_infos]


for package, texts in CASES.items():
    folder = Path(sysconfig.get_paths()["purelib"], f"fontpkg_{package.replace('-', '_')}")
    (file,) = (path for path in folder.rglob("*.ttf") if "Italic" not in path.name)
    font = uharfbuzz.Font(uharfbuzz.Face(uharfbuzz.Blob.from_file_path(str(file))))
    for text, other in texts.items():
        same, plain = glyphs(font, text) == glyphs(font, other), glyphs(font, text, PLAIN) == glyphs(font, other, PLAIN)
        print(f"{file.name} {version('fontpkg-' + package)}: {text!r} is drawn as {other!r}: {same}; without: {plain}")
        as_seen.append(same and not plain)
    as_seen.append(0 not in [glyph for pair in texts.items() for text in pair for glyph in glyphs(font, text)])
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
