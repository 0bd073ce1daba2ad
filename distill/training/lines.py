"""Text lines as the task of a training: what teacher, control and student learn from, minimise and are chosen by."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from distill.data.batch import StepData
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines
from distill.data.mixing import MixPlan
from distill.data.posteriors import Cached
from distill.data.sampler import Order
from distill.digests import digest_of, on_host, tensors_digest
from distill.evaluation.calibrate import fitted_temperature
from distill.evaluation.evaluate import read_lines, truths_of
from distill.evaluation.metrics import compare, score
from distill.evaluation.roles import Role
from distill.processes import Poll
from distill.recipe.objective import Objective
from distill.recipe.sections import Recipe
from distill.recipe.training import Training
from distill.seeds import seeded
from distill.teaching.auxiliary import PEER, auxiliary_modules
from distill.teaching.cache import Filling, TaughtLines, cache_posteriors, filling_of
from distill.teaching.criterion import LineCriterion
from distill.teaching.teacher import CachedTeacher, FrozenTeacher, TeacherSource
from distill.track import say
from distill.training.initial import Start, fill, sources_learnt
from distill.training.task import Answer, Lessons, Validation
from students.calibration import Calibration
from students.charset import Charset
from students.config import StudentConfig, deployed
from students.greedy import best_path_text
from students.model_file import Description, read_model, write_model
from students.parts import Recogniser
from teachers.crnn import TeacherConfig

SHOWN_LINES = 20  # of the validation, whose readings are kept for a person to look at


@dataclass(frozen=True)
class LineTask:
    """Everything that the weights of one text recogniser depend on. `cache` is where posteriors are kept."""

    role: Role
    recipe: Recipe
    model: TeacherConfig | StudentConfig
    training: Training
    objective: Objective
    lines: Lines
    validation: Lines
    charset: Charset
    cache: Path
    teacher: FrozenTeacher | None = None
    start: Start | None = None
    plan: MixPlan | None = None
    ships: bool = True  # not so for a stage, whose weights the next one trains on

    unit = "line"
    silence = "blanks"
    advice = (
        "Lower the learning_rate or the weights of the teacher's terms, see whether labels fit their frames "
        "(distill check), or begin with init or a stage of easier lines"
    )

    @property
    def n_items(self) -> int:
        """Return how many lines there are to learn from."""
        return len(self.lines)

    @property
    def items_a_step(self) -> int:
        """Return the lines of one step over all processes, every view counted."""
        return self.training.batch_lines * self.objective.views

    @property
    def seed(self) -> int:
        """Return the seed of weights, order and augmentation."""
        return self.recipe.seed if self.role == "teacher" else self.recipe.student_seed

    @cached_property
    def digest(self) -> str:
        """Return the digest: two trainings with equal digests give the same weights."""
        parts = (
            *(self.role, self.seed, self.recipe.image, self.recipe.data.protocol, self.model),
            *(self.training, self.objective, self.charset, self.lines.digest, self.validation.digest),
            self.teacher.digest if self.teacher else None,
            self.start.digest if self.start else None,
        )
        return digest_of(*parts, *([self.plan.mix] if self.plan else []))

    @property
    def sampling(self) -> Order:
        """Return which lines form a step. The control has labelled ones in the slots of unlabelled ones."""
        labelled = np.array([text is not None for text in self.lines.texts])
        fillers = labelled if self.teacher is None and not labelled.all() else None
        width_px, training = self.lines.padded_width_px, self.training
        return Order(width_px, training.batch_lines, self.seed, training.micro_batch_lines, fillers, self.plan)

    def build(self, purpose: str = "weights") -> Recogniser:
        """Return the network with its first weights: those of `start`, else a function of seed and architecture.

        Another `purpose` gives other fresh weights. Control and student start equal.
        """
        image = self.recipe.image
        with seeded(purpose, self.seed):
            model = self.model.build(self.charset.n_classes, image.channels, image.height_px)
        if self.start is not None:
            fill(model, self.start, self.model.model_dump(mode="json"), self.charset, image)
        return model

    def auxiliary(self, model: nn.Module) -> nn.ModuleDict:
        """Return the auxiliary modules of the objective: a projection, an attention decoder, a peer."""
        assert isinstance(model, Recogniser)
        # its own first weights, or two peers that begin as copies would stay copies
        peer = replace(self, start=None).build(PEER) if self.objective.mutual.weight else None
        classes, image = self.charset.n_classes, self.recipe.image
        return auxiliary_modules(self.objective, model, peer, self.teacher, classes, image, self.seed)

    def begin(self, accelerator: Accelerator, poll: Poll) -> Lessons:
        """Return the steps and the criterion, after computing the teacher's posteriors that are to be cached."""
        cached = self.posteriors(accelerator, poll)
        source: TeacherSource | None = self.teacher
        if self.teacher is not None and cached is not None:
            source = CachedTeacher(self.teacher, cached)
        steps = partial(self._steps, accelerator=accelerator, cached=cached)
        return Lessons(steps, LineCriterion(self.objective, source, self.training.precision))

    def posteriors(self, accelerator: Accelerator, poll: Poll) -> Cached | None:
        """Return the teacher's posteriors, computed where they are missing; None without a cache or a teacher."""
        if self.teacher is None or not self.objective.cache.views:
            return None
        taught, shared = self.taught(self.teacher), self.recipe.runtime.cache_root is not None
        return cache_posteriors(
            taught, self.objective, self.charset.n_classes, self.cache, accelerator, poll, shared=shared
        )

    def filling(self, teacher: FrozenTeacher, device: torch.device) -> Filling:
        """Return what fills the cache of a teacher's posteriors on these lines, on a device."""
        return filling_of(self.taught(teacher), self.objective, self.charset.n_classes, self.cache, device)

    def taught(self, teacher: FrozenTeacher) -> TaughtLines:
        """Return the lines as the cache of a teacher's posteriors takes them."""
        unread = self.objective.trust.unread
        return TaughtLines(teacher, self.lines, self.recipe.image, self.training.augment, self.seed, unread)

    def _steps(self, steps: range, accelerator: Accelerator, cached: Cached | None) -> Generator[StepData]:
        fed = FeedSettings(
            lines=self.lines,
            order=self.sampling,
            charset=self.charset,
            preparation=self.recipe.image,
            augment=self.training.augment,
            views=self.objective.views,
            cycle=self.objective.cache.views,
            cached=cached,
            other_preparations=self.teacher.preparations if self.teacher is not None else (),
            augment_on=self.recipe.runtime.augment_on,
            device=accelerator.device,
            rank=accelerator.process_index,
            n_ranks=accelerator.num_processes,
            workers=self.recipe.runtime.workers,
        )
        return feed(fed, steps)

    def teacher_figures(self, accelerator: Accelerator) -> Mapping[str, float]:
        """Return what the teacher reads of the validation lines, as fractions by name; nothing without a teacher."""
        if self.teacher is None:
            return {}
        figures = self.validate(self.teacher, accelerator).figures
        say(f"the teacher before step 1: validation exact {figures['exact']:.1%}, CER {figures['cer']:.2%}")
        return {f"teacher_{name}": value for name, value in figures.items()}

    def validate(self, model: nn.Module, accelerator: Accelerator) -> Validation:
        """Return exact lines and CER, fractions, by greedy decoding; a line scores 1 where it is read exactly."""
        decode = partial(best_path_text, charset=self.charset)
        texts = read_lines(model, self.validation, decode, self.recipe.image, accelerator)
        truths, protocol = truths_of(self.validation), self.recipe.data.protocol
        result = score(truths, texts, protocol)
        exact = np.array([line.exact for line in compare(truths, texts, protocol)], float)
        figures = {"exact": result.exact, "cer": result.cer}
        return Validation(figures, exact, not any(texts.values()), self._answers(texts))

    def _answers(self, texts: Mapping[str, str]) -> tuple[Answer, ...]:
        """What was read of some validation lines, spread over them."""
        rows = np.unique(np.linspace(0, len(self.validation) - 1, SHOWN_LINES).round().astype(int)).tolist()
        keys = [self.validation.keys[row] for row in rows]
        rights = [self.validation.texts[row] or "" for row in rows]
        return tuple(Answer(key, right, texts[key]) for key, right in zip(keys, rights, strict=True))

    def selection_key(self, figures: Mapping[str, float]) -> tuple[float, ...]:
        """Return what validations are compared by: more exact lines are better, and among equals a lower CER."""
        return figures["exact"], -figures["cer"]

    def write(
        self,
        target: Path,
        model: nn.Module,
        best: Mapping[str, Tensor],
        chosen: Mapping[str, float] | None,
        accelerator: Accelerator,
        record: Mapping[str, Any],
    ) -> None:
        """Write the model file: weights, charset, preparation, training record, and a temperature fitted on validation.

        Raises `RuntimeError` where the frozen teacher is no longer what it was.
        """
        if self.teacher is not None:
            self.teacher.assert_unchanged()
        model.load_state_dict(dict(best))
        shown, architecture, weights = model, self.model, best
        if self.ships:
            assert isinstance(model, Recogniser)
            shown, architecture = deployed(model, self.model)
            weights = on_host(shown.state_dict())
        image, protocol = self.recipe.image, self.recipe.data.protocol
        temperature = fitted_temperature(shown, self.validation, self.charset, image, accelerator, protocol)
        description = Description(
            kind="teacher" if self.role == "teacher" else "student",
            architecture=architecture.model_dump(mode="json"),
            charset=self.charset,
            preparation=image,
            calibration=Calibration(temperature=temperature),
            training=self._record(weights, chosen) | dict(record),
        )
        if accelerator.is_main_process:
            write_model(target, description, {name: t.numpy() for name, t in weights.items()})

    def _record(self, weights: Mapping[str, Tensor], chosen: Mapping[str, float] | None) -> dict[str, Any]:
        """Where the weights come from, for the model file; teachers that others made are named with their licences."""
        members = self.teacher.members if self.teacher else ()
        foreign = [dict(member.provenance) for member in members if member.provenance]
        return {
            "job": self.digest,
            "role": self.role,
            "recipe": self.recipe.name,
            "seed": self.seed,
            "steps": self.training.steps,
            "chosen": chosen,
            "protocol": self.recipe.data.protocol,
            "weights": tensors_digest(weights),
            "lines": {"train": self.lines.digest, "validation": self.validation.digest},
            "sources": sources_learnt(self.lines.sources, self.start),
            "licence": self.recipe.data.licence,
            "origin": self.recipe.data.origin,
            "teacher": self.teacher.digest if self.teacher else None,
            **({"teachers": foreign} if foreign else {}),
        }

    def record_of(self, file: Path) -> Mapping[str, Any]:
        """Return the training record of a model file; empty where it has none."""
        return read_model(file)[0].training
