#!/bin/sh
# alto-tools 0.1.0: the text that it takes out of ALTO (alto-tools FILE -t) lacks the second half of every word that is
# hyphenated at the end of a line, and has what stands before it twice in its place: of the lines "kept exam-" and "ple of
# it" come "kept exam" and "examof it". So it goes with every String whose SUBS_TYPE is HypPart2, as newspapers have it on
# most lines; an Abbreviation, the third value of the schema, repeats the word before it as well: "of", "Dr.", "Lee" come
# out as "of of Lee". The hyphens (HYP) are not written. One expects the halves as they stand, as HypPart1 has it, or the
# whole word once. Whoever makes labels or lists of words with it has doubles and holes in them, without a word of warning.
# Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet alto-tools==0.1.0
cat > "$folder/text.py" << 'PYTHON'
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

print("alto-tools", version("alto-tools"))
FOLDER = Path(sys.argv[1])
FIRST, SECOND = 'SUBS_TYPE="HypPart1" SUBS_CONTENT="example"', 'SUBS_TYPE="HypPart2" SUBS_CONTENT="example"'
CASES = {  # lines, each a list of words with their attributes: the text that comes out
    "hyphenated": (
        [[("kept", ""), ("exam", FIRST)], [("ple", SECOND), ("of", ""), ("it", "")]],
        "kept exam\nexamof it",
    ),
    "plain": ([[("kept", ""), ("exam", "")], [("ple", ""), ("of", ""), ("it", "")]], "kept exam \nple of it"),
    "abbreviation": (
        [[("of", ""), ("Dr.", 'SUBS_TYPE="Abbreviation" SUBS_CONTENT="Doctor"'), ("Lee", "")]],
        "of of Lee",
    ),
}


def alto(lines, edition):
    """An ALTO file with these lines; a line whose last word is a first half ends in a hyphen."""
    written = []
    for number, line in enumerate(lines):
        strings = [
            f'<String CONTENT="{word}" {more} HPOS="{90 * place}" VPOS="{30 * number}" WIDTH="80" HEIGHT="20"/>'
            for place, (word, more) in enumerate(line)
        ]
        hyphen = '<HYP CONTENT="-" HPOS="180" VPOS="0" WIDTH="6"/>' if "HypPart1" in line[-1][1] else ""
        place = f'HPOS="0" VPOS="{30 * number}" WIDTH="300" HEIGHT="20"'
        written.append(f'<TextLine ID="l{number}" {place}>{"<SP/>".join(strings)}{hyphen}</TextLine>')
    return (
        f'<alto xmlns="http://www.loc.gov/standards/alto/ns-v{edition}#"><Layout><Page ID="p" PHYSICAL_IMG_NR="1" '
        'WIDTH="300" HEIGHT="60"><PrintSpace><TextBlock ID="b" HPOS="0" VPOS="0" WIDTH="300" HEIGHT="60">'
        f"{''.join(written)}</TextBlock></PrintSpace></Page></Layout></alto>"
    )


as_seen = []
for name, (lines, expected) in CASES.items():
    for edition in (2, 3, 4):
        file = FOLDER / f"{name}-{edition}.xml"
        file.write_text(alto(lines, edition), encoding="utf-8")
        command = [Path(sys.executable).parent / "alto-tools", file, "-t"]
        text = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        as_seen.append(text == expected)
    print(f"{[[word for word, _ in line] for line in lines]}, {name}: {text!r}")
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
"$folder/venv/bin/python" "$folder/text.py" "$folder"
