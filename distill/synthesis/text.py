"""What a rendered line says: words, invented words, numbers, dates, codes and the like.

A line is a template ("{Word} & {Word}", "{hour}:{minute}") filled with drawn parts. Invented words favour
rare letters, codes leave out I, O and Q, and nothing mixes look-alikes at random: what nobody can decide
from a picture and its context is not asked of a reader.
"""

import random
import re
import string
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

from distill.synthesis.corpus import NO_TEXTS, Texts, balanced_words, piece_of, read_texts
from students.errors import DataError

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[]_"
CHARACTERS = " " + PUNCTUATION + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

_ATTEMPTS = 1000
_CODE_CHARACTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_DOMAINS = ("com", "net", "org", "info", "shop", "biz", "eu", "de", "nl", "fr", "jp", "uk", "za", "mx")

_RUDE = re.compile("cock|cum|cunt|dick|fag|fuc?k|jap|jizz|kkk|nazi|nig|piss|poo|pric?k|shit|slut|tit|twat|wank|whor")

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "words": (
        "{word}", "{Word}", "{WORD}", "{word} {word}", "{Word} {Word}", "{WORD} {WORD}", "{Word} {word}",
        "{word} {word} {word}", "{Word} {Word} {Word}", "{WORD} {WORD} {WORD}", "{Word} {word} {word} {word}",
        "{word} {word} {word} {word}", "{WORD} {WORD} {WORD} {WORD}",
    ),
    "pseudo_words": (
        "{pseudo}", "{Pseudo}", "{PSEUDO}", "{pseudo} {pseudo}", "{Pseudo} {Pseudo}", "{PSEUDO} {PSEUDO}",
        "{Pseudo} {Word}", "{WORD} {PSEUDO}", "{Word} {Pseudo} {Word}", "{Pseudo}, {Pseudo}",
        "{Pseudo} {digits:2}",
    ),
    "numbers": (
        "{number}", "{number} {number}", "{number} {unit}", "{number}{unit}", "{number}%", "-{number}",
        "+{number}", "{number}.{digits:1}", "{number}.{digits:2}", "{number},{digits:3}",
        "{number} x {number}", "#{digits:4}", "{number} + {number} = {number}", "{number} < {number}",
        "{number} > {number}", "{number}/{number}", "{digits:5}", "{digits:6}", "{digits:8}",
        "{digits:4} {digits:4}", "{number} [{digits:1}]", "({number})", "*{digits:4}", "{number} - {number}",
        "{number}={number}", "{Word} {number}", "{number} {word}",
    ),
    "prices": (
        "${number}.{digits:2}", "{number}.{digits:2}", "{number},{digits:2}",
        "{number}.{digits:2} {CURRENCY}", "{CURRENCY} {number}.{digits:2}", "{Word} {number}.{digits:2}",
        "{WORD} {number}.{digits:2}", "-{number}.{digits:2}", "{digits:1} x {number}.{digits:2}",
        "{digits:1} @ {number}.{digits:2}", "${number}", "{Word}: ${number}.{digits:2}",
        "{number}.{digits:2}%", "{number}.{digits:2}*", "TOTAL {number}.{digits:2}", "-${number}.{digits:2}",
    ),
    "dates": (
        "{day}/{month}/{year}", "{day}-{month}-{year}", "{year}-{month}-{day}", "{day}.{month}.{year}",
        "{day} {Monthname} {year}", "{Monthname} {day}, {year}", "{day}/{month}/{digits:2}",
        "{Dayname} {day} {Monthname}", "{day}-{MONTHNAME}-{year}", "{Monthname} {year}",
        "Date: {day}/{month}/{year}", "{year}/{month}/{day}",
    ),
    "times": (
        "{hour}:{minute}", "{hour}:{minute}:{minute}", "{clock}:{minute} AM", "{clock}:{minute} PM",
        "{clock}:{minute}am", "{clock}:{minute}pm", "{day}/{month} {hour}:{minute}",
        "{Dayname} {hour}:{minute}", "{hour}:{minute} - {hour}:{minute}",
    ),
    "codes": (
        "{CODE:4}", "{CODE:6}", "{CODE:8}", "{CODE:11}", "{CODE:3}-{CODE:4}", "{CODE:2} {CODE:3} {CODE:3}",
        "{CODE:4}/{CODE:2}", "#{CODE:6}", "{WORD}-{digits:3}", "[{CODE:5}]", "{CODE:2}_{CODE:4}",
        "<{CODE:5}>", "{CODE:3}:{CODE:4}", "{CODE:5}*",
    ),
    "addresses": (
        "{word}@{word}.{domain}", "{word}.{pseudo}@{word}.{domain}", "{word}_{word}@{word}.{domain}",
        "www.{word}.{domain}", "{word}-{pseudo}.{domain}", "{word}.{domain}/{word}",
        "{pseudo}{digits:2}@{word}.{domain}", "http://{word}.{domain}", "{word}.{domain}/?{word}={digits:1}",
        "@{word}_{word}", "#{word}", "{word}_{digits:2}.{word}",
    ),
    "phones": (
        "({digits:3}) {digits:3}-{digits:4}", "+{digits:2} {digits:3} {digits:4}",
        "{digits:3}-{digits:3}-{digits:4}", "Tel: {digits:3} {digits:4}",
        "TEL {digits:2}-{digits:4} {digits:4}", "+{digits:2}({digits:1}){digits:3}-{digits:4}",
        "Fax: {digits:2} {digits:6}", "{digits:3}.{digits:3}.{digits:4}", "*{digits:2}#",
        "{digits:4}/{digits:6}",
    ),
    "phrases": (
        "{Word}, {word}", "{word} ({word})", "{Word} & {Word}", "{WORD} & {WORD}", "{Word}; {Pseudo}",
        "{word}&{word}", "{pseudo}; {word};", '"{word} {word}"', '"{Word}" {word}', "{Word}'s {word}",
        "{word}; {word}", "{Word} {word}!", "{Word} {word}?", "{Word}!", "{word}?", "{word} = {number}",
        "{word} + {word}", "[{word}] {word}", "[{WORD}]", "{word} > {word}", "<{word}>", "<{word}> {word}",
        "* {word} *", "{WORD} **", "{word}_{word}", "{Word}: {word}", "{Word}-{word}", "{word}/{word}",
        "{WORD}/{WORD}", "{Word}. {Word}.", "{number}% {word}", "{Word} #{digits:1}", "{number}) {Word}",
        "{Word} {word} {word}.", "'{word}'", "{Pseudo} & {Pseudo}", "{WORD}: {word}", "{word} - {word}",
        "{Word}; {word} {word}", "{word}, {word}, {word}", "{WORD} ({digits:1})", "{PSEUDO} + {WORD}",
        "({Word} {word})", "{Word}? {Word}!", "{word}=[{word}]", "{WORD}_{WORD}", "{word} % {word}",
        "{word} @ {Word}", "$ {word}", "{word} < {word}", "{Word};", '"{WORD}"', "{WORD}!", "{Word}'s",
        "{word} # {number}",
    ),
    "forms": (
        "{Word} :", "{Word}:", "{WORD} :", "{WORD} ({WORD})", "{Word} ({CURRENCY})", "{WORD} ({CURRENCY})",
        "{Word} {Word} {Word} ({Word})", "{WORD} NO : {digits:8}", "{Word} No: {digits:6}", "{Word} # : {CODE:10}",
        "{WORD} ID : {digits:12}", "{Word} ID: {digits:10}", ": {digits:8}", ":{WORD}", "({WORD} {WORD})",
        "({digits:6}-{CODE:1})", "{WORD} {PSEUDO} {WORD} {WORD}", "{PSEUDO} {WORD} ({CODE:1}) {WORD}",
        "NO. {number}, {PSEUDO} {WORD}", "NO. {digits:2}, {Pseudo} {Word} {digits:1}/{digits:2}",
        "LOT {digits:4}, {PSEUDO} {PSEUDO},", "{digits:5} {PSEUDO} {PSEUDO}, {PSEUDO}", "{digits:5} {Pseudo} {Word},",
        "{Word} {Word} {number}%", "{WORD} {WORD} @ {number}%", "{Word} {word} {word} {word} {word}.",
        "{digits:13}", "{digits:1}X {digits:12}", "{digits:1} X {number}.{digits:2}", "{number}.{digits:2} {CODE:1}",
        "{digits:2}-{digits:8}", "{day}/{month}/{year} {hour}:{minute}:{minute}", "{WORD}.", "{WORD} : {WORD}",
        "{WORD}{CODE:4}", "{CODE:14}", "{digits:1}", "{number}", "{CODE:1}", "{Word} {Word} :", "{PSEUDO} {PSEUDO}",
    ),
    "digits": ("{digits:2}", "{digits:3}", "{digits:4}", "{digits:4}", "{digits:5}", "{digits:5}", "{digits:6}"),
}  # fmt: skip


_KINDS = (*_TEMPLATES, "corpus", "word_list", "balanced", "random")


class TextMix(BaseModel):
    """How long rendered lines are and how often each kind of text occurs (weights, not shares)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    min_characters: int = Field(default=3, ge=1, le=200, description="shortest line drawn, in characters")
    max_characters: int = Field(default=24, ge=1, le=200, description="longest line drawn, in characters")
    words: float = Field(
        default=5.0, ge=0, description="weight of one to four common words in lower, Title or UPPER case"
    )
    pseudo_words: float = Field(default=4.0, ge=0, description="weight of invented words, which favour rare letters")
    numbers: float = Field(default=2.0, ge=0, description="weight of numbers, with units, signs and simple sums")
    prices: float = Field(default=2.0, ge=0, description="weight of prices and amounts, as on a receipt")
    dates: float = Field(default=1.0, ge=0, description="weight of dates in many notations")
    times: float = Field(default=0.7, ge=0, description="weight of times of day")
    codes: float = Field(default=1.5, ge=0, description="weight of codes of capitals and digits, without I, O and Q")
    addresses: float = Field(default=1.2, ge=0, description="weight of e-mail and web addresses")
    phones: float = Field(default=0.7, ge=0, description="weight of telephone numbers")
    forms: float = Field(default=0.0, ge=0, description="weight of what receipts and forms say: names, numbers, keys")
    digits: float = Field(default=0.0, ge=0, description="weight of two to six digits and nothing else")
    phrases: float = Field(default=4.0, ge=0, description="weight of short phrases with punctuation")
    corpus: float = Field(default=0.0, ge=0, description="weight of text from corpus_file, cut at words")
    word_list: float = Field(default=0.0, ge=0, description="weight of one to three words from word_file")
    balanced: float = Field(
        default=0.0,
        ge=0,
        description="weight of words (of the files, else common ones) drawn to favour rare characters",
    )
    random: float = Field(default=0.0, ge=0, description="weight of characters in any order, all equally likely")
    corpus_file: str | None = Field(default=None, description="lines of text, UTF-8, relative to data.root")
    word_file: str | None = Field(default=None, description="words, one a line, UTF-8, relative to data.root")
    alphabet: str | None = Field(
        default=None, description="characters of random text; lines of files that have others are left out; null: all"
    )

    @model_validator(mode="after")
    def _possible(self) -> "TextMix":
        if self.min_characters > self.max_characters:
            raise ValueError(f"min_characters {self.min_characters} is above max_characters {self.max_characters}")
        if not any(_weights(self)):
            raise ValueError("every kind of text has weight 0: give at least one a positive weight")
        for kind, file in (("corpus", self.corpus_file), ("word_list", self.word_file)):
            if getattr(self, kind) and file is None:
                raise ValueError(f"{kind} has a weight and no file: name one with {kind.removesuffix('_list')}_file")
        if self.alphabet is not None and not self.alphabet.strip():
            raise ValueError("alphabet holds no character: leave it out, or name some")
        return self


def draw_text(mix: TextMix, generator: torch.Generator, texts: Texts = NO_TEXTS) -> str:
    """One line of text within the bounds of `mix`, without leading, trailing or double spaces.

    `texts` are those of its files, as `texts_of` reads them.
    """
    rng = random.Random(int(torch.randint(2**63 - 1, (1,), generator=generator)))
    weights = _weights(mix)
    for _ in range(_ATTEMPTS):
        (kind,) = rng.choices(_KINDS, weights)
        text = " ".join(_piece(kind, mix, texts, rng).split())
        while len(text) < mix.min_characters:
            text = " ".join(f"{text} {_piece(kind, mix, texts, rng)}".split())
        if len(text) <= mix.max_characters:
            return text
    raise DataError(
        f"no text of {mix.min_characters} to {mix.max_characters} characters came up in {_ATTEMPTS} attempts "
        "(section text): widen the bounds, or give a weight to numbers or codes"
    )


@lru_cache(maxsize=1)
def common_words() -> tuple[str, ...]:
    """The shipped list of common English words, lower case."""
    return tuple(files("distill.synthesis").joinpath("words.txt").read_text("utf-8").split())


def texts_of(mix: TextMix, root: Path) -> Texts:
    """What the files of a mix hold; where words are to be balanced and there are no files, the common words."""
    corpus, words = (root / name if name is not None else None for name in (mix.corpus_file, mix.word_file))
    texts = read_texts(corpus, words, mix.alphabet)
    return _common() if mix.balanced and not (texts.lines or texts.words) else texts


def possible_characters(mix: TextMix, texts: Texts) -> str:
    """Every character that a line may have: a font must have them all."""
    found = set(texts.characters)
    if any(getattr(mix, kind) for kind in _TEMPLATES if kind != "digits"):
        found |= set(CHARACTERS)
    if mix.digits:
        found |= set(string.digits)
    if mix.random:
        found |= set(_alphabet(mix))
    return "".join(sorted(found))


def _weights(mix: TextMix) -> list[float]:
    return [getattr(mix, kind) for kind in _KINDS]


def _piece(kind: str, mix: TextMix, texts: Texts, rng: random.Random) -> str:
    match kind:
        case "corpus":
            return piece_of(texts.lines, mix.min_characters, mix.max_characters, rng)
        case "word_list":
            return " ".join(rng.choices(texts.words, k=rng.choice((1, 1, 2, 3))))
        case "balanced":
            return balanced_words(texts, mix.min_characters, rng)
        case "random":
            length = rng.randint(mix.min_characters, mix.max_characters)
            return " ".join("".join(rng.choices(_alphabet(mix), k=length)).split())
        case _:
            return _fill(rng.choice(_TEMPLATES[kind]), rng)


def _alphabet(mix: TextMix) -> str:
    return CHARACTERS if mix.alphabet is None else unicodedata.normalize("NFC", mix.alphabet)


@lru_cache(maxsize=1)
def _common() -> Texts:
    return Texts(words=common_words())


def _fill(template: str, rng: random.Random) -> str:
    """Each "{part}" or "{part:length}" drawn; the case of the part's name is the case of the result."""

    def draw(match: re.Match[str]) -> str:
        name, length = match[1], int(match[2] or 0)
        part = _PARTS[name.lower()](rng, length)
        return part if name.islower() else part.upper() if name.isupper() else part.capitalize()

    return re.sub(r"\{(\w+)(?::(\d+))?\}", draw, template)


def _pseudo(rng: random.Random, _: int) -> str:
    """One to three syllables; a consonant first, so that no I that could be an l starts a word."""
    onset, nucleus, coda = _PARTS["onset"], _PARTS["nucleus"], _PARTS["coda"]
    while True:
        n_syllables = rng.choice((1, 2, 2, 2, 3))
        word = "".join(onset(rng, 0) + nucleus(rng, 0) + coda(rng, 0).strip("_") for _ in range(n_syllables))
        if not _RUDE.search(word):
            return word[:12]


def _digits(rng: random.Random, length: int) -> str:
    return "".join(rng.choices("0123456789", k=length))


def _number(rng: random.Random, _: int) -> str:
    return str(rng.randrange(10 ** rng.randint(1, 4)))


def _code(rng: random.Random, length: int) -> str:
    return "".join(rng.choices(_CODE_CHARACTERS, k=length))


def _two_digits(low: int, high: int) -> Callable[[random.Random, int], str]:
    return lambda rng, _: f"{rng.randint(low, high):02d}"


def _one_of(text: str) -> Callable[[random.Random, int], str]:
    choices = text.split()
    return lambda rng, _: rng.choice(choices)


_PARTS: dict[str, Callable[[random.Random, int], str]] = {
    "word": lambda rng, _: rng.choice(common_words()),
    "pseudo": _pseudo,
    "onset": _one_of(
        "b bl br c ch cl cr d dr f fl fr g gl gr h j j j k kn kl l m n p pl pr qu qu qu r s sh sk sl sm sn sp"
        " st sw t th tr tw v v v w w x x y y z z z zh"
    ),
    "nucleus": _one_of("a a e e i i o o u u y ai au ea ee ie oa oo ou ia eo"),
    "coda": _one_of("_ _ _ b ck d f ff g k ll m mp n nd ng nt p q r rd rk rn s sk sp ss st t v w x x z zz"),
    "digits": _digits,
    "number": _number,
    "code": _code,
    "day": _two_digits(1, 28),
    "month": _two_digits(1, 12),
    "year": lambda rng, _: str(rng.randint(1950, 2039)),
    "hour": _two_digits(0, 23),
    "clock": lambda rng, _: str(rng.randint(1, 12)),
    "minute": _two_digits(0, 59),
    "monthname": _one_of("jan feb mar apr may jun jul aug sep oct nov dec"),
    "dayname": _one_of("mon tue wed thu fri sat sun"),
    "unit": _one_of("g kg ml cm mm km m h min pcs kW V oz lb qt"),
    "currency": _one_of("usd eur gbp jpy chf sgd rm nzd mxn inr zar"),
    "domain": lambda rng, _: rng.choice(_DOMAINS),
}
