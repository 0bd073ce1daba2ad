"""Nearly equal pictures: leaks between parts, and labels that disagree inside one."""

from __future__ import annotations

import time

import numpy as np

from distill.data.lines import Lines
from distill.evaluation.doctor.alike import disagreements, leaks, near_pairs, repeats
from distill.evaluation.doctor.pictures import COPY_SHAPE, HASH_SHAPE, Pictures, look_at
from tests.doctor import WORDS, lines_of, saved_again, textured


def test_a_picture_saved_again_is_a_leak_and_other_words_are_not() -> None:
    train = [textured(word, seed) for seed, word in enumerate(WORDS)]
    test = [textured(word[::-1], 100 + seed) for seed, word in enumerate(WORDS)]
    looked_at = {
        "train": look_at("train", lines_of(train, WORDS)),
        "test": look_at("test", lines_of([*test, saved_again(train[7])], [*WORDS, WORDS[7]], "theirs")),
    }
    (leak,) = leaks(looked_at)
    assert (leak.severity, leak.kind, leak.part) == ("problem", "leak", "train")
    assert (leak.keys, leak.beside) == (("mine/007_0.png",), ("theirs/030_0.png",))
    looked_at["test"] = look_at("test", lines_of(test, WORDS, "theirs"))
    assert not leaks(looked_at)


def test_blank_pictures_are_not_alike() -> None:
    blank = look_at("train", lines_of([np.full((32, 90), grey, np.uint8) for grey in (90, 200)], ["a", "b"]))
    assert not near_pairs(blank, blank)


def test_equal_pictures_must_agree_as_far_as_their_labels_tell() -> None:
    picture = textured(WORDS[0], 1)
    pictures = [picture, saved_again(picture), textured(WORDS[1], 2)]
    (found,) = disagreements("train", look_at("train", lines_of(pictures, ["Total", "total", "x"])))
    assert (found.keys, found.beside) == (("mine/000_0.png",), ("mine/001_0.png",))
    assert not disagreements("train", look_at("train", lines_of(pictures, ["Total", "total", "x"], form="caseless")))
    assert not disagreements("train", look_at("train", lines_of(pictures, ["Total", None, "x"])))


def test_lines_that_are_there_twice_are_told() -> None:
    picture, other = textured(WORDS[0], 1), textured(WORDS[1], 2)
    (found,) = repeats("test", lines_of([picture, other, picture, picture, other], ["a", "b", "a", None, "c"]))
    assert (found.severity, found.kind, found.keys) == ("note", "twice", ("mine/002_0.png",))
    assert found.remarks == ("mine/002_0.png 'a': as mine/000_0.png",)
    (found,) = repeats("train", lines_of([picture, picture], [None, None]))
    assert found.remarks == ("mine/001_0.png no label: as mine/000_0.png",)
    assert not repeats("train", lines_of([picture, other], ["a", "a"]))


def random_pictures(n: int, seed: int) -> Pictures:
    """Measurements as of unrelated lines of like proportions."""
    generator = np.random.default_rng(seed)
    hashes = generator.choice(np.array([-1, 1], np.int8), (n, HASH_SHAPE[0] * HASH_SHAPE[1]))
    copies = generator.integers(0, 255, (n, *COPY_SHAPE), np.uint8)
    width_px = generator.integers(60, 400, n)
    names = tuple(f"{seed}-{i}" for i in range(n))
    none = (None,) * n
    lines = Lines(names, names, none, ("s",) * n, width_px, names, ())
    return Pictures(lines, np.full(n, 32), width_px, np.full(n, 99.0), hashes, copies)


def test_near_pairs_are_those_of_a_slow_search_and_ten_thousand_take_seconds() -> None:
    one, other = random_pictures(10_000, 1), random_pictures(5_000, 2)
    for row in range(0, 5_000, 50):
        twin = 2 * row
        other.hashes_NB[row] = one.hashes_NB[twin]
        other.hashes_NB[row, : row % 100] *= -1  # of 256 bits; more than 64 are too many
        other.copies_NHW[row] = one.copies_NHW[twin]
        other.width_px[row] = one.width_px[twin] * (1.3 if row % 200 == 0 else 1.05)
    started = time.process_time()
    found = {(pair.left, pair.right) for pair in near_pairs(one, other)}
    assert time.process_time() - started < 10
    slow = set()
    for row in range(0, 5_000, 50):
        bits = int((one.hashes_NB[2 * row] != other.hashes_NB[row]).sum())
        proportion = abs(np.log(one.width_px[2 * row] / other.width_px[row]))
        if bits <= 64 and proportion <= 0.15:
            slow.add((2 * row, row))
    assert found == slow
    assert 20 < len(slow) < 100
