"""Kept posteriors: exact at every temperature but for the tail's shape, small, and never silently damaged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from accelerate import Accelerator

from distill.data.augment import Augment
from distill.data.columns import Column
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines, joined
from distill.data.posteriors import Cached, Posteriors, dense, pack, unpack
from distill.data.prepared import PreparedLines
from distill.data.sampler import Order, in_width_order
from distill.recipe.objective import Objective, PosteriorCache
from distill.synthesis.opening import open_rendered
from distill.synthesis.source import RenderedSource
from distill.teaching.cache import TaughtLines, cache_posteriors, filling_of
from distill.teaching.teacher import FrozenTeacher, Member
from students.architectures.recurrent import RecurrentStudent
from students.charset import Charset
from students.errors import CheckpointError
from students.image import Preparation

TAUS = (1.0, 2.5)
CPU = torch.device("cpu")
NO_AUGMENTATION = Augment(
    probability=0, contrast=0, brightness=0, blur_probability=0, noise_probability=0, jpeg_probability=0
)


def log_posteriors(frames: int = 40, classes: int = 30, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    logits_TC = generator.normal(0, 2, (frames, classes))
    logits_TC[generator.random(frames) < 0.6, 0] += 25  # mostly blanks
    return np.log(np.exp(logits_TC) / np.exp(logits_TC).sum(1, keepdims=True))


def kept(log_p_TC: np.ndarray, top_k: int, blank_above: float) -> tuple[bytes, Posteriors]:
    record = pack(log_p_TC, top_k, blank_above, TAUS)
    return record, Posteriors(*(torch.from_numpy(x)[None] for x in unpack(record, top_k, len(TAUS))))


@pytest.mark.parametrize("tau", TAUS)
def test_softened_posteriors_are_exact_but_for_the_shape_of_the_tail(tau: float) -> None:
    log_p_TC = log_posteriors()
    soft_TC = torch.from_numpy(log_p_TC / tau).softmax(-1)
    _, posteriors = kept(log_p_TC, 5, 1.0)
    found_TC = (dense(posteriors, 30, TAUS, tau)[0] / tau).softmax(-1)
    top_TK = posteriors.classes_NTK[0]
    assert torch.allclose(found_TC.gather(1, top_TK), soft_TC.gather(1, top_TK).float(), atol=2e-3)
    assert found_TC.argmax(-1).tolist() == soft_TC.argmax(-1).tolist()
    rest_TC = found_TC.scatter(1, top_TK, 0)
    assert torch.allclose(rest_TC.sum(1), soft_TC.scatter(1, top_TK, 0).sum(1).float(), atol=2e-3)
    assert all(len(row[row > 0].unique()) == 1 for row in rest_TC)  # a flat tail


def test_all_classes_kept_are_the_posteriors_themselves() -> None:
    log_p_TC = log_posteriors(classes=6)
    _, posteriors = kept(log_p_TC, 6, 1.0)
    assert torch.allclose(
        dense(posteriors, 6, TAUS, 1.0)[0].exp(), torch.from_numpy(np.exp(log_p_TC)).float(), atol=1e-3
    )


def test_a_run_of_blanks_is_kept_as_one_frame() -> None:
    log_p_TC = log_posteriors(frames=80, seed=1)
    long, _ = kept(log_p_TC, 8, 1.0)
    short, posteriors = kept(log_p_TC, 8, 0.999)
    assert len(short) < len(long)
    assert posteriors.classes_NTK.shape[1] == 80
    found_TC = dense(posteriors, 30, TAUS, 1.0)[0].exp()
    assert (found_TC[:, 0] - torch.from_numpy(np.exp(log_p_TC[:, 0]))).abs().max() < 2e-3


def test_a_damaged_record_is_found_out() -> None:
    record, _ = kept(log_posteriors(), 4, 0.999)
    with pytest.raises(CheckpointError, match="damaged"):
        unpack(record + b"\0\0", 4, len(TAUS))
    with pytest.raises((CheckpointError, ValueError)):
        unpack(record[:-2], 4, len(TAUS))


def test_the_teachers_outputs_are_those_of_the_view_that_is_shown() -> None:
    import pyarrow as pa

    records = [pack(log_posteriors(seed=s), 3, 1.0, TAUS) for s in range(4)]
    tables = tuple(Column(pa.chunked_array([pa.array(records[i : i + 2], pa.binary())])) for i in (0, 2))
    cached = Cached(tables, 3, TAUS, 30)
    for view, first in ((0, 0), (1, 2)):
        found = cached.of([1, 0], [view, view])
        wanted = unpack(records[first + 1], 3, len(TAUS))[0]
        assert found.classes_NTK[0].tolist() == wanted.tolist()
    outputs = cached.outputs(found, 2.5)
    assert outputs.logits_NTC.shape == (2, 40, 30)
    assert outputs.lengths_N.tolist() == [40, 40]


def test_what_cannot_be_cached_is_refused() -> None:
    others: list[dict[str, object]] = [
        {"feature_hint": {"weight": 1}},
        {"consistency": {"weight": 0.2}},
        {"frame_kl": {"weight": 1, "standardised": True}},
    ]
    for other in others:
        with pytest.raises(ValueError, match=r"cache\.views"):
            Objective.model_validate({"cache": {"views": 2}, **other})
    objective = Objective(cache=PosteriorCache(views=3, top_k=2))
    assert objective.without_teacher.cache == PosteriorCache(views=3)


def rendered(name: str, folder: Path) -> Lines:
    source = RenderedSource(name=name, lines=24, fonts=("dejavu-sans",))
    return open_rendered(source, Path(), folder, Preparation())[0]


def test_a_line_that_no_augmentation_changes_is_read_once_for_all_views(tmp_path: Path) -> None:
    changing = rendered("changing", tmp_path)
    still = replace(rendered("still", tmp_path), augments={"still": NO_AUGMENTATION})
    lines = joined([changing, still])
    network = RecurrentStudent().build(97, 1, Preparation().height_px).eval()
    seen: list[int] = []
    network.register_forward_hook(lambda _, images, __: seen.append(len(images[0])))
    teacher = FrozenTeacher([Member(network)], CPU, "fp32")
    taught = TaughtLines(teacher, lines, Preparation(), Augment(probability=1, contrast=0.5), 7)
    objective = Objective(cache=PosteriorCache(views=3))
    cached = cache_posteriors(taught, objective, 97, tmp_path, Accelerator(cpu=True), lambda: None)
    assert sum(seen) == 3 * len(changing) + len(still)
    first, second, third = ([bytes(table[i]) for i in range(len(lines))] for table in cached.tables)
    n = len(changing)
    assert first[n:] == second[n:] == third[n:]
    assert first[:n] != second[:n] != third[:n] != first[:n]


def test_seconds_stand_in_a_cache_that_runs_share_and_in_no_other(tmp_path: Path) -> None:
    teacher = FrozenTeacher([Member(RecurrentStudent().build(97, 1, Preparation().height_px).eval())], CPU, "fp32")
    taught = TaughtLines(teacher, rendered("some", tmp_path), Preparation(), Augment(), 7)
    objective = Objective(cache=PosteriorCache(views=1))
    for root, shared in (("own", False), ("shared", True)):
        cached = cache_posteriors(taught, objective, 97, tmp_path / root, Accelerator(cpu=True), lambda: None, shared)
        assert cached.filled_s > 0
        assert [path.name for path in (tmp_path / root).rglob("*.json")] == ["timing.json"] * shared


def test_lines_that_no_augmentation_changes_are_kept_once_for_all_seeds(tmp_path: Path) -> None:
    still = replace(rendered("still", tmp_path), augments={"still": NO_AUGMENTATION})
    both = joined([still, rendered("changing", tmp_path)])
    teacher = FrozenTeacher([Member(RecurrentStudent().build(97, 1, Preparation().height_px).eval())], CPU, "fp32")
    objective = Objective(cache=PosteriorCache(views=1))

    def folder(lines: Lines, seed: int, *unread: str) -> Path:
        taught = TaughtLines(teacher, lines, Preparation(), Augment(), seed, frozenset(unread))
        return filling_of(taught, objective, 97, tmp_path, CPU).folder

    assert folder(still, 1) == folder(still, 2)
    assert folder(both, 1, "changing") == folder(both, 2, "changing")
    assert folder(both, 1) != folder(both, 2)


def test_in_every_epoch_the_kept_posteriors_are_those_of_the_picture_that_is_shown(tmp_path: Path) -> None:
    preparation = Preparation()
    source = RenderedSource(name="drawn", lines=24, fonts=("dejavu-sans",))
    lines, _ = open_rendered(source, Path(), tmp_path, preparation)
    charset = Charset.of([text or "" for text in lines.texts])
    n_classes = charset.n_classes
    torch.manual_seed(0)
    network = RecurrentStudent().build(n_classes, 1, preparation.height_px).eval()
    prepared = PreparedLines(lines, preparation, (), 0)
    groups = in_width_order(lines.padded_width_px, 8)
    with torch.no_grad():  # logits that differ from frame to frame, so that another picture has others
        logits_FC = torch.cat([network(prepared.stacked(g)[0]).logits_NTC.flatten(0, 1) for g in groups])
        (head,) = (layer for layer in network.head.modules() if isinstance(layer, torch.nn.Linear))
        head.weight *= (3 / logits_FC.std(0))[:, None]
        head.bias.copy_((head.bias - logits_FC.mean(0)) * 3 / logits_FC.std(0))
    teacher = FrozenTeacher([Member(network)], CPU, "fp32")
    augment, seed = Augment(probability=1, rotation_deg=10, shear=0.3, noise_probability=1, noise_sigma=40), 7
    objective = Objective(cache=PosteriorCache(views=2, top_k=n_classes, blank_above=1))
    taught = TaughtLines(teacher, lines, preparation, augment, seed)
    cached = cache_posteriors(taught, objective, n_classes, tmp_path, Accelerator(cpu=True), lambda: None)
    order = Order(lines.padded_width_px, 8, seed)
    steps = range(4 * order.steps_per_epoch)
    seen: dict[str, list[torch.Tensor]] = {key: [] for key in lines.keys}
    settings = FeedSettings(lines, order, charset, preparation, augment, cycle=2, cached=cached)
    for step in feed(settings, steps):
        for batch in step.batches:
            assert batch.posteriors is not None
            online = teacher(batch.images_NCHW).logits_NTC.softmax(-1)
            kept = cached.outputs(batch.posteriors, 1.0).logits_NTC.softmax(-1)
            assert (online - kept).abs().max() < 0.004
            for key, p_TC in zip(batch.keys, online, strict=True):
                seen[key].append(p_TC)
    for first, second, third, fourth in seen.values():
        assert torch.allclose(first, third, atol=1e-4)
        assert torch.allclose(second, fourth, atol=1e-4)
    apart = [(first - second).abs().max().item() for first, second, *_ in seen.values()]
    assert np.median(apart) > 0.03  # another view has other posteriors
