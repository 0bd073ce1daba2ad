"""East Asian text: one rule for each thing that is printed alike and written in several ways."""

from __future__ import annotations

import pytest

from distill.data.east_asian import as_printed, compatible

RULES = [  # what the rule is about, a text, as labels have it, as `nfkc` compares it
    ("full-width letters and digits", "ＡＢｃ１２", "ABc12", "ABc12"),
    ("full-width signs", "中，（１）％", "中，（1）％", "中,(1)%"),
    ("half-width forms", "ｶﾞｷﾞ｡", "ガギ。", "ガギ。"),
    ("CJK punctuation", "「中。」、《》", "「中。」、《》", "「中。」、《》"),
    ("spaces beside Han", "第 3 章 A b", "第3章A b", "第3章Ab"),
    ("the ideographic space", "\u3000中\u3000文a\u3000b", "中文a b", "中文ab"),
    ("compatibility ideographs", "\ufa10\uf90a", "塚金", "塚金"),
    ("radicals", "\u2f00\u2f08", "一人", "一人"),
    ("what looks otherwise", "①㈱²ﬁ㎡", "①㈱²ﬁ㎡", "1(株)2fim2"),
    ("forms of names and units", "山﨑髙島𠮷50㎏", "山﨑髙島𠮷50㎏", "山﨑髙島𠮷50kg"),
    ("variation selectors", "葛\U000e0100飾\ufe0f", "葛飾", "葛飾"),
    ("private use", "a\ue000", "a\ue000", "a\ue000"),
    ("Korean keeps its spaces", "한국 사람", "한국 사람", "한국사람"),
    ("nothing of it", "cafe\u0301 au lait", "café au lait", "caféaulait"),
]


@pytest.mark.parametrize(
    ("label", "printed", "compared"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES]
)
def test_each_rule_says_what_becomes_of_a_text(label: str, printed: str, compared: str) -> None:
    assert as_printed(label) == printed
    assert as_printed(printed) == printed
    assert compatible(label) == compared == compatible(printed)
