"""What a rendered line says: words, invented words, numbers, dates, codes and the like.

A line is a template ("{Word} & {Word}", "{hour}:{minute}") filled with drawn parts. Invented words favour
rare letters, codes leave out I, O and Q, and nothing mixes look-alikes at random: what nobody can decide
from a picture and its context is not asked of a reader.
"""

import random
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator

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


class TextMix(BaseModel):
    """How long rendered lines are and how often each kind of text occurs (weights, not shares)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @model_validator(mode="after")
    def _possible(self) -> "TextMix":
        if self.min_characters > self.max_characters:
            raise ValueError(f"min_characters {self.min_characters} is above max_characters {self.max_characters}")
        if not any(_weights(self)):
            raise ValueError("every kind of text has weight 0: give at least one a positive weight")
        return self


def draw_text(mix: TextMix, generator: torch.Generator) -> str:
    """One line of text within the bounds of `mix`, without leading, trailing or double spaces."""
    rng = random.Random(int(torch.randint(2**63 - 1, (1,), generator=generator)))
    kinds, weights = tuple(_TEMPLATES), _weights(mix)
    for _ in range(_ATTEMPTS):
        (kind,) = rng.choices(kinds, weights)
        text = _fill(rng.choice(_TEMPLATES[kind]), rng)
        while len(text) < mix.min_characters:
            text += " " + _fill(rng.choice(_TEMPLATES[kind]), rng)
        if len(text) <= mix.max_characters:
            return text
    raise DataError(
        f"no text of {mix.min_characters} to {mix.max_characters} characters came up in {_ATTEMPTS} attempts "
        "(section text): widen the bounds, or give a weight to numbers or codes"
    )


@lru_cache(maxsize=1)
def common_words() -> tuple[str, ...]:
    """The shipped list of common English words, lower case."""
    return tuple(files("distill.data").joinpath("words.txt").read_text("utf-8").split())


def _weights(mix: TextMix) -> list[float]:
    return [getattr(mix, kind) for kind in _TEMPLATES]


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
