"""How the sources differ, and which documents two parts share."""

from __future__ import annotations

from distill.evaluation.doctor.pictures import look_at
from distill.evaluation.doctor.profile import profiles, shared_documents
from tests.doctor import WORDS, labelled, lines_of, written


def test_documents_in_two_parts_are_noted() -> None:
    one, other = labelled("a", "b", "c").take([0, 1]), labelled("a", "b", "c").take([1, 2])
    (found,) = shared_documents({"train": one, "test": other}, r"^(\d+)_")
    assert found.keys == ("mine/001_0.png",)
    assert not shared_documents({"train": one, "test": other}, r"^(x\d+)_")


def test_sources_are_measured_and_labels_known_from_train_counted() -> None:
    pictures = {
        "train": look_at("train", lines_of([written(w) for w in WORDS], WORDS)),
        "test": look_at("test", lines_of([written(WORDS[0]), written("other", 64)], [WORDS[0].upper(), "other"], "t")),
    }
    train, test = profiles(pictures, {})
    assert (train.lines, train.height_px, train.seen_labels) == (30, 32, None)
    assert (test.seen_labels, test.height_px, test.characters, test.read_exactly) == (0.5, 48, 5.5, None)
