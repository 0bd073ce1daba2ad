"""Templates of text ("{Word} & {Word}", "{hour}:{minute}") and the parts that fill them.

The templates are in `templates.txt`, the common English words in `words.txt`. Invented words favour rare letters,
codes leave out I, O and Q, and nothing mixes similar characters at random: a reader is not asked what nobody can
decide from a picture and its context.
"""

import random
import re
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[]_"
CHARACTERS = " " + PUNCTUATION + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
TEMPLATE_KINDS = (
    "words",
    "pseudo_words",
    "numbers",
    "prices",
    "dates",
    "times",
    "codes",
    "addresses",
    "phones",
    "phrases",
    "forms",
    "digits",
    "typography",
)

_PART = re.compile(r"\{(\w+)(?::(\d+))?\}")
_CODE_CHARACTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"
_DOMAINS = ("com", "net", "org", "info", "shop", "biz", "eu", "de", "nl", "fr", "jp", "uk", "za", "mx")
_RUDE = re.compile("cock|cum|cunt|dick|fag|fuc?k|jap|jizz|kkk|nazi|nig|piss|poo|pric?k|shit|slut|tit|twat|wank|whor")


def text_from_template(kind: str, rng: random.Random) -> str:
    """Return one text of a kind of `TEMPLATE_KINDS`: a template sampled evenly, and every part of it."""
    return _filled(rng.choice(_templates()[kind]), rng)


@lru_cache(maxsize=1)
def common_words() -> tuple[str, ...]:
    """Return the shipped list of common English words, lower case."""
    return tuple(files("distill.synthesis").joinpath("words.txt").read_text("utf-8").split())


@lru_cache(maxsize=1)
def characters_of_typography() -> frozenset[str]:
    """Return the characters that texts of the kind `typography` have besides `CHARACTERS`."""
    return frozenset("".join(_PART.sub("", template) for template in _templates()["typography"])) - set(CHARACTERS)


@lru_cache(maxsize=1)
def _templates() -> dict[str, tuple[str, ...]]:
    """The templates of every kind. A block of the file begins with the kind; an empty row ends it."""
    blocks = files("distill.synthesis").joinpath("templates.txt").read_text("utf-8").strip().split("\n\n")
    return {kind: tuple(templates) for kind, *templates in (block.split("\n") for block in blocks)}


def _filled(template: str, rng: random.Random) -> str:
    """The template with every "{part}" or "{part:length}" sampled; the case of its name is that of the result."""

    def sampled(match: re.Match[str]) -> str:
        name, length = match[1], int(match[2] or 0)
        part = _PARTS[name.lower()](rng, length)
        return part if name.islower() else part.upper() if name.isupper() else part.capitalize()

    return _PART.sub(sampled, template)


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
