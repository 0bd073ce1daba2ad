"""A run whose task is pages: a large and a small network that find the lines of a page. `file.py` reads it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from distill.data.mixing import Mix
from distill.data.pages.augment import PageAugment
from distill.data.pages.sources import PageFileSource
from distill.recipe.documents import WholeDocuments
from distill.recipe.page_objective import PageObjective
from distill.recipe.training import Budget, Learner
from distill.runtime import Runtime
from distill.schema import FolderName, Section, expect_distinct, without_unset
from distill.synthesis.pages.source import DrawnPagesSource
from students.pages.finding import LineFinding
from students.pages.network import LocatorConfig
from students.pages.preparation import PagePreparation
from teachers.locator import LocatorTeacherConfig

PageSource = Annotated[PageFileSource | DrawnPagesSource, Field(discriminator="kind")]


class PageCut(WholeDocuments):
    """Validation pages taken out of the training pages."""


class PageData(Section):
    """The pages of a run."""

    root: str = Field(".", description="folder that the paths of sources start from")
    train: tuple[PageSource, ...] = Field(min_length=1, description="marked and unmarked training pages")
    validation: tuple[PageSource, ...] = Field((), description="pages to choose the best weights on")
    cut: PageCut | None = Field(None, description="where there is no validation source: cut it from train")
    test: tuple[PageSource, ...] = Field(min_length=1, description="pages the report is made on, read once")
    licence: str = Field("other", description="what the pages' licences allow a model; for its card")
    origin: str = Field("", description="where the pages come from, and what is to be known of them; for its card")

    @model_validator(mode="after")
    def _one_validation_and_distinct_names(self) -> PageData:
        if bool(self.validation) == (self.cut is not None):
            raise ValueError("give either validation sources or a cut, and not both")
        expect_distinct("sources need distinct names", [source.name for source in self.sources])
        return self

    @property
    def parts(self) -> dict[str, tuple[PageSource, ...]]:
        """Return the sources by the name of what they are for."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def sources(self) -> tuple[PageSource, ...]:
        """Return all sources."""
        return (*self.train, *self.validation, *self.test)


class PageTraining(Budget):
    """Budget and optimiser of one training on pages, of which a step sees crops."""

    batch_pages: int = Field(8, ge=1, description="crops a step, over all processes, each of a page")
    micro_batch_pages: int | None = Field(
        None, ge=1, description="crops that go through the network at once; null: all of the step"
    )
    crop_px: int = Field(640, ge=64, multiple_of=32, description="height and width of a crop")
    augment: PageAugment = Field(PageAugment(), description="changes made to a crop")


class PageNetwork(Section):
    """What teacher and student have in common."""

    init: str | None = Field(
        None, description="model file or run folder whose weights it begins with, of its architecture; null: fresh ones"
    )
    sources: tuple[str, ...] | None = Field(None, description="names of the training sources it uses; null: all")
    mix: Mix | None = Field(
        None, description="how much of each source it samples, and when; null: every page once an epoch"
    )
    training: PageTraining = Field(description="how it is trained")


class PageTeacher(PageNetwork):
    """The large network."""

    model: LocatorTeacherConfig = Field(description="its architecture")
    file: str | None = Field(
        None,
        description="a finished locator that teaches as it is: a file, or a run folder (its teacher); none is trained, "
        "so init, sources and mix say nothing",
    )
    allow_weak: bool = Field(
        False,
        description="for experiments: let it teach although it finds nothing, or less than the student alone",
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("allow_weak",))

    @property
    def needs_boxes(self) -> bool:
        """Return whether it learns from marked pages."""
        return self.file is None


class PageStudent(PageNetwork):
    """The small network, trained twice: alone (the control) and distilled."""

    model: LocatorConfig = Field(description="its architecture")
    control: bool = Field(True, description="train the control; without it the report proves nothing")
    seed: int | None = Field(
        None, ge=0, description="of weights, order and augmentation of control and student; null: the recipe's"
    )

    @property
    def needs_boxes(self) -> bool:
        """Return whether it learns from marked pages; without a control the teacher's maps are enough."""
        return self.control

    @model_validator(mode="after")
    def _equal_steps(self) -> PageStudent:
        if self.training.patience is not None:
            raise ValueError("training.patience: control and student take equal steps, so neither may stop early")
        return self


class PageRecipe(Section):
    """A whole run on pages, from boxes of lines to a verdict."""

    task: Literal["pages"] = Field("pages", description="what is learnt: where the lines of a page are")
    name: FolderName = Field(description="names the run folder; by default as the file is named")
    about: str = Field("", description="one line on what it is for")
    seed: int = Field(0, ge=0, description="of weights, order and augmentation")
    data: PageData = Field(description="the pages")
    page: PagePreparation = Field(PagePreparation(), description="from page to tensor")
    finding: LineFinding = Field(LineFinding(), description="from maps to lines")
    teacher: PageTeacher = Field(description="the large network")
    student: PageStudent = Field(description="the small network")
    objective: PageObjective = Field(PageObjective(), description="of the trainings")
    runtime: Runtime = Field(Runtime(), description="threads, workers, tracker, cache")

    @property
    def networks(self) -> dict[Learner, PageTeacher | PageStudent]:
        """Return the networks by name."""
        return {"teacher": self.teacher, "student": self.student}

    @property
    def student_seed(self) -> int:
        """Return the seed of control and student: their own, or that of the recipe."""
        return self.seed if self.student.seed is None else self.student.seed

    @model_validator(mode="after")
    def _sources_exist_and_sizes_fit(self) -> PageRecipe:
        known = [source.name for source in self.data.train]
        networks = self.networks
        wanted = {f"{name}.sources": (part.sources or (), known) for name, part in networks.items()}
        wanted |= {
            f"{name}.mix.weights": (tuple(part.mix.weights), list(part.sources or known))
            for name, part in networks.items()
            if part.mix is not None
        }
        wanted["data.cut.sources"] = ((self.data.cut and self.data.cut.sources) or (), known)
        problems = [
            f"{where}: {name!r} is not one of its sources; there are {', '.join(there)}"
            for where, (names, there) in wanted.items()
            for name in names
            if name not in there
        ]
        quantum_px = self.page.quantum_px
        problems += [
            f"{name}.training.crop_px: {part.training.crop_px} is no multiple of page.quantum_px, {quantum_px}"
            for name, part in networks.items()
            if part.training.crop_px % quantum_px
        ]
        if problems:
            raise ValueError("; ".join(problems))
        return self
