"""What the locator of a page's lines minimises: the loss terms on its maps, and what it takes from a teacher."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import Field

from distill.recipe.terms import Term
from distill.schema import Section


class OnBoxes(Term):
    """A term that needs the boxes of a page, and no teacher."""

    labelled_only = True


class CrossEntropy(OnBoxes):
    """Cross-entropy of the core map, on the text and the hardest pixels of the background."""

    weight: float = Field(1.0, ge=0, description="0 switches the term off")
    background: float | None = Field(
        3.0, gt=0, description="pixels of the background that count for each of text, the hardest first; null: all"
    )
    least: float = Field(
        0.02, gt=0, le=1, description="share of a crop's pixels that count of the background at the least"
    )


class Dice(OnBoxes):
    """One minus the Dice overlap of the core map with the cores, crop by crop."""

    weight: float = Field(1.0, ge=0, description="0 switches the term off")


class CoreSquares(OnBoxes):
    """Mean squared error of the core map, as probabilities."""


class Distances(OnBoxes):
    """How far the upper and the lower edge are, in heights of the line, where cores are."""

    weight: float = Field(1.0, ge=0, description="0 switches the term off")
    distance: Literal["l1", "smooth_l1", "mse"] = Field("l1", description="of the errors, in heights of the line")


class Direction(OnBoxes):
    """Which way the text runs, where cores are."""

    weight: float = Field(0.5, ge=0, description="0 switches the term off")
    distance: Literal["cosine", "l1"] = Field("cosine", description="1 - cosine of the angle; or of the coordinates")


class CoreKL(Term):
    """The softened core map of the teacher, text and background apart, on all crops."""

    needs_teacher = True

    temperature: float = Field(2.0, gt=0, description="tau, softens both maps")
    text: float = Field(1.0, ge=0, description="weight of the pixels where the teacher sees text")
    background: float = Field(1.0, ge=0, description="weight of all others")


class TaughtDistances(Term):
    """The teacher's distances to the edges, where it sees cores, on all crops."""

    needs_teacher = True

    distance: Literal["l1", "smooth_l1", "mse"] = Field("l1", description="of the errors, in heights of the line")


class TaughtDirection(Term):
    """The teacher's direction of the text, where it sees cores, on all crops."""

    needs_teacher = True

    distance: Literal["cosine", "l1"] = Field("cosine", description="1 - cosine of the angle; or of the coordinates")


class MapHint(Term):
    """What the teacher's feature maps show, through a projection that does not enter the student's file."""

    needs_teacher = True

    distance: Literal["mse", "l1", "cosine"] = Field("mse", description="of features; in units of the teacher's own")


AnyPageTerm: TypeAlias = (
    CrossEntropy | Dice | CoreSquares | Distances | Direction | CoreKL | TaughtDistances | TaughtDirection | MapHint
)


class PageObjective(Section):
    """What locators minimise; teacher and control: the terms that need no teacher."""

    cross_entropy: CrossEntropy = Field(CrossEntropy(), description="core map: cross-entropy with hard examples")
    dice: Dice = Field(Dice(), description="core map: overlap with the cores")
    core_squares: CoreSquares = Field(CoreSquares(), description="core map: mean squared error")
    distances: Distances = Field(Distances(), description="distances to the edges of a line")
    direction: Direction = Field(Direction(), description="direction of the text")
    core_kl: CoreKL = Field(CoreKL(), description="the teacher's core map")
    taught_distances: TaughtDistances = Field(TaughtDistances(), description="the teacher's distances")
    taught_direction: TaughtDirection = Field(TaughtDirection(), description="the teacher's directions")
    feature_hint: MapHint = Field(MapHint(), description="the teacher's feature maps")

    @property
    def terms(self) -> dict[str, AnyPageTerm]:
        """Return every term by its name, switched off or not, in the order in which a step adds them up."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    @property
    def without_teacher(self) -> PageObjective:
        """Return the same with the terms that need a teacher switched off, whatever their settings."""
        off = {name: type(term)(weight=0.0) for name, term in self.terms.items() if term.needs_teacher}
        return self.model_copy(update=off)
