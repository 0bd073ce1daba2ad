"""The texts of a page: words of the source's mix, and the numbers and labels that a layout needs."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import torch

from distill.synthesis.corpus import Texts
from distill.synthesis.templates import TEMPLATE_KINDS, text_from_template
from distill.synthesis.text import TextMix, sample_text

CHARACTERS = "0123456789.,-/:"  # that every font needs, whatever the mix


@dataclass
class Wording:
    """What the texts of one page come from."""

    mix: TextMix
    texts: Texts  # of the mix's files
    generator: torch.Generator
    rng: random.Random
    capitals: bool = False  # all Latin letters of the page are capital ones

    def piece(self) -> str:
        """Return one text of the mix."""
        return self._cased(sample_text(self.mix, self.generator, self.texts))

    def phrase(self, low: int, high: int) -> str:
        """Return texts of the mix one after another, of about `low` to `high` characters, cut at a word."""
        length = self.rng.randint(low, high)
        text = self.piece()
        while len(text) < length:
            text += " " + self.piece()
        cut = text[: length + 1].rpartition(" ")[0] if len(text) > high else text
        return cut if len(cut) >= low // 2 + 1 else text[:length].strip()

    def words(self, count: int) -> list[str]:
        """Return at least so many words of running text, of the mix; English is mostly in small letters."""
        found: list[str] = []
        while len(found) < count:
            if self._english and self.rng.random() < 0.8:
                found += self._sentence()
            else:
                found += self.piece().split(" ")
        return found

    def _sentence(self) -> list[str]:
        """A few common and invented words with a stop or comma behind."""
        kinds = self.rng.choices(("words", "pseudo_words"), (self.mix.words or 1, self.mix.pseudo_words), k=4)
        text = " ".join(text_from_template(kind, self.rng) for kind in kinds).lower()
        return self._cased(text[:1].upper() + text[1:] + self.rng.choice((".", ".", ",", ";", ":"))).split(" ")

    def label(self) -> str:
        """Return a word or two such as forms and receipts print; of the mix, where that has no English."""
        if self._english:
            return self._cased(self.rng.choice(_labels()))
        return self.piece()

    def amount(self, digits: int = 4) -> str:
        """Return a price, without a currency."""
        whole = self.rng.randrange(10 ** self.rng.randint(1, digits))
        return f"{whole:,}.{self.rng.randrange(100):02d}" if self.rng.random() < 0.2 else f"{whole}.{whole % 97:02d}"

    def number(self, low: int, high: int) -> str:
        """Return a whole number of `low` to `high` digits."""
        return "".join(self.rng.choices(CHARACTERS[:10], k=self.rng.randint(low, high)))

    def date(self) -> str:
        """Return a date of digits."""
        day, month, year = self.rng.randint(1, 28), self.rng.randint(1, 12), self.rng.randint(1990, 2039)
        forms = (f"{day:02d}/{month:02d}/{year}", f"{year}-{month:02d}-{day:02d}", f"{day}.{month}.{year}")
        return self.rng.choice(forms)

    def time(self) -> str:
        """Return a time of day."""
        return f"{self.rng.randrange(24):02d}:{self.rng.randrange(60):02d}"

    def _cased(self, text: str) -> str:
        return text.upper() if self.capitals and text.isascii() else text

    @property
    def _english(self) -> bool:
        return any(getattr(self.mix, kind) for kind in TEMPLATE_KINDS if kind != "digits")


@lru_cache(maxsize=1)
def _labels() -> tuple[str, ...]:
    return tuple(files("distill.synthesis.pages").joinpath("labels.txt").read_text("utf-8").splitlines())
