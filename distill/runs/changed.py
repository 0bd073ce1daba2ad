"""What differs between a recipe and the one that its run folder began with, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distill.evaluation.roles import SECTIONS, Role
from distill.recipe.file import RECIPE_NAME, AnyRecipe, load_recipe
from distill.recipe.pages import PageNetwork, PageRecipe
from distill.recipe.sections import Network, Recipe, RecipeError, Stage
from distill.runtime import of_another_suite
from distill.training.job import AnotherJobError, Job, finished
from students.errors import CheckpointError
from students.model_file import MODEL_NAME

SHOWN = 12
GOES_ON = (
    "steps",
    "learning_rate",
    "warmup",
    "schedule",
    "validate_every",
    "patience",
    "checkpoint_every",
    "log_every",
)
ADVICE = (
    "set them back, choose another --run, or remove {folder} to train it anew; more training.steps alone, with or "
    "without another learning_rate, warmup or schedule, let a finished network go on"
)


def refuse_changed(recipe: AnyRecipe, folder: Path) -> None:
    """Raise `CheckpointError` where a network of the folder began otherwise, naming each key with both values.

    Only settings that its weights surely depend on are compared, which takes no look at the lines.
    """
    before = recipe_before(folder)
    problems = []
    for role in changed_roles(recipe, folder):
        changes = list(differences(_settings(before, role), _settings(recipe, role))) if before else []
        there = folder / role
        problems.append(f"{there}: began with other settings\n{listed(changes)}\n{ADVICE.format(folder=there)}")
    if problems:
        raise CheckpointError("\n".join(problems))


def changed_roles(recipe: AnyRecipe, folder: Path, longer: bool = False) -> list[Role]:
    """Return the networks of a folder that began with other settings than the recipe has now.

    With `longer` only where all of them differ in nothing but more steps, and in what a longer training may set anew.
    """
    before = recipe_before(folder)
    if before is None:
        return []
    changed = []
    for role in _trained(recipe):
        there = folder / role
        begun = (there / MODEL_NAME).is_file() or any(there.glob("**/checkpoints/*"))
        if not begun or (role == "teacher" and before.teacher is None):
            continue
        old, new = _settings(before, role), _settings(recipe, role)
        if any(differences(old, new)):
            if longer and not _is_longer(old, new, SECTIONS[role]):
                return []
            changed.append(role)
    return changed


def _is_longer(old: dict[str, Any], new: dict[str, Any], part: str) -> bool:
    """Whether two settings of a network differ in nothing but its last training, which has more steps."""
    trainings = [settings[part]["training"] for settings in (old, new)]
    fixed = [
        settings | {part: settings[part] | {"training": {k: v for k, v in training.items() if k not in GOES_ON}}}
        for settings, training in zip((old, new), trainings, strict=True)
    ]
    return fixed[0] == fixed[1] and trainings[1]["steps"] > trainings[0]["steps"]


def recipe_before(folder: Path) -> AnyRecipe | None:
    """Return the recipe that a run folder was begun with; None where it has none that this release understands."""
    path = folder / RECIPE_NAME
    try:
        return load_recipe(str(path)) if path.is_file() else None
    except RecipeError:
        return None


def changed_keys(recipe: AnyRecipe, folder: Path) -> list[str]:
    """Return every key that may change weights and differs from the folder's recipe, with both values."""
    before = recipe_before(folder)
    if before is None:
        return []
    old, new = (each.model_dump(mode="json", exclude={"runtime", "about", "name"}) for each in (before, recipe))
    return list(differences(old, new))


def finished_here(job: Job[Any], recipe: AnyRecipe, folder: Path) -> bool:
    """Return whether a training of a run folder is finished.

    Raises `CheckpointError` where another's result is there, with the keys that differ, or the suite that does.
    """
    try:
        return finished(job)
    except AnotherJobError as error:
        changes = changed_keys(recipe, folder)
        why = f"keys that differ:\n{listed(changes)}" if changes else of_another_suite(folder)
        raise CheckpointError(f"{error}\n{why}".rstrip()) from error


def differences(before: Any, now: Any, key: str = "") -> Iterator[str]:
    """Yield `key: value then, value now` for every value that differs."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in sorted({*before, *now}):
            yield from differences(before.get(name), now.get(name), f"{key}.{name}" if key else name)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for i, pair in enumerate(zip(before, now, strict=True)):
            yield from differences(*pair, f"{key}.{i}")
    elif before != now:
        yield f"{key}: {_short(before)} then, {_short(now)} now"


def listed(changes: list[str]) -> str:
    """Return changes, one a line, the first of them where they are many."""
    more = [f"  and {len(changes) - SHOWN} more"] if len(changes) > SHOWN else []
    return "\n".join([*(f"  {change}" for change in changes[:SHOWN]), *more])


def _trained(recipe: AnyRecipe) -> tuple[Role, ...]:
    if recipe.teacher is None:
        return ("student",)
    return ("control", "student") if recipe.teacher.file is not None else ("teacher", "control", "student")


def _settings(recipe: AnyRecipe, role: Role) -> dict[str, Any]:
    """What the weights of a network depend on whatever the data are, under the keys of the recipe."""
    name = SECTIONS[role]
    part: Network | PageNetwork | None = recipe.teacher if role == "teacher" else recipe.student
    assert part is not None  # only networks that are trained are asked for
    network: dict[str, Any] = part.model_dump(mode="json", include={"model", "training"})
    seed = {"seed": recipe.seed}
    if role != "teacher" and recipe.student.seed is not None:
        network["seed"], seed = recipe.student.seed, {}
    objective = (
        recipe.objective if role == "student" and recipe.teacher else recipe.objective.without_teacher
    ).model_dump(mode="json")
    if isinstance(recipe, PageRecipe):
        shared = recipe.model_dump(mode="json", include={"task", "page", "finding"})
        return {**seed, **shared, name: network, "objective": objective}
    network["stages"] = [{"training": stage.training.model_dump(mode="json")} for stage in _stages(recipe, role)]
    if role == "teacher":
        network["consistency"] = recipe.own_teacher.consistency.model_dump(mode="json")
    return {
        **seed,
        "image": recipe.image.model_dump(mode="json"),
        "data": {"protocol": recipe.data.protocol},
        name: network,
        **({"objective": objective} if role != "teacher" else {}),
    }


def _stages(recipe: Recipe, role: Role) -> tuple[Stage, ...]:
    return recipe.own_teacher.stages if role == "teacher" else recipe.student.stages


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
