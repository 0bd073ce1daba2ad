"""What a run is made of: one frozen model, checked whole before anything starts. `file.py` reads it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator
from typing_extensions import Self

from distill.data.mixing import Mix
from distill.recipe.line_data import Data
from distill.recipe.objective import Objective
from distill.recipe.terms import Consistency
from distill.recipe.training import Learner, Training
from distill.runtime import Runtime
from distill.schema import FolderName, Section, expect_distinct, without_unset
from students.config import StudentConfig
from students.errors import UserError
from students.image import Preparation
from teachers.crnn import TeacherConfig


class RecipeError(UserError):
    """A recipe that cannot be used; the message lists every problem."""


class Stage(Section):
    """A training that comes before a network's own: the next begins with its weights."""

    name: FolderName = Field(description="names its folder inside the network's")
    sources: tuple[str, ...] | None = Field(None, description="names of the training sources it uses; null: all")
    mix: Mix | None = Field(
        None, description="how much of each source it samples, and when; null: every line once an epoch"
    )
    training: Training = Field(description="its budget and optimiser")


class Network(Section):
    """What teacher and student have in common."""

    init: str | None = Field(
        None,
        description="model file, run folder, or name of a shipped model of its kind, whose weights it begins with: "
        "of its architecture, or a smaller size of a student's; null: fresh ones",
    )
    charset_change: Literal["union", "new", "fail"] = Field(
        "union",
        description="characters that init and the lines do not share: write both; those of the lines; or stop",
    )
    stages: tuple[Stage, ...] = Field((), description="trainings that come before, each from the weights of the last")
    sources: tuple[str, ...] | None = Field(None, description="names of the training sources it uses; null: all")
    mix: Mix | None = Field(
        None, description="how much of each source it samples, and when; null: every line once an epoch"
    )
    training: Training = Field(description="how it is trained")

    @model_validator(mode="after")
    def _a_folder_each(self) -> Self:
        expect_distinct("stages need distinct names, as each has a folder", [stage.name for stage in self.stages])
        return self


class Teacher(Network):
    """The large network."""

    model: TeacherConfig = Field(description="its architecture")
    file: str | None = Field(
        None,
        description="a finished model, of any charset and preparation, that teaches as it is: a file, a run folder, "
        "or the name of a shipped teacher (receipts, scene, students/NAME); none is trained, so init, stages, sources "
        "and mix say nothing",
    )
    consistency: Consistency = Field(Consistency(), description="agreement of two views of a line")
    allow_weak: bool = Field(
        False,
        description="for experiments: let it teach although it reads nothing, or worse than the student alone",
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("allow_weak",))

    @model_validator(mode="before")
    @classmethod
    def _nothing_to_train(cls, given: Any) -> Any:
        if not isinstance(given, dict) or given.get("file") is None:
            return given
        return {key: value for key, value in given.items() if key not in ("init", "stages", "sources", "mix")}


class Student(Network):
    """The small network, trained twice: alone (the control) and distilled."""

    model: StudentConfig = Field(description="its architecture")
    control: bool = Field(True, description="train the control; without it the report proves nothing")
    seed: int | None = Field(
        None, ge=0, description="of weights, order and augmentation of control and student; null: the recipe's"
    )

    @model_validator(mode="after")
    def _equal_steps(self) -> Student:
        if any(training.patience is not None for training in (self.training, *(s.training for s in self.stages))):
            raise ValueError("training.patience: control and student take equal steps, so neither may stop early")
        return self


class Recipe(Section):
    """A whole run, from lines to a verdict."""

    name: FolderName = Field(description="names the run folder; by default as the file is named")
    about: str = Field("", description="one line on what it is for")
    seed: int = Field(0, ge=0, description="of weights, order and augmentation")
    data: Data = Field(description="the lines")
    image: Preparation = Field(Preparation(), description="from picture to tensor")
    teacher: Teacher | None = Field(
        description="the large network; null: none, and a student that begins with finished weights (student.init) is "
        "trained further on the labels alone"
    )
    student: Student = Field(description="the small network")
    objective: Objective = Field(Objective(), description="of the distillation")
    runtime: Runtime = Field(Runtime(), description="threads, workers, tracker, cache")

    @property
    def networks(self) -> dict[Learner, Teacher | Student]:
        """Return the networks by name: no teacher where there is none."""
        return {**({"teacher": self.teacher} if self.teacher else {}), "student": self.student}

    @property
    def student_seed(self) -> int:
        """Return the seed of control and student: their own, or that of the recipe."""
        return self.seed if self.student.seed is None else self.student.seed

    @property
    def own_teacher(self) -> Teacher:
        """Return the teacher; raises `RecipeError` where there is none."""
        if self.teacher is None:
            raise RecipeError(
                f"recipe {self.name}: teacher is null, and this needs one; `distill run` trains its student further "
                "on the labels alone"
            )
        return self.teacher

    @property
    def teacher_file(self) -> str | None:
        """Return the finished model that teaches; None where the teacher is trained, and where there is none."""
        return self.teacher.file if self.teacher else None

    @property
    def has_control(self) -> bool:
        """Return whether a control is trained; a student without a teacher would be its own."""
        return self.teacher is not None and self.student.control

    def needs_labels(self, network: Learner) -> bool:
        """Return whether a network learns from labelled lines; a student with a teacher alone needs none."""
        if network == "teacher":
            return self.teacher is not None and self.teacher.file is None
        return self.teacher is None or self.student.control

    @model_validator(mode="after")
    def _somebody_teaches(self) -> Recipe:
        if self.teacher is None and self.student.init is None:
            raise ValueError(
                "teacher: null needs student.init, the finished weights to train further; a fresh student without a "
                "teacher is the control of a recipe that has one"
            )
        if self.teacher is None and self.objective.more_teachers:
            raise ValueError("objective.more_teachers teach beside a teacher; name the first of them as teacher.file")
        return self

    @model_validator(mode="after")
    def _named_sources_exist(self) -> Recipe:
        known = [source.name for source in self.data.train]
        trainings: dict[str, Network | Stage] = {str(name): part for name, part in self.networks.items()}
        trainings |= {f"{n}.stages.{s.name}": s for n, p in tuple(trainings.items()) for s in getattr(p, "stages", ())}
        wanted: dict[str, Iterable[str]] = {f"{where}.sources": part.sources or () for where, part in trainings.items()}
        wanted |= {f"objective.trust.{key}": getattr(self.objective.trust, key) for key in ("sources", "temperatures")}
        cuts = {"cut": self.data.cut, "test_cut": self.data.test_cut, "unlabel": self.data.unlabel}
        wanted |= {f"data.{name}.sources": part.sources or () for name, part in cuts.items() if part}
        problems = [
            f"{where}: {name!r} is not a training source; there are {', '.join(known)}"
            for where, names in wanted.items()
            for name in names
            if name not in known
        ]
        problems += [
            f"{where}.mix.weights: {name!r} is not one of its sources; there are {', '.join(part.sources or known)}"
            for where, part in trainings.items()
            for name in (part.mix and part.mix.weights) or ()
            if name not in (part.sources or known)
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self
