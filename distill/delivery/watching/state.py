"""Where a run stands, read from its folder alone: nothing is asked of the process that trains.

The files are those of `docs/interfaces.md`. A run that is going on writes them as it goes, so whoever looks may meet a
row that is half written: it is left for the next look.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from distill.evaluation.pages.report import MEASURE
from distill.evaluation.roles import ROLES
from distill.evaluation.verdict import in_words
from distill.recipe.file import RECIPE_NAME, load_recipe
from distill.recipe.pages import PageRecipe
from distill.signed_json import read_json
from distill.track import read_metrics
from distill.training.train import ANSWERS_NAME
from students.errors import UserError
from students.model_file import MODEL_NAME

MOST_RUNS = 12
QUIET_S = 120  # a network whose files have not changed for so long is not being trained
NOT_CURVES = ("step", "parameters")


@dataclass(frozen=True)
class NetworkState:
    """One training of a run. `curves` has points (step, value) by name; `seconds` are those of its steps so far."""

    name: str
    unit: str
    steps: int
    step: int
    a_step: int  # lines or pages
    finished: bool
    going: bool
    curves: Mapping[str, list[tuple[int, float]]]
    seconds: float | None
    waiting_share: float | None
    answers: list[dict[str, str]]

    @property
    def a_second(self) -> float | None:
        """Return lines or pages a second, waiting included; None where no second is known yet."""
        return self.step * self.a_step / self.seconds if self.seconds and self.step else None

    @property
    def left_s(self) -> float | None:
        """Return the seconds that its steps will take yet, at the speed so far."""
        if self.finished or not self.a_second:
            return None
        return (self.steps - self.step) * self.a_step / self.a_second


@dataclass(frozen=True)
class RunState:
    """One run: its networks in the order of training, what was refused, and its verdict once there is one."""

    folder: str
    recipe: str
    about: str
    networks: tuple[NetworkState, ...]
    refused: Mapping[str, int]
    verdict: str | None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain data, with speed and time left of each network."""
        networks = [asdict(each) | {"a_second": each.a_second, "left_s": each.left_s} for each in self.networks]
        return asdict(self) | {"networks": networks}


def runs_in(folders: list[Path]) -> list[Path]:
    """Return the run folders that are meant: each itself, or those of a comparison.

    Raises `UserError` for a folder that is neither, and for too many runs.
    """
    found: list[Path] = []
    for folder in folders:
        recipes = [folder / RECIPE_NAME, *sorted(folder.glob(f"*/*/{RECIPE_NAME}"))]
        inside = [path.parent for path in recipes if path.is_file()]
        if not inside:
            raise UserError(f"{folder}: neither a run folder nor a comparison; a run writes {RECIPE_NAME} first")
        found += inside[:1] if inside[0] == folder else inside
    if len(found) > MOST_RUNS:
        raise UserError(f"{len(found)} runs are too many to look at; name at most {MOST_RUNS}")
    return found


def state_of(folder: Path) -> RunState:
    """Return where a run stands."""
    recipe = load_recipe(str(folder / RECIPE_NAME))
    seconds = _json_in(folder / "timing.json")
    report = _json_in(folder / "report.json")
    refused = {part: len(lines) for part, lines in _json_in(folder / "data.json").get("refused", {}).items() if lines}
    measure = [MEASURE] if isinstance(recipe, PageRecipe) else []
    return RunState(
        folder=str(folder),
        recipe=recipe.name,
        about=recipe.about,
        networks=tuple(_networks(folder, recipe, seconds)),
        refused=refused,
        verdict=in_words(report, *measure) if report else None,
    )


def _networks(folder: Path, recipe: Any, seconds: Mapping[str, float]) -> Iterator[NetworkState]:
    """Every training that has begun, stages before the network's own."""
    for role in ROLES:
        part = recipe.teacher if role == "teacher" else recipe.student
        if part is None:  # a folder of that name is of an earlier recipe
            continue
        for stage in (*getattr(part, "stages", ()), None):
            name = f"{role} {stage.name}" if stage else role
            place = folder / role / "stages" / stage.name if stage else folder / role
            if (place / "metrics.jsonl").is_file():
                yield _network(name, place, (stage or part).training, seconds)


def _network(name: str, place: Path, training: Any, seconds: Mapping[str, float]) -> NetworkState:
    entries = read_metrics(place / "metrics.jsonl", going_on=True)
    finished = (place / MODEL_NAME).is_file()
    unit = "page" if hasattr(training, "batch_pages") else "line"
    touched = max(path.stat().st_mtime for path in (place, place / "metrics.jsonl"))
    done = finished and (place / MODEL_NAME).stat().st_mtime >= (place / "metrics.jsonl").stat().st_mtime
    return NetworkState(
        name=name,
        unit=unit,
        steps=training.steps,
        step=max((int(entry["step"]) for entry in entries), default=0),
        a_step=getattr(training, f"batch_{unit}s"),
        finished=finished,
        going=not done and time.time() - touched < QUIET_S,
        curves=_curves(entries),
        seconds=seconds.get(f"{name}: steps"),
        waiting_share=seconds.get(f"{name}: waiting for data, share"),
        answers=_json_in(place / ANSWERS_NAME).get("answers", []),
    )


def _curves(entries: list[dict[str, float]]) -> dict[str, list[tuple[int, float]]]:
    curves: dict[str, list[tuple[int, float]]] = {}
    for entry in entries:
        for key, value in entry.items():
            if key not in NOT_CURVES:
                curves.setdefault(key, []).append((int(entry["step"]), value))
    return curves


def _json_in(path: Path) -> dict[str, Any]:
    """The contents of a JSON file; none where it is missing. Raises `CheckpointError` where it is damaged."""
    return read_json(path) if path.is_file() else {}
