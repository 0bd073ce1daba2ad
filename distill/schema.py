"""What every part of a recipe is made of, and the choices that several packages share."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Literal, TypeGuard, TypeVar, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, model_validator
from typing_extensions import Self

Protocol = Literal["exact", "nospace", "alnum", "nfkc", "variants"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
Precision = Literal["fp32", "bf16", "auto"]


AnyModel = TypeVar("AnyModel", bound=BaseModel)


class Section(BaseModel):
    """A part of a recipe: frozen, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def is_model(annotation: Any, of: type[AnyModel]) -> TypeGuard[type[AnyModel]]:
    """Return whether an annotation is a model of that kind: `tuple[int, ...]`, a type for Python 3.10, is none."""
    return get_origin(annotation) is None and isinstance(annotation, type) and issubclass(annotation, of)


def without_unset(section: Section, dumped: dict[str, Any], later: Collection[str]) -> dict[str, Any]:
    """Return what a section dumps without those of its `later` keys that are not set, so that older digests stay."""
    fields = type(section).model_fields
    unset = {name for name in later if getattr(section, name) == fields[name].default}
    return {name: value for name, value in dumped.items() if name not in unset}


class Span(Section):
    """A part of the steps of a training."""

    begin: float = Field(0.0, ge=0, lt=1, description="share of the steps after which it sets in")
    end: float = Field(1.0, gt=0, le=1, description="share of the steps after which it is over")

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.begin >= self.end:
            raise ValueError(f"begin {self.begin} must come before end {self.end}")
        return self


def expect_distinct(rule: str, names: Sequence[str]) -> None:
    """Raise `ValueError` with the rule and the names that occur more than once."""
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{rule}; used twice: {', '.join(doubled)}")
