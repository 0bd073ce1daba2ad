#!/bin/sh
# arabic-reshaper 3.1.0, which joins Arabic letters for renderers that do not, such as Pillow without Raqm: its README says
# Arabic, Farsi, Urdu "and most probably all other languages that use Arabic script". But ten letters of Pashto, four of
# Kurdish (the vowel of nearly every word among them), five of Sindhi and one of Uyghur are left as they are, and the
# letters before them get the form that ends a word: Kurdish "bes" is drawn as three single letters, Pashto's own name
# falls apart behind its first one. With the language Kurdish, a setting that the README calls ignored, that vowel
# becomes U+E000, a private-use character that almost any font lacks: an empty box stands in the word. Nothing is said,
# the text has as many characters as before, and those who cannot read it see Arabic letters. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet arabic-reshaper==3.1.0
"$folder/venv/bin/python" - << 'PYTHON'
import unicodedata
from importlib.metadata import metadata, version

from arabic_reshaper import ArabicReshaper, reshape

print("arabic-reshaper", version("arabic-reshaper"))
LETTERS = {  # every letter that joins with the one before it in these languages, and those that stay as they are
    "Arabic": ("ابتثجحخدذرزسشصضطظعغفقكلمنهوي", ""),
    "Persian": ("ابپتثجچحخدذرزژسشصضطظعغفقکگلمنوهی", ""),
    "Pashto": ("ابپتټثجځچڅحخدډذرړزژږسشښصضطظعغفقکګلمنڼوهيېۍ", "ټځڅډړږښګڼۍ"),
    "Kurdish": ("ابپتجچحخدرڕزژسشعغفڤقکگلڵمنھەوۆیێ", "ڕڵەێ"),
    "Sindhi": ("ابٻڀتٿٽثپٺجڄڃچڇحخدڌڊڏڍذرڙزسشصضطظعغفڦقڪکگڳڱلمنڻوھي", "ٽڊڏڙڪ"),
    "Uyghur": ("اەبپتجچخدرزژسشغفقكگڭلمنھوۇۆۈۋېى", "ە"),
}
as_seen = []
for language, (letters, alone) in LETTERS.items():
    found = "".join(letter for letter in letters if reshape(f"ب{letter}") == f"\ufe8f{letter}")
    print(f"{language}: {len(found)} of {len(letters)} letters stay as they are:", *(f"U+{ord(letter):04X}" for letter in found))
    as_seen.append(found == alone)


def forms(text):
    """Of each character the form that it has in a word, as its name says, or its number."""
    names = [unicodedata.name(character, "").split() for character in text]
    known = {"ISOLATED", "INITIAL", "MEDIAL", "FINAL"}
    return [name[-2].lower() if name[-2:-1] and name[-2] in known else f"{ord(c):04X}" for name, c in zip(names, text)]


WORDS = {  # word: its forms by default, and in the language Kurdish
    "بەس": (["isolated", "06D5", "isolated"], ["initial", "E000", "0633"]),
    "پښتو": (["isolated", "069A", "initial", "final"], ["067E", "069A", "initial", "final"]),
    "بتس": (["initial", "medial", "final"], ["initial", "medial", "final"]),
}
in_kurdish = ArabicReshaper({"language": "Kurdish"})
for word, expected in WORDS.items():
    found = (forms(reshape(word)), forms(in_kurdish.reshape(word)))
    print(f"{word!a}: {found[0]}; in the language Kurdish: {found[1]}")
    as_seen.append(found == expected)
readme = " ".join(metadata("arabic-reshaper").get_payload().split())
as_seen.append("`language` (Default: `'Arabic'`): Ignored" in readme)
as_seen.append("most probably all other languages that use Arabic script" in readme)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
