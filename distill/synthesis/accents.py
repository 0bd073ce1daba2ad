"""Letters of the European languages that are written in Latin script, put into text that has none of them.

The words that come of it are invented. What a recogniser is to learn from them is the shape of every letter, in any
word and beside the letters that its language has.
"""

from __future__ import annotations

import random
import unicodedata
from functools import cache

LETTERS = {
    "Albanian": "çë",
    "Catalan": "àçèéíïòóúü",
    "Croatian": "čćđšž",
    "Czech": "áčďéěíňóřšťúůýž",
    "Danish, Norwegian": "åæøé",
    "Dutch": "éëïóöü",
    "Estonian": "äõöüšž",
    "Faroese": "áðíóúýæø",
    "Finnish, Swedish": "åäöé",
    "French": "àâæçéèêëîïôœùûüÿ",
    "German": "äöüß",
    "Hungarian": "áéíóöőúüű",
    "Icelandic": "áðéíóúýþæö",
    "Irish": "áéíóú",
    "Italian": "àèéìíòóù",
    "Latvian": "āčēģīķļņšūž",
    "Lithuanian": "ąčęėįšųūž",
    "Maltese": "àċġħż",
    "Polish": "ąćęłńóśźż",
    "Portuguese": "àáâãçéêíóôõúü",
    "Romanian": "ăâîșț",
    "Slovak": "áäčďéíĺľňóôŕšťúýž",
    "Slovene": "čšž",
    "Spanish": "áéíñóúü",
    "Turkish": "âçğıîöşüû",
    "Welsh": "âêîôûŵŷ",
}
"""What an alphabet has besides a to z, in lower case."""

RATE = 0.3
"""Probability that a letter becomes one of those that its language makes of it."""

_PLAIN = {"æ": "a", "œ": "o", "ø": "o", "ð": "d", "đ": "d", "þ": "t", "ł": "l", "ħ": "h", "ı": "i", "ß": "s"}
_CAPITALS = {"ß": "ẞ", "ı": "İ"}  # the capital of ı is a plain I; the one that an alphabet has besides is the dotted İ


def accented(text: str, rng: random.Random) -> str:
    """Return the text with letters of one language, sampled evenly, in places of plain ones; it keeps its length."""
    forms = _forms()[rng.choice(tuple(LETTERS))]
    return "".join(rng.choice(forms[c]) if c in forms and rng.random() < RATE else c for c in text)


def characters_of_accents() -> set[str]:
    """Return every character that `accented` may put in."""
    return {c for language in _forms().values() for forms in language.values() for c in forms}


@cache
def _forms() -> dict[str, dict[str, str]]:
    """For every language the letters that a plain one may become, capitals for capitals."""
    found: dict[str, dict[str, str]] = {}
    for language, letters in LETTERS.items():
        forms: dict[str, str] = {}
        for letter in letters:
            plain = _PLAIN.get(letter) or unicodedata.normalize("NFD", letter)[0]
            capital = _CAPITALS.get(letter) or letter.upper()
            forms[plain] = forms.get(plain, "") + letter
            forms[plain.upper()] = forms.get(plain.upper(), "") + capital
        found[language] = forms
    return found
