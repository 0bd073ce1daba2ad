"""Steps of crops: the same for any number of processes, counted by source, with stand-ins for damaged pages."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from distill.data.mixing import Mix, Weight, plan_of
from distill.data.pages.augment import PageAugment
from distill.data.pages.batch import PageFeed, PageStep, PageSteps, cut_off, feed_pages
from distill.data.pages.kept import KeptPages
from distill.data.pages.record import pages_digest
from students.errors import DataError, UserError
from students.pages.preparation import PagePreparation
from tests.marked_pages import level, page

PREPARATION = PagePreparation(pixels=200_000)
PAGES = (*(page(f"a/{n}") for n in range(3)), *(page(f"b/{n}", None, source="b") for n in range(3)))
FEED = PageFeed(PAGES, PREPARATION, PageAugment(), batch_pages=4, crop_px=128, seed=5)


def steps(feed: PageFeed, n: int = 4) -> list[PageStep]:
    return list(feed_pages(feed, range(n)))


def assert_equal(one: PageStep, other: PageStep) -> None:
    assert replace(one, batches=()) == replace(other, batches=())
    assert len(one.batches) == len(other.batches)
    for batch, its in zip(one.batches, other.batches, strict=True):
        for part, its_part in zip(batch, its, strict=True):
            if isinstance(part, torch.Tensor):
                assert torch.equal(part, its_part)
            else:
                assert part == its_part


def test_a_step() -> None:
    (step,) = list(feed_pages(FEED, range(2, 3)))
    (batch,) = step.batches
    assert (step.step, step.n_items) == (2, 4)
    assert batch.images_NCHW.shape == (4, 1, 128, 128)
    assert batch.targets_NCHW.shape == (4, 5, 32, 32)
    assert batch.weights_NHW.shape == (4, 32, 32)
    assert {tensor.dtype for tensor in batch[:3]} == {torch.float32}
    assert step.n_labelled == int(batch.labelled_N.sum()) == sum(labelled for labelled, _ in step.sampled.values())
    assert step.keys == batch.keys
    assert not step.replaced
    for n, source in enumerate(batch.sources):
        assert batch.labelled_N[n] == (source == "pages")
        assert batch.targets_NCHW[n].any() == batch.weights_NHW[n].any() == batch.labelled_N[n]
    assert batch.images_NCHW.min() >= -1
    assert batch.images_NCHW.max() <= 1


def test_targets_lie_where_the_ink_is() -> None:
    pages = tuple(page(f"{n}", ((40, 60, 300, 100), (40, 150, 260, 180))) for n in range(8))
    augment = PageAugment(invert_probability=0, contrast=0, brightness=0, shade=0, noise_probability=0)
    (step,) = steps(replace(FEED, pages=pages, augment=augment, batch_pages=8), 1)
    (batch,) = step.batches
    levels_N1HW = torch.nn.functional.avg_pool2d(batch.images_NCHW, 4)
    core_NHW = batch.targets_NCHW[:, 0] > 0
    assert core_NHW.sum() > 100
    assert (levels_N1HW[:, 0][core_NHW] < 0).float().mean() > 0.99


def test_every_page_comes_once_an_epoch_and_looks_otherwise_every_time() -> None:
    six = steps(replace(FEED, batch_pages=6), 2)
    assert all(sorted(step.keys) == sorted(each.key for each in PAGES) for step in six)
    first, second = (dict(zip(s.keys, s.batches[0].images_NCHW, strict=True)) for s in six)
    assert all(not torch.equal(first[key], second[key]) for key in first)


def test_workers_give_the_same_steps() -> None:
    for one, other in zip(steps(FEED), steps(replace(FEED, workers=2)), strict=True):
        assert_equal(one, other)


def test_processes_and_micro_batches_share_a_step() -> None:
    whole = steps(FEED, 2)
    parts = [steps(replace(FEED, rank=rank, n_ranks=2, micro_batch_pages=2), 2) for rank in range(2)]
    for k, step in enumerate(whole):
        both = [part[k] for part in parts]
        assert {each.n_items for each in both} == {4}
        assert [len(each.batches) for each in both] == [2, 2]
        images = {key: i for each in both for b in each.batches for key, i in zip(b.keys, b.images_NCHW, strict=True)}
        assert sorted(images) == sorted(set(step.keys))
        first_uses = dict(zip(reversed(step.keys), reversed(step.batches[0].images_NCHW), strict=True))
        assert sum(torch.equal(images[key], image) for key, image in first_uses.items()) >= len(images) - 1


def test_a_control_takes_marked_pages_only() -> None:
    for step in steps(replace(FEED, only_labelled=True)):
        assert step.sampled == {"pages": (4, 0)}
        assert step.batches[0].labelled_N.all()


def test_sources_are_mixed_by_their_weights() -> None:
    plan = plan_of(Mix(weights={"b": Weight(weight=3)}), [each.source for each in PAGES], 4, 30)
    counts = [step.sampled for step in steps(replace(FEED, plan=plan), 30)]
    assert sum(count.get("b", (0, 0))[1] for count in counts) == 90
    assert sum(count.get("pages", (0, 0))[0] for count in counts) == 30


def test_another_page_stands_in_for_a_damaged_one() -> None:
    pages = (page("whole/0"), page("bad/0", whole=False), page("whole/1", None), page("bad/1", None, whole=False))
    (step,) = steps(replace(FEED, pages=pages), 1)
    assert set(step.replaced) == {"bad/0", "bad/1"}
    assert "damaged" in step.replaced["bad/0"]
    (batch,) = step.batches
    assert batch.labelled_N.sum() == 2
    assert (batch.targets_NCHW.flatten(1).any(1) == batch.labelled_N).all()


def test_pages_that_are_all_damaged_are_an_error_that_names_one() -> None:
    with pytest.raises(DataError, match="bad/0: can no longer be decoded"):
        steps(replace(FEED, pages=(page("bad/0", whole=False),)), 1)


def test_settings_that_cannot_be_used() -> None:
    with pytest.raises(UserError, match=r"no multiple of page\.quantum_px, which is 256"):
        steps(replace(FEED, preparation=PagePreparation(quantum_px=256)), 1)
    with pytest.raises(UserError, match="no page to learn from that has its lines marked"):
        steps(replace(FEED, pages=PAGES[3:], only_labelled=True), 1)
    with pytest.raises(UserError, match="no page to learn from"):
        steps(replace(FEED, pages=()), 1)


@pytest.mark.parametrize(
    ("corners_42", "cut"),
    [
        (level(10, 10, 90, 30), False),
        (level(-500, 10, 90, 30), False),  # goes on to the left
        (level(-500, 10, 9, 30), True),  # less than half a height of it is seen
        (level(10, -5, 90, 15), False),  # three quarters of its height
        (level(10, -10, 90, 10), True),  # half of it
        (level(10, 90, 90, 120), True),
        (level(10, 200, 90, 220), False),  # none of it: nothing to leave out
    ],
)
def test_what_a_crop_cuts_off(corners_42: np.ndarray, cut: bool) -> None:
    assert cut_off(corners_42[None], 100).tolist() == [cut]


def test_pages_are_kept_in_memory_up_to_a_limit_and_reduced() -> None:
    large = page("large", ((40, 60, 3000, 160),), size_px=(4000, 1000))
    kept = KeptPages((large, page("other")), PREPARATION, largest=1.5, limit_bytes=500_000)
    first, second = kept[0], kept[1]
    assert kept[0] is first
    assert kept[1] is not second
    height, width, channels = first.pixels_HWC.shape
    assert channels == 1
    prepared = PREPARATION.scaled_size_px(4000, 1000)
    assert (width, height) == (round(prepared[0] * 1.5), round(prepared[1] * 1.5)) == first.to_crop.size_px
    np.testing.assert_allclose(first.to_crop.corners_N42[0, 2] * (4000 / width, 1000 / height), (3000, 160))
    assert second.pixels_HWC.shape == (500, 400, 1)


def test_colour() -> None:
    (step,) = steps(replace(FEED, preparation=PagePreparation(pixels=200_000, channels=3)), 1)
    assert step.batches[0].images_NCHW.shape == (4, 3, 128, 128)


def test_the_digest_of_pages_tells_their_lines() -> None:
    digests = {pages_digest(PAGES), pages_digest(PAGES[1:]), pages_digest(PAGES[::-1]), pages_digest([page("a/0")])}
    assert len(digests) == 4
    assert pages_digest(PAGES) == pages_digest(list(PAGES))


def test_a_step_is_opened_by_its_number_alone() -> None:
    assert_equal(PageSteps(FEED)[3], PageSteps(FEED)[3])
