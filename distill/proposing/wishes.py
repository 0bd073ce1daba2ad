"""What the user gave to `distill new`, and what is taken of a set in parts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from distill.data.formats.splits import splits_at
from distill.data.labels import LabelForm
from distill.paths import expanded
from distill.proposing.proposal import Size


@dataclass(frozen=True)
class Wishes:
    """What the user gave."""

    target: Path
    lines: str
    unlabelled: str | None = None
    validation: str | None = None
    test: str | None = None
    fonts: Path | None = None
    teacher: str | None = None
    size: Size = "medium"
    budget: str = "30m"
    label_form: LabelForm | None = None

    def with_form(self, form: LabelForm) -> Wishes:
        """Return the same with a label form that was chosen."""
        return replace(self, label_form=form)

    def of_a_set(self) -> Wishes:
        """Return the same with the parts of the set that `lines` may be, where others are not given."""
        parts = {part: str(path) for part, path in splits_at(expanded(self.lines)).items()}
        if "train" not in parts:
            return self
        return replace(
            self,
            lines=parts["train"],
            validation=self.validation or parts.get("validation"),
            test=self.test or parts.get("test"),
        )


def taken_of_a_set(given: Wishes, taken: Wishes) -> list[str]:
    """Return a note on what is taken of the set that was given; none where it is no set."""
    if given.lines == taken.lines:
        return []
    places = {"validation": (given.validation, taken.validation), "test": (given.test, taken.test)}
    parts = [f"train ({taken.lines})", *(f"{part} ({new})" for part, (old, new) in places.items() if new and not old)]
    return [f"{given.lines}: a set; taken of it: {', '.join(parts)}"]
