"""How a reading is compared with the truth: protocols, exact match, character and word error rate."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rapidfuzz.distance import Levenshtein
from typing_extensions import assert_never

from distill.data.east_asian import compatible
from distill.data.labels import LabelForm, fold_label
from distill.evaluation.variants import variant_table
from distill.schema import Protocol
from students.charset import normalise


@dataclass(frozen=True)
class Truth:
    """The label of a line, and where the line comes from."""

    key: str
    text: str
    source: str
    form: LabelForm = "exact"


@dataclass(frozen=True)
class SourceScore:
    """The score of one source: `n` lines, rates as fractions."""

    n: int
    exact: float
    cer: float


@dataclass(frozen=True)
class Score:
    """Rates are fractions. `left_out` counts lines whose truth is empty under the protocol."""

    protocol: Protocol
    n: int
    exact: float
    cer: float
    wer: float
    left_out: int
    sources: dict[str, SourceScore] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return the scores as they stand in `report.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Compared:
    """One line under one protocol: truth and reading folded, edits counted."""

    truth: Truth
    want: str
    got: str
    exact: bool
    edits: int
    characters: int
    word_edits: int
    words: int


def fold(text: str, protocol: Protocol) -> str:
    """Return the part of a text that a protocol compares; raises `DataError` where its tables are not installed."""
    match protocol:
        case "exact":
            return " ".join(normalise(text).split())
        case "nospace":
            return "".join(normalise(text).upper().split())
        case "alnum":
            return "".join(c for c in unicodedata.normalize("NFKD", text).lower() if c in ALNUM)
        case "nfkc":
            return compatible(text)
        case "variants":
            return compatible(text).translate(variant_table())
        case _:
            assert_never(protocol)


ALNUM = frozenset("0123456789abcdefghijklmnopqrstuvwxyz")


def compare(truths: Iterable[Truth], texts: Mapping[str, str], protocol: Protocol) -> list[Compared]:
    """Compare every truth with the reading of the same key; lines without a truth under the protocol are left out."""
    compared = []
    for truth in truths:
        recorded = [fold_label(text, truth.form) for text in (truth.text, texts[truth.key])]
        want, got = (fold(text, protocol) for text in recorded)
        if not want and protocol != "exact":
            continue
        words_wanted, words_got = map(str.split, recorded)
        compared.append(
            Compared(
                truth,
                want,
                got,
                want == got,
                Levenshtein.distance(want, got),
                len(want),
                Levenshtein.distance(words_wanted, words_got),
                len(words_wanted),
            )
        )
    return compared


def score(truths: list[Truth], texts: Mapping[str, str], protocol: Protocol) -> Score:
    """Return the scores of texts, by key, against the truths under a protocol."""
    return score_of(compare(truths, texts, protocol), len(truths), protocol)


def score_of(lines: Sequence[Compared], n_truths: int, protocol: Protocol) -> Score:
    """Return scores micro-averaged over compared lines: CER = edits / characters of the truth, WER likewise over words.

    What is missing to `n_truths` was left out.
    """
    by_source: dict[str, list[Compared]] = {}
    for line in lines:
        by_source.setdefault(line.truth.source, []).append(line)
    return Score(
        protocol,
        len(lines),
        _ratio(sum(line.exact for line in lines), len(lines)),
        _ratio(sum(line.edits for line in lines), sum(line.characters for line in lines)),
        _ratio(sum(line.word_edits for line in lines), sum(line.words for line in lines)),
        n_truths - len(lines),
        {
            name: SourceScore(
                len(part),
                _ratio(sum(line.exact for line in part), len(part)),
                _ratio(sum(line.edits for line in part), sum(line.characters for line in part)),
            )
            for name, part in sorted(by_source.items())
        },
    )


def wilson(share: float, n: int) -> tuple[float, float]:
    """Return the 95 % interval of a share of `n` lines (Wilson 1927)."""
    z = 1.959964
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def _ratio(part: float, whole: float) -> float:
    return part / max(1, whole)  # edits of labels that are all empty count as they are, as in `cer_interval`
