"""Pages as the task of a training: what a teacher, control or student of locators learns from and is chosen by."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from torch import Tensor, nn

from distill.data.formats.contents import counted
from distill.data.mixing import MixPlan, plan_of
from distill.data.pages.batch import PageFeed, PageStep, feed_pages
from distill.data.pages.record import PageRecord, pages_digest
from distill.digests import digest_of, tensors_digest
from distill.evaluation.pages.locating import PreparedPages, outlines_found
from distill.evaluation.pages.matching import count_page
from distill.evaluation.pages.scores import hmeans, summarise_pages
from distill.evaluation.roles import SECTIONS, Role
from distill.processes import Poll
from distill.recipe.page_objective import PageObjective
from distill.recipe.pages import PageNetwork, PageRecipe, PageTraining
from distill.seeds import seeded
from distill.teaching.pages.criterion import PageCriterion, map_projection
from distill.teaching.pages.teacher import FrozenLocator
from distill.track import say
from distill.training.task import Answer, Lessons, Validation
from students.pages.model_file import LocatorDescription, read_locator, write_locator
from students.pages.network import Locator, LocatorConfig
from teachers.locator import LocatorTeacherConfig

SHOWN_PAGES = 20  # of the validation, for a person to look at
SHOWN = ("hmean", "precision", "recall", "hmean_70")


@dataclass(frozen=True)
class PageTask:
    """Everything that the weights of one locator depend on. `start`: the weights that it begins with."""

    role: Role
    recipe: PageRecipe
    model: LocatorTeacherConfig | LocatorConfig
    training: PageTraining
    objective: PageObjective
    pages: tuple[PageRecord, ...]
    validation: PreparedPages
    teacher: FrozenLocator | None = None
    start: Mapping[str, Tensor] | None = None

    unit = "page"
    silence = "background"
    advice = "Lower the learning_rate or the weights of the teacher's terms, or see with distill render what is learnt"

    @property
    def network(self) -> PageNetwork:
        """Return the section of the recipe that it is trained by."""
        return self.recipe.networks[SECTIONS[self.role]]

    @property
    def n_items(self) -> int:
        """Return how many pages there are to learn from."""
        return len(self.pages)

    @property
    def items_a_step(self) -> int:
        """Return the crops of one step over all processes."""
        return self.training.batch_pages

    @property
    def seed(self) -> int:
        """Return the seed of weights, order and augmentation."""
        return self.recipe.seed if self.role == "teacher" else self.recipe.student_seed

    @cached_property
    def digest(self) -> str:
        """Return the digest: two trainings with equal digests give the same weights."""
        return digest_of(
            *("pages", self.role, self.seed, self.recipe.page, self.recipe.finding, self.model, self.training),
            *(self.objective, self.network.mix, pages_digest(self.pages), pages_digest(self.validation.records)),
            self.teacher.digest if self.teacher else None,
            tensors_digest(self.start) if self.start else None,
        )

    @cached_property
    def plan(self) -> MixPlan | None:
        """Return how sources are mixed; None: every page comes once an epoch."""
        mix = self.network.mix
        sources = [page.source for page in self.pages]
        return None if mix is None else plan_of(mix, sources, self.training.batch_pages, self.training.steps)

    def build(self) -> Locator:
        """Return the network with its first weights: those of `start`, else a function of seed and architecture."""
        with seeded("weights", self.seed):
            model = self.model.build(self.recipe.page.channels)
        if self.start is not None:
            model.load_state_dict(dict(self.start))
        return model

    def auxiliary(self, model: nn.Module) -> nn.ModuleDict:
        """Return the projection of the feature hint, where there is one."""
        return map_projection(self.objective, model, self.teacher, self.recipe.page.channels, self.seed)

    def begin(self, accelerator: Accelerator, poll: Poll) -> Lessons:  # noqa: ARG002 - as the protocol has it
        """Return the steps and the criterion."""
        steps = partial(self.steps, accelerator=accelerator)
        return Lessons(steps, PageCriterion(self.objective, self.teacher, self.training.precision))

    def teacher_figures(self, accelerator: Accelerator) -> Mapping[str, float]:
        """Return what the teacher finds on the validation pages, as fractions by name; nothing without a teacher."""
        if self.teacher is None:
            return {}
        figures = self.validate(self.teacher, accelerator).figures
        say(f"the teacher before step 1: validation H-mean {figures['hmean']:.1%}")
        return {f"teacher_{name}": value for name, value in figures.items()}

    def validate(self, model: nn.Module, accelerator: Accelerator) -> Validation:
        """Return H-mean, precision and recall at IoU 0.5, and the H-mean at 0.7; a page scores its H-mean."""
        pages = self.validation.records
        found = outlines_found(model, self.validation, self.recipe.finding, accelerator)
        counts = [count_page(page.lines or (), outlines) for page, outlines in zip(pages, found, strict=True)]
        summary = summarise_pages(counts, [page.source for page in pages], None)
        figures = {name: float(summary[name]) for name in SHOWN}
        scores = hmeans(counts)
        answers = tuple(
            Answer(page.key, counted(count.lines, "line"), f"{counted(count.found, 'line')}, H-mean {score:.0%}")
            for page, count, score in list(zip(pages, counts, scores.tolist(), strict=True))[:SHOWN_PAGES]
        )
        return Validation(figures, scores, not any(count.found for count in counts), answers)

    def selection_key(self, figures: Mapping[str, float]) -> tuple[float, ...]:
        """Return what validations are compared by: the H-mean at IoU 0.5, and among equals the one at 0.7."""
        return figures["hmean"], figures["hmean_70"]

    def write(
        self,
        target: Path,
        model: nn.Module,
        best: Mapping[str, Tensor],
        chosen: Mapping[str, float] | None,
        accelerator: Accelerator,
        record: Mapping[str, Any],
    ) -> None:
        """Write the model file: weights, preparation, how lines are found, training record.

        Raises `RuntimeError` where the frozen teacher is no longer what it was.
        """
        if self.teacher is not None:
            self.teacher.assert_unchanged()
        model.load_state_dict(dict(best))
        description = LocatorDescription(
            kind="locator_teacher" if self.role == "teacher" else "locator",
            architecture=self.model.model_dump(mode="json"),
            receptive_px=self.model.receptive_px,
            preparation=self.recipe.page,
            finding=self.recipe.finding,
            training=self._record(best, chosen) | dict(record),
        )
        if accelerator.is_main_process:
            write_locator(target, description, {name: t.numpy() for name, t in best.items()})

    def _record(self, weights: Mapping[str, Tensor], chosen: Mapping[str, float] | None) -> dict[str, Any]:
        """Where the weights come from, for the model file."""
        sources = [page.source for page in self.pages]
        return {
            "job": self.digest,
            "role": self.role,
            "recipe": self.recipe.name,
            "seed": self.seed,
            "steps": self.training.steps,
            "chosen": chosen,
            "weights": tensors_digest(weights),
            "pages": {"train": pages_digest(self.pages), "validation": pages_digest(self.validation.records)},
            "sources": {name: sources.count(name) for name in sorted(set(sources))},
            "licence": self.recipe.data.licence,
            "origin": self.recipe.data.origin,
            "teacher": self.teacher.digest if self.teacher else None,
        }

    def record_of(self, file: Path) -> Mapping[str, Any]:
        """Return the training record of a model file; empty where it has none."""
        return read_locator(file)[0].training

    def steps(self, steps: range, accelerator: Accelerator | None = None) -> Generator[PageStep]:
        """Yield the steps of the training. Without a teacher, marked pages stand in for those that nobody marked."""
        feed = PageFeed(
            pages=self.pages,
            preparation=self.recipe.page,
            augment=self.training.augment,
            crop_px=self.training.crop_px,
            batch_pages=self.training.batch_pages,
            micro_batch_pages=self.training.micro_batch_pages,
            plan=self.plan,
            only_labelled=self.teacher is None,
            seed=self.seed,
            rank=accelerator.process_index if accelerator else 0,
            n_ranks=accelerator.num_processes if accelerator else 1,
            workers=self.recipe.runtime.workers,
        )
        return feed_pages(feed, steps)
