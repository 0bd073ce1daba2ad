"""The options that set how posteriors become text, for every command that reads."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from distill.schema import message_of
from students.decoding_settings import Beam, Greedy
from students.errors import DataError
from students.turning import Turned

OPTIONS = {  # which option sets which setting
    "width": "--beam",
    "n_best": "--n-best",
    "pattern": "--pattern",
    "words": "--words",
    "unlisted_word_penalty": "--unlisted",
    "language": "--lm",
    "language_weight": "--lm-weight",
    "length_bonus": "--length-bonus",
}


def takes_decoding(sub: argparse.ArgumentParser, n_best: bool = False) -> None:
    """Add the options of decoding; `n_best`: also how many texts of a line, where more than the first is of use."""
    group = sub.add_argument_group("decoding", "without any of these the model file's own")
    group.add_argument(
        "--beam", type=int, metavar="N", help="prefix beam search that keeps N prefixes (8 where needed)"
    )
    sub.set_defaults(n_best=None)
    if n_best:
        group.add_argument("--n-best", type=int, metavar="N", help="texts of a line, best first")
    group.add_argument("--alphabet", metavar="CHARS", help="the only characters that may be read; `digits` for 0 to 9")
    group.add_argument("--pattern", metavar="REGEX", help="regular expression that the whole line matches")
    group.add_argument("--words", type=Path, metavar="FILE", help="the words that a line is made of, one a line")
    group.add_argument("--unlisted", type=float, metavar="NATS", help="other words too, at this cost each (such as 5)")
    group.add_argument("--lm", metavar="FILE", help="language model of `distill lm`, or a shipped one: english")
    group.add_argument("--lm-weight", type=float, metavar="A", help="how much it counts (default 0.2)")
    group.add_argument("--length-bonus", type=float, metavar="B", help="nats a character on top of it (default 1)")


def takes_turned(sub: argparse.ArgumentParser) -> None:
    """Add the choice of how pictures are read that stand upright."""
    sub.add_argument(
        "--turned",
        choices=get_args(Turned),
        help="pictures more than 1.5 times as high as wide: read as they stand, turned a quarter against the clock "
        "(tall), or in three ways, the surest kept (surer); without it as the model file says",
    )


def decoding_of(options: argparse.Namespace) -> Greedy | Beam | None:
    """Return the settings that the options mean; None without any. Raises `DataError` for what makes no sense."""
    from students.words import read_words

    chosen = {
        "width": options.beam,
        "n_best": options.n_best,
        "pattern": options.pattern,
        "words": read_words(options.words) if options.words else None,
        "unlisted_word_penalty": options.unlisted,
        "language": options.lm,
        "language_weight": options.lm_weight,
        "length_bonus": options.length_bonus,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    if options.unlisted is not None and not options.words:
        raise DataError("--unlisted is about words that --words does not list; give a word list")
    if not options.lm and {"language_weight", "length_bonus"} & set(given):
        raise DataError("--lm-weight and --length-bonus go with --lm")
    try:
        if given:
            return Beam(alphabet=options.alphabet, **given)
        return None if options.alphabet is None else Greedy(alphabet=options.alphabet)
    except ValidationError as error:
        problem = error.errors()[0]
        where = f"{OPTIONS[str(problem['loc'][0])]} {problem['input']}" if problem["loc"] else "decoding"
        raise DataError(f"{where}: {message_of(problem)}") from error
