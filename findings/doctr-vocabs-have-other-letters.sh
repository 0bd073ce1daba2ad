#!/bin/sh
# python-doctr 1.1.0 and OnnxTR 0.9.0: VOCABS, the characters of languages by name, from which their trainings,
# word generators and whitelists take the classes. Two have letters of another alphabet: "belarusian" the Latin i for "і",
# "serbian_cyrillic" the Latin j for "ј", which look the same in print and in the source and match no label. Others lack
# letters that stand on every page: Hungarian "ő" and "ű", Azerbaijani "ı" and "İ", Galician every vowel with an accent,
# Maori the o, Japanese "々", Sinhala five consonants, French "œ", Catalan the dot of "l·l". Greek has no digits at all,
# Persian and Urdu not their own. Czech, Polish, Turkish and Vietnamese are complete, so a look at some of them
# shows nothing. "french" is what the published readers have. A charset taken from these refuses labels at best; what is
# generated from them never shows the letters. One expects the alphabet of the language. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --no-deps python-doctr==1.1.0 onnxtr==0.9.0
"$folder/venv/bin/python" - << 'PYTHON'
import runpy
import unicodedata
from importlib.metadata import distribution, version

LACKING = {  # in every case these letters, and none of the others that are asked for
    "hungarian": ("őűŐŰ", "áéíóöúü"),
    "azerbaijani": ("ıİ", "çəğöşüÇƏĞÖŞÜ"),
    "galician": ("áéíóúÁÉÍÓÚ", "ñç"),
    "maori": ("oO", "aeiuāēīōū"),
    "japanese": ("々", "日本語あア"),
    "sinhala": ("ඟඥඬඳඹ", "කගජදබ"),
    "french": ("œŒæÆÿ", "àâçéèêëîïôùûü"),
    "catalan": ("·", "àçèéíòóú"),
    "belarusian": ("іІ", "ўыэЎ"),
    "serbian_cyrillic": ("јЈ", "ђљњћџ"),
    "greek": ("0123456789", "άέήίς"),
    "persian": ("۰۱۲۳۴۵۶۷۸۹", "پچژگ"),
    "urdu": ("۰۱۲۳۴۵۶۷۸۹", "ٹڈڑںے"),
    "czech": ("", "áčďéěíňóřšťúůýž"),
    "polish": ("", "ąćęłńóśźż"),
    "turkish": ("", "çğıöşüİ"),
    "vietnamese": ("", "ăâđêôơưạ"),
}
STRANGE = {"belarusian": "Ii", "serbian_cyrillic": "Jj"}
as_seen = []
for package, path in {"python-doctr": "doctr/datasets/vocabs.py", "onnxtr": "onnxtr/utils/vocabs.py"}.items():
    print(package, version(package))
    vocabularies = runpy.run_path(str(distribution(package).locate_file(path)))["VOCABS"]
    for language, (lacking, known) in LACKING.items():
        has = unicodedata.normalize("NFC", vocabularies[language])
        missing = "".join(letter for letter in lacking + known if letter not in has)
        print(f"{language}: of {lacking + known} it lacks {missing or 'none'}")
        as_seen.append(missing == lacking)
    for language, strange in STRANGE.items():
        latin = "".join(sorted(letter for letter in vocabularies[language] if "LATIN" in unicodedata.name(letter)))
        print(f"{language}: Latin letters {latin}")
        as_seen.append(latin == strange)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
