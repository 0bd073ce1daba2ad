"""The sections of the loss terms: what they say of their terms, what is derived of it, and what stays as it is."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from distill.digests import digest_of
from distill.recipe.objective import IN_EVERY_DIGEST, TAUGHT, UNTAUGHT, Objective
from distill.teaching.cache import temperatures_of

OF_OLD_RUNS = "0531b22354eac6240d4221f37f66adc73c0f0d02a612503a7bf2ccad68bb447a"  # of Objective(), since the first
WITH_CACHE = {"cache": {"views": 1}}


def test_a_later_term_that_is_off_changes_no_digest() -> None:
    assert digest_of(Objective()) == OF_OLD_RUNS
    later = {*TAUGHT, *UNTAUGHT} - IN_EVERY_DIGEST
    assert later
    for name in later:
        on = Objective.model_validate({name: {"weight": 0.5}})
        assert digest_of(on) != OF_OLD_RUNS
        assert Objective.model_validate(on.model_dump(mode="json")) == on
    assert Objective().model_dump().keys() >= IN_EVERY_DIGEST


def test_a_term_is_one_field_and_is_computed_with_or_without_a_teacher() -> None:
    assert not set(TAUGHT) & set(UNTAUGHT)
    of_objective = Objective().terms
    assert of_objective.keys() == {*TAUGHT, *UNTAUGHT, "ctc", "class_changes", "peer_ctc"}
    assert {name for name, term in of_objective.items() if term.needs_teacher} == set(TAUGHT)
    assert [name for name, term in of_objective.items() if term.labelled_only] == [
        *("ctc", "class_changes", "self_alignment", "peer_ctc", "attention")
    ]
    assert [name for name, term in of_objective.items() if term.needs_every_character] == [
        *("bag_of_symbols", "guided_spikes", "aligned_cross_entropy", "sequence_kd")
    ]


@pytest.mark.parametrize(
    ("of_term", "reason"),
    [
        ({"feature_hint": {"weight": 1}}, "feature_hint needs features"),
        ({"frame_kl": {"weight": 1, "standardised": True}}, "frame_kl needs the deviation of a frame's logits"),
        ({"consistency": {"weight": 1}}, "consistency needs two views of a line"),
    ],
)
def test_what_the_cache_does_not_hold_is_refused_by_its_name(of_term: dict[str, object], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Objective.model_validate(of_term | WITH_CACHE)
    Objective.model_validate(of_term)


def test_the_cache_keeps_the_temperatures_of_the_terms_in_use() -> None:
    hot = {"frame_kl": {"weight": 1, "temperature": 3}, "dist": {"temperature": 5}}  # DIST is off
    texts = {"sequence_kd": {"weight": 1, "temperature": 7}}  # of texts, which the cache does not soften
    assert temperatures_of(Objective.model_validate(hot | texts | {"blank_split": {"weight": 0}})) == (1, 3)
    assert temperatures_of(Objective()) == (1, 2)
    assert temperatures_of(Objective.model_validate({"trust": {"temperatures": {"web": 4}}})) == (1, 2, 4)
