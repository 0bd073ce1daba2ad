"""What to try next, from a run's own figures: five rules, each with its evidence, the most points at stake first.

All are told in one unit, points of exact lines, so that they can be compared. The rules, their thresholds and what to
do stand in docs/next.md for users.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

What = Literal["labels", "steps", "capacity", "teacher", "test"]

LEAST_POINTS = 0.02  # of exact lines: what is less than that is not worth a training
LEARNING = 0.15  # the share of its character errors that a network still loses in the last quarter of its steps
LEAST_VALIDATIONS = 4
SILENT_CER, SILENT_EXACT = 0.9, 0.01
WORTHWHILE = 0.8  # a teacher makes at most so many errors for one of the student alone
DOUBLING = math.log(2) / math.log(4 / 3)  # quarters that twice the steps are, where errors fall by a power of the steps

ADVICE: Mapping[What, tuple[str, str]] = {
    "labels": (
        "Label more lines",
        "What the networks were shown they read, other lines of the kind they do not. Unlabelled lines of the kind "
        "help too, since the teacher reads them; rendered lines help where they look alike.",
    ),
    "steps": (
        "Train for more steps",
        "The student was still learning when it ended: set student.training.steps higher. distill run RUN "
        "student.training.steps=N, with the folder of this run, goes on where it ended.",
    ),
    "capacity": (
        "Take a larger student",
        "The student cannot hold what the teacher reads: set student.model.size to medium or large, and student.init "
        "to the folder of this run, with whose student the larger one begins (but not with neck: attention or norm: "
        "group); distill compare --pareto shows what each size costs.",
    ),
    "teacher": (
        "Get a better teacher",
        "A student hardly reads more than its teacher: train the teacher for more steps, take a larger one, or one "
        "that is finished (teacher.file).",
    ),
    "test": (
        "Train on lines like those of the test",
        "The test is unlike what was trained and validated on: add lines from where the test comes from; distill check "
        "shows where the sources differ.",
    ),
}


class ExactRate(NamedTuple):
    """The share of `n` lines that are read exactly."""

    exact: float
    n: int


class Point(NamedTuple):
    """What a network made of validation after a step: its character error rate."""

    step: int
    cer: float


@dataclass(frozen=True)
class Network:
    """What is known of a network. `train`: labelled training lines, read as they are, without augmentation.

    `curve` is empty for a network that was not trained in this run.
    """

    train: ExactRate | None
    validation: ExactRate | None
    test: ExactRate
    curve: Sequence[Point] = ()


@dataclass(frozen=True)
class Figures:
    """The figures of a run: its networks by role, the gain over the control, test lines with unseen characters."""

    networks: Mapping[str, Network]
    gain: Mapping[str, float] | None = None
    n_unseen: int = 0

    @property
    def student(self) -> Network:
        """Return the distilled student."""
        return self.networks["student"]


class Advice(NamedTuple):
    """What to try, how many points of exact lines are at stake (a fraction), and what speaks for it."""

    what: What
    points: float
    evidence: str

    def as_dict(self) -> dict[str, Any]:
        """Return it as it stands in `report.json`."""
        return {"what": self.what, "points": round(self.points, 6), "evidence": self.evidence}


def what_to_try(figures: Figures) -> list[Advice]:
    """Return what is worth trying, the most points at stake first; nothing where no rule finds anything."""
    rules = (_test_unlike(figures), _labels(figures), _steps(figures), _capacity(figures), _teacher(figures))
    found = [advice for advice in rules if advice is not None and advice.points >= LEAST_POINTS]
    return sorted(found, key=lambda advice: -advice.points)


def surely_more(one: ExactRate, other: ExactRate) -> bool:
    """Return whether the 95 % interval of the difference of two shares lies above 0 (Agresti and Caffo 2000)."""
    (p, n), (q, m) = (((share.exact * share.n + 1) / (share.n + 2), share.n + 2) for share in (one, other))
    return p - q > 1.96 * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)


def fall(curve: Sequence[Point]) -> float | None:
    """Return the share of its least character errors that a network lost in the last quarter of its steps.

    None where it was validated too seldom to say.
    """
    if len(curve) < LEAST_VALIDATIONS:
        return None
    end = max(point.step for point in curve)
    before = [point.cer for point in curve if point.step <= 0.75 * end]
    if not before or min(before) == 0:
        return None
    return max(0.0, 1 - min(point.cer for point in curve) / min(before))


def learning(network: Network) -> bool:
    """Return whether a network was still learning when its training ended."""
    return silent(network) or (fall(network.curve) or 0.0) >= LEARNING


def silent(network: Network) -> bool:
    """Return whether a network that was trained here reads nothing of validation, as CTC trainings do at first."""
    read = network.validation is None or network.validation.exact < SILENT_EXACT
    return bool(network.curve) and read and min(point.cer for point in network.curve) >= SILENT_CER


def _test_unlike(figures: Figures) -> Advice | None:
    own, parts, points = figures.student, [], 0.0
    if own.validation is not None and surely_more(own.validation, own.test):
        points = own.validation.exact - own.test.exact
        parts.append(
            f"The student reads {own.validation.exact:.1%} of the validation lines and {own.test.exact:.1%} of the "
            "test lines."
        )
    if figures.n_unseen:
        unseen = figures.n_unseen / own.test.n
        points = max(points, unseen)
        parts.append(f"{unseen:.1%} of the test lines hold characters that no training line has (see the ceiling).")
    return Advice("test", points, " ".join(parts)) if parts else None


def _labels(figures: Figures) -> Advice | None:
    found = []
    for role in ("student", "teacher"):
        network = figures.networks.get(role)
        if network is None or not network.curve or network.train is None or network.validation is None:
            continue
        if surely_more(network.train, network.validation):
            seen, unseen = network.train.exact, network.validation.exact
            evidence = f"The {role} reads {seen:.1%} of its labelled training lines and {unseen:.1%} of validation."
            found.append(Advice("labels", seen - unseen, evidence))
    if not found:
        return None
    return Advice("labels", max(a.points for a in found), " ".join(advice.evidence for advice in found))


def _steps(figures: Figures) -> Advice | None:
    own, control = figures.student, figures.networks.get("control")
    steps = max((point.step for point in own.curve), default=0)
    if silent(own):
        if control is not None and not silent(control):
            return None  # the same steps are enough without the teacher
        evidence = f"After {steps:,} steps the student reads nothing of validation yet, as CTC trainings do at first."
        return Advice("steps", 1.0 - own.test.exact, evidence)
    lost = fall(own.curve)
    if lost is None or lost < LEARNING or own.validation is None:
        return None
    points = (1 - own.validation.exact) * (1 - (1 - lost) ** DOUBLING)
    evidence = (
        f"In the last quarter of its {steps:,} steps the student still lost {lost:.0%} of its character errors on "
        "validation. The points are what twice the steps would bring at that rate."
    )
    return Advice("steps", points, evidence)


def _capacity(figures: Figures) -> Advice | None:
    own, teacher = figures.student, figures.networks.get("teacher")
    if teacher is None or own.train is None or teacher.train is None or learning(own):
        return None
    if own.validation is None or teacher.validation is None or not surely_more(teacher.train, own.train):
        return None
    points = min(teacher.train.exact - own.train.exact, teacher.validation.exact - own.validation.exact)
    evidence = (
        f"Of the training lines the teacher reads {teacher.train.exact:.1%} and the student {own.train.exact:.1%}, of "
        f"validation {teacher.validation.exact:.1%} and {own.validation.exact:.1%}, and the student no longer learns."
    )
    return Advice("capacity", points, evidence)


def _teacher(figures: Figures) -> Advice | None:
    own, teacher, control = (figures.networks.get(role) for role in ("student", "teacher", "control"))
    if teacher is None or own is None:
        return None
    if control is None:
        if not surely_more(own.test, teacher.test):
            return None
        points = own.test.exact - teacher.test.exact
        parts = [f"The teacher reads {teacher.test.exact:.1%} of the test lines and the student {own.test.exact:.1%}."]
    else:
        points = (1 - teacher.test.exact) - WORTHWHILE * (1 - control.test.exact)
        parts = [
            f"The teacher reads {teacher.test.exact:.1%} of the test lines and the student alone "
            f"{control.test.exact:.1%}."
        ]
        if figures.gain is not None and figures.gain["high"] < 0:
            points = max(points, -figures.gain["value"])
            parts.append(
                f"With the teacher the student reads {-100 * figures.gain['value']:.1f} points less than alone."
            )
            if not surely_more(control.test, teacher.test):
                parts.append("The teacher itself reads no less: lower the weights of its terms, or take more steps.")
    return Advice("teacher", points, " ".join([*parts, *_about(teacher)]))


def _about(teacher: Network) -> Iterator[str]:
    """What else speaks for or against a longer training of the teacher."""
    lost = fall(teacher.curve)
    if silent(teacher):
        yield "It reads nothing of validation yet: it needs more steps first."
    elif lost is not None and lost >= LEARNING:
        yield f"It still lost {lost:.0%} of its character errors in the last quarter of its steps: it needs more steps."
