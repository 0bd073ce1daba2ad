"""Who teaches the student of a new recipe: a finished teacher, one that is trained in the time there is, or nobody."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from distill.proposing.budget import LEAST_FRESH_STEPS, LEAST_STEPS
from students.model_file import Description

SMALL_TEACHER = {"kind": "resnet", "blocks": [1, 1, 1, 1], "channels": [32, 64, 128, 192], "hidden": 192, "layers": 1}
TEACHER = {"kind": "resnet", "blocks": [1, 1, 2, 1], "channels": [40, 80, 160, 240], "hidden": 256, "layers": 1}
SHORT_BUDGET_S = 1500


@dataclass(frozen=True)
class Beginning:
    """A shipped model: its name, what its file says of it, and whether it reads these lines well already."""

    name: str
    description: Description
    finished: bool

    @property
    def model(self) -> Mapping[str, Any]:
        """Return its architecture as a recipe has it."""
        return self.description.architecture

    @property
    def height_px(self) -> int:
        """Return the height of the lines that it reads."""
        return self.description.preparation.height_px


@dataclass(frozen=True)
class Teaching:
    """A finished teacher (`file`), one of the architecture `model` that is trained, or, with neither, nobody.

    A trained one begins with the weights of the shipped `begins`, or with fresh ones.
    """

    file: str | None = None
    model: Mapping[str, Any] | None = None
    begins: Beginning | None = None

    @property
    def least_steps(self) -> int | None:
        """Return the steps below which a teacher cannot teach; 0 where none is trained, None where nobody teaches."""
        if self.model is None:
            return 0 if self.file else None
        return LEAST_STEPS if self.begins else LEAST_FRESH_STEPS

    def __str__(self) -> str:
        if self.file:
            return f"the finished {self.file}, as it is"
        if self.model is None:
            return "nobody: the student learns from labels alone"
        return f"trained from the shipped {self.begins.name}" if self.begins else "trained from fresh weights"


def choices(shipped: Beginning | None, alone: bool, fresh_may: bool, budget_s: float) -> list[Teaching]:
    """Return who may teach, the best first: each needs less time than those before it.

    `shipped` is the shipped teacher that reads most of the lines, if it reads enough; `alone`: whether the student
    begins with weights that can do without a teacher; `fresh_may`: whether one from fresh weights may teach.
    """
    nobody = [Teaching()] if alone else []
    if shipped and shipped.finished:
        return [Teaching(file=shipped.name), *nobody]
    begun = [Teaching(model=shipped.model, begins=shipped)] if shipped else []
    models = (SMALL_TEACHER,) if budget_s < SHORT_BUDGET_S else (TEACHER, SMALL_TEACHER)
    return [*begun, *(Teaching(model=model) for model in models if fresh_may), *nobody]
