"""What terms are computed from: labels and their forms, trust, peers, auxiliary modules; and the control."""

from __future__ import annotations

import itertools
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from distill.data.batch import Batch, StepData
from distill.data.labels import foldings
from distill.recipe.objective import TAUGHT, Objective, Trust
from distill.recipe.terms import FrameKL, SequenceKD
from distill.teaching.inputs import term_inputs
from distill.teaching.losses.alignment import aligned_cross_entropy, self_alignment
from distill.teaching.losses.attention import AttentionHead, attention
from distill.teaching.losses.features import Distance, Hint, feature_hint
from distill.teaching.losses.logits import mutual
from distill.teaching.objective import loss_terms, term_counts, term_weights
from students.parts import Outputs, Recurrent
from tests.teaching.fixed import CASES, Fixed, batch
from tests.tensors import C, T, kl, logits, outputs


def test_alignments_go_by_what_the_label_records() -> None:
    """By enumeration: a caseless `Ab` is any path whose groups of classes collapse to those of the label."""
    (folded,) = foldings(CASES, ["caseless"])
    assert folded is not None
    student_NTC, teacher_NTC = logits(1, 4, 4, seed=16), logits(1, 4, 4, seed=17)
    lines = batch(["Ab"], ["caseless"])
    wanted = folded.group_of[lines.targets_NL[0]].tolist()

    def collapsed(path: tuple[int, ...]) -> list[int]:
        return [group for group, _ in itertools.groupby(folded.group_of[list(path)].tolist()) if group != folded.blank]

    paths = [path for path in itertools.product(range(4), repeat=4) if collapsed(path) == wanted]
    p_TC, q_TC = (x[0].double().softmax(-1) for x in (teacher_NTC, student_NTC))
    group_p_TG = torch.stack([p_TC[:, list(members)].sum(-1) for members in folded.groups], -1)
    frames = torch.arange(4)
    best = max(paths, key=lambda p: group_p_TG[frames, folded.group_of[list(p)]].log().sum().item())
    in_group_TC = folded.group_of == folded.group_of[list(best)][:, None]
    classes_T = p_TC.masked_fill(~in_group_TC, 0).argmax(-1)
    arguments = (lines.targets_NL, lines.target_lengths_N, lines.labelled_N, lines.foldings)
    aligned, _ = aligned_cross_entropy(outputs(student_NTC), outputs(teacher_NTC), *arguments)
    assert aligned.item() == pytest.approx(-q_TC[frames, classes_T].log().mean().item(), abs=1e-6)
    occupied_TC = torch.zeros(4, 4, dtype=torch.float64)
    for path in paths:
        occupied_TC[frames, list(path)] += q_TC[frames, list(path)].prod()
    own, _ = self_alignment(outputs(student_NTC), *arguments)
    assert own.item() == pytest.approx(-q_TC[frames, occupied_TC.argmax(-1)].log().mean().item(), abs=1e-6)
    exact = aligned_cross_entropy(outputs(student_NTC), outputs(teacher_NTC), *arguments[:3])[0]
    assert exact.item() != pytest.approx(aligned.item(), abs=1e-3)  # capitals are not forced any more


def test_a_student_sure_of_small_letters_is_not_taught_capitals_by_a_caseless_label() -> None:
    reads_ab = outputs(torch.nn.functional.one_hot(torch.tensor([[1, 0, 3, 0]]), 4) * 8.0)
    lines = batch(["Ab"], ["caseless"])
    labels = lines.targets_NL, lines.target_lengths_N, lines.labelled_N
    assert self_alignment(reads_ab, *labels, lines.foldings)[0].item() < 0.01
    assert self_alignment(reads_ab, *labels)[0].item() > 1
    assert aligned_cross_entropy(reads_ab, reads_ab, *labels, lines.foldings)[0].item() < 0.01
    assert aligned_cross_entropy(reads_ab, reads_ab, *labels)[0].item() > 1


@pytest.mark.parametrize(("which", "rows"), [("all", [0, 1, 2, 3]), ("unlabelled", [3]), ("disagreeing", [1, 3])])
def test_sequence_kd_takes_the_lines_that_it_is_asked_to(which: str, rows: list[int]) -> None:
    teacher = outputs(torch.nn.functional.one_hot(torch.tensor([[1, 0, 3, 0]]).expand(4, -1), 4) * 8.0)  # "ab"
    student = outputs(logits(4, 4, 4, seed=62))
    lines = batch(["ab", "Ab", "Ab", None], ["exact", "exact", "caseless", "exact"])

    def term(settings: dict[str, object], batch: Batch, ours: Outputs, theirs: Outputs) -> tuple[float, int]:
        objective = Objective.model_validate({"sequence_kd": {"weight": 1, **settings}})
        inputs = term_inputs(objective, ["sequence_kd"], ours, batch, nn.ModuleDict(), None, Fixed(theirs))
        total, count = loss_terms(objective, ["sequence_kd"], inputs)["sequence_kd"]
        return total.item(), count

    total, count = term({"lines": which}, lines, student, teacher)
    ours, theirs = (Outputs(*(x[rows] for x in o)) for o in (student, teacher))
    assert total == pytest.approx(term({}, batch([None] * len(rows), ["exact"] * len(rows)), ours, theirs)[0], rel=1e-5)
    assert count == 4
    assert SequenceKD().model_dump().keys().isdisjoint({"lines", "by_probability"})


@pytest.mark.parametrize("name", ["frame_kl", "focal_frame_kl", "blank_split"])
def test_frames_count_by_how_sure_the_teacher_is(name: str) -> None:
    """Against the term of every frame alone."""
    student_NTC, teacher_NTC = logits(1, T, C, seed=60), logits(1, T, C, seed=61)
    settings = {"weight": 1, "temperature": 2} | ({"frames": "all"} if name == "frame_kl" else {})

    def term(trust: dict[str, float], frames: slice = slice(None)) -> float:
        objective = Objective.model_validate({name: settings, "trust": trust})
        ours, theirs = outputs(student_NTC[:, frames]), outputs(teacher_NTC[:, frames])
        inputs = term_inputs(objective, [name], ours, batch([None], ["exact"]), nn.ModuleDict(), None, Fixed(theirs))
        return loss_terms(objective, [name], inputs)[name][0].item()

    sure_T = (teacher_NTC[0].softmax(-1).amax(-1) ** 3).tolist()
    expected = sum(sure * term({}, slice(t, t + 1)) for t, sure in enumerate(sure_T)) / T
    assert term({"confidence": 3}) == pytest.approx(expected, rel=1e-5)


def test_peers_follow_each_other() -> None:
    ours, theirs = logits(2, T, C, seed=50).requires_grad_(), logits(2, T, C, seed=51).requires_grad_()
    total, count = mutual(outputs(ours, [T, 3]), outputs(theirs, [T, 3]))
    total.backward()
    assert count == 2
    slow, gradients = torch.zeros((), dtype=torch.float64), []
    for own, other in ((ours, theirs), (theirs, ours)):
        x_NTC, p_NTC = own.detach().double().requires_grad_(), other.detach().double().softmax(-1)
        one_way = sum(
            kl(p_NTC[n, t], x_NTC[n, t].softmax(-1)) / frames for n, frames in enumerate((T, 3)) for t in range(frames)
        )
        torch.as_tensor(one_way).backward()
        slow, gradients = slow + torch.as_tensor(one_way).detach(), [*gradients, x_NTC.grad]
    assert total.item() == pytest.approx(slow.item(), abs=1e-5)
    assert torch.allclose(ours.grad.double(), gradients[0], atol=1e-6)
    assert torch.allclose(theirs.grad.double(), gradients[1], atol=1e-6)
    same, _ = mutual(outputs(ours), outputs(ours))
    assert same.item() == pytest.approx(0, abs=1e-6)


def slow_attention(head: AttentionHead, features_TD: Tensor, classes: list[int]) -> Tensor:
    """Posteriors (C,) of what follows some characters, in float64, the frames looked at one by one."""
    wide = deepcopy(head).double()
    states, _ = wide.decoder(wide.embedding(torch.tensor([[0, *classes]])))
    state_H = states[0, -1]
    scores_T = torch.stack([state_H @ wide.keys(frame_D) for frame_D in features_TD]) / len(state_H) ** 0.5
    seen_D = sum(share * frame_D for share, frame_D in zip(scores_T.softmax(0), features_TD, strict=True))
    return wide.output(torch.cat([state_H, torch.as_tensor(seen_D)])).softmax(-1)


def test_the_attention_head_is_a_cross_entropy_over_true_prefixes() -> None:
    torch.manual_seed(0)
    head = AttentionHead(5, 4, hidden=8)
    lines = batch(["ab", None, "Ab", ""], ["exact", "exact", "caseless", "exact"])
    frames = Outputs(logits(4, T, 4, seed=52), torch.tensor([T, T, 3, 2]), logits(4, T, 5, seed=53).requires_grad_())
    labels = (lines.targets_NL, lines.target_lengths_N, lines.labelled_N, lines.foldings)
    total, count = attention(head, frames, *labels)
    assert count == 3
    slow = torch.zeros((), dtype=torch.float64)
    for row, (text, groups) in {0: ("ab", None), 2: ("Ab", ("aA",)), 3: ("", None)}.items():
        features_TD = frames.features[row, : frames.lengths_N[row]].double()
        classes = CASES.encode(text)
        for i, wanted in enumerate([*classes, 0]):  # one character at a time, knowing those before it
            p_C = slow_attention(head, features_TD, classes[:i])
            alike = {1, 2} if groups and wanted in (1, 2) else {wanted}
            slow = slow - torch.stack([p_C[c] for c in alike]).sum().log() / (len(classes) + 1)
    assert total.item() == pytest.approx(slow.item(), abs=1e-5)
    (gradient,), (wanted_gradient,) = (torch.autograd.grad(x, frames.features) for x in (total, slow))
    assert torch.allclose(gradient, wanted_gradient, atol=1e-5)
    none, count = attention(head, frames, *labels[:2], torch.tensor([False] * 4), lines.foldings)
    assert (none.item(), count) == (0, 0)


@pytest.mark.parametrize("distance", ["mse", "l1", "cosine"])
def test_a_feature_hint_is_the_mean_distance_over_valid_frames(distance: Distance) -> None:
    student = outputs(logits(2, T, C, seed=23), [T, 3])
    ours_NTD, theirs_NTD = logits(2, T, 5, seed=24).requires_grad_(), logits(2, T, 5, seed=25)
    expected = torch.zeros((), dtype=torch.float64)
    for a, b, t in zip(ours_NTD.double(), theirs_NTD.double(), (T, 3), strict=True):
        a, b = a[:t], b[:t]
        match distance:
            case "mse":
                expected = expected + ((a - b) ** 2).mean() / (b**2).mean()
            case "l1":
                expected = expected + (a - b).abs().mean() / b.abs().mean()
            case "cosine":
                each = [1 - (x * y).sum() / (x.norm() * y.norm()) for x, y in zip(a, b, strict=True)]
                expected = expected + torch.stack(each).mean()
    total, count = feature_hint(ours_NTD, theirs_NTD, student, distance=distance)
    assert count == 2
    assert total.item() == pytest.approx(expected.item(), abs=1e-5)
    (gradient,), (wanted,) = (torch.autograd.grad(x, ours_NTD) for x in (total, expected))
    assert torch.allclose(gradient, wanted.float(), atol=1e-5)
    assert feature_hint(theirs_NTD, theirs_NTD, student, distance=distance)[0].item() == pytest.approx(0, abs=1e-6)


def test_a_hint_goes_through_the_teachers_neck_and_leaves_it_alone() -> None:
    neck = Recurrent("bilstm", 5, 3, 1).eval().requires_grad_(False)
    fine = Outputs(logits(2, 8, C, seed=26), torch.tensor([8, 8]), logits(2, 8, 5, seed=27))
    student = Outputs(logits(2, 4, C, seed=28), torch.tensor([4, 4]), logits(2, 4, 7, seed=29))
    hint = Hint(7, 5)
    ours_NTD, theirs_NTD = hint(student, fine, neck)
    assert ours_NTD.shape == theirs_NTD.shape == (2, 4, 6)  # both ways, without the features
    assert torch.allclose(theirs_NTD, neck.read(fine.features).view(2, 4, 2, -1).mean(2), atol=1e-6)
    feature_hint(ours_NTD, theirs_NTD, student, distance="mse")[0].backward()
    assert hint.projection.weight.grad is not None
    assert all(p.grad is None for p in neck.parameters())


def test_the_control_minimises_what_needs_no_teacher_and_knows_no_setting_of_the_rest() -> None:
    untaught = {name: {"weight": 0.1} for name in ("self_alignment", "mutual", "attention")}
    every = Objective.model_validate({name: {"weight": 1} for name in TAUGHT} | untaught)
    alone = every.without_teacher
    assert term_weights(alone, 0.5, taught=True).keys() == {"ctc", "class_changes", "peer_ctc", *untaught}
    assert term_weights(every, 0.5, taught=True).keys() == every.terms.keys() - {"consistency"}
    hotter = every.model_copy(update={"frame_kl": FrameKL(temperature=4), "trust": Trust(policy="drop")})
    assert hotter.without_teacher == alone
    step = StepData(step=0, epoch=0, batches=(), n_items=7, n_labelled=4)
    counts = term_counts(every, term_weights(every, 0.5, taught=True), step)
    assert counts["ctc"] == counts["self_alignment"] == 4
    assert counts["frame_kl"] == counts["sequence_kd"] == 7
