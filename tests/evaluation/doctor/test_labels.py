"""What labels give away by their characters: each check has a label that it finds and one that it does not."""

from __future__ import annotations

import pytest

from distill.evaluation.doctor import labels as label_checks
from distill.evaluation.doctor.labels import class_counts, findings_in_charset, findings_in_labels
from students.charset import Charset
from tests.doctor import labelled

CASES = [
    ("mixed-scripts", "p\N{CYRILLIC SMALL LETTER A}per", "paper и бумага, κ or k"),
    ("mixed-scripts", "\N{GREEK CAPITAL LETTER ALPHA}BC", "10 µm"),
    ("width-forms", "Ｔotal", "Total"),
    ("width-forms", "a，b", "你好，世界"),
    ("letter-shapes", "\ufe8d\ufedf\ufeb4\ufecc\ufead", "السعر ﷼ ﷺ"),
    ("letter-shapes", "\ufefb", "لا"),
    ("invisible", "ze\u200bro", "zero"),
    ("invisible", "soft\u00adly", "soft-ly"),
    ("invisible", "\ufefffirst", "first"),
    ("invisible", "a\u200fb", "a b"),
    ("invisible", "a\tb", "naïve é"),
    ("no-character", "caf\ufffd", "café"),
    ("no-character", "a\u0378", "a☎"),
    ("private-use", "a\ue000", "a☎"),
    ("private-use", "龍\U000f0001", "龍"),
    ("variation-selectors", "葛\U000e0100飾", "葛飾"),
    ("radicals", "\u2f00月", "一月"),
    ("compatibility", "第①章", "第1章……"),
    ("compatibility", "50㎡的房", "50 m² of it"),
    ("compatibility", "上︵下﹐", "上（下，"),
    ("wrong-encoding", "cafÃ©", "café"),
    ("odd-spaces", "1\u00a0000", "1 000"),
    ("odd-spaces", "1\u2009000", "é 1"),
    ("loose-spaces", "a  b", "a b"),
    ("loose-spaces", " a", "a"),
    ("loose-marks", "x\u0301", "é"),
    ("loose-marks", "\u0301x", "กี่"),
]


@pytest.mark.parametrize(("kind", "bad", "good"), CASES)
def test_a_label_is_noted_and_a_plain_one_is_not(kind: str, bad: str, good: str) -> None:
    found = [f for f in findings_in_labels("train", labelled("plain", bad, good)) if f.kind == kind]
    assert [f.keys for f in found] == [("mine/001_0.png",)]
    assert not findings_in_labels("train", labelled("plain", good))


@pytest.mark.parametrize(
    ("kind", "rarer", "others"),
    [
        ("han-spacing", "第 3 章", ("第3章", "A型", "第 章")),
        ("han-spacing", "第3章", ("第 3 章", "A 型")),
        ("han-punctuation", "你好,世界", ("你好，世界", "再见。", "a,b")),
    ],
)
def test_two_manners_are_noted_by_the_lines_of_the_rarer(kind: str, rarer: str, others: tuple[str, ...]) -> None:
    (found,) = findings_in_labels("train", labelled(*others, rarer))
    assert (found.kind, len(found.keys)) == (kind, 1)
    assert repr(rarer) in found.remarks[0]
    assert not findings_in_labels("train", labelled(rarer))


def test_every_check_of_a_label_has_a_case() -> None:
    assert {kind for kind, _, _ in CASES} == {kind for kind, *_ in label_checks.CHECKS}


def test_plain_and_typographic_signs_of_one_meaning_are_noted_once() -> None:
    def found(*texts: str) -> list[str]:
        charset = Charset.of(texts)
        findings = findings_in_charset(charset, class_counts({"train": labelled(*texts)}, charset))
        return [f.message for f in findings if f.kind == "spellings"]

    assert found("it's", "it’s", "it‘s") == [
        "plain and typographic single quotes or apostrophes both occur, in lines: ' (1), ‘ (1), ’ (1)"
    ]
    assert len(found('"a"', "“a”", "1-2", "1–2")) == 2
    assert not found("it’s", "1-2", "«a»")


def test_classes_are_counted_by_line_and_rare_ones_named() -> None:
    parts = {"train": labelled(*["aab"] * 10, "ac"), "test": labelled("az")}
    charset = Charset(characters="abc ")
    counts = class_counts(parts, charset)
    assert counts["a"] == {"train": 11, "test": 1}
    assert counts["z"] == {"train": 0, "test": 1}
    (rare,) = findings_in_charset(charset, counts)
    assert "2 characters" in rare.message
    assert rare.message.endswith("U+0020:0 c:1")
    assert not findings_in_charset(Charset(characters="ab"), counts)
