"""A finished run that goes on with more steps: what was there is kept, what goes on, and what has to be done anew.

`earlier/N` keeps the run as it was, and is a run folder itself. `extended.json` says which trainings go on from the
finished ones there, and whose results give way because their teacher goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from distill import checkpoint as checkpoints
from distill.durable import copy_folder
from distill.evaluation.roles import SECTIONS, Role
from distill.recipe.file import RECIPE_NAME, AnyRecipe
from distill.recipe.pages import PageRecipe
from distill.runs.changed import changed_roles, recipe_before
from distill.signed_json import read_signed_json, write_signed_json
from distill.track import say
from distill.training.job import Extension, Job
from students.errors import CheckpointError
from students.model_file import MODEL_NAME, read_description
from students.pages.model_file import read_locator

EARLIER = "earlier"
EXTENDED = "extended.json"
NOT_KEPT = ("cache", "tracker", EARLIER, ".*")
JobT = TypeVar("JobT", bound=Job[Any])


@dataclass(frozen=True)
class Continued:
    """The finished training that a network goes on from: its steps, digest, budget, and the folder that keeps it.

    `before`: the one that it had gone on from itself.
    """

    at: int
    job: str
    kept: str
    training: Mapping[str, Any]
    before: Continued | None = None

    @property
    def extension(self) -> Extension:
        """Return what the training that goes on has to know of it."""
        return Extension(self.at, self.job, self.kept)


@dataclass(frozen=True)
class Extensions:
    """What goes on in a run, by role, and the digests of results that give way (`anew`).

    `kept`: the folder that keeps what is there now, before anything is written; None: nothing new.
    """

    continued: Mapping[str, Continued] = field(default_factory=dict)
    anew: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: str | None = None

    def applied(self, job: JobT) -> JobT:
        """Return a training as the run's extensions have it; other data or settings find nothing to go on from."""
        if job.role in self.anew:
            return replace(job, replaces=frozenset(self.anew[job.role]))
        found = self.continued.get(job.role)
        if found is None or job.folder.parent.name == "stages":
            return job
        training = type(job.training).model_validate(found.training)
        task = replace(job.task, training=training)
        old = replace(job, task=task, training=training, extends=found.before.extension if found.before else None)
        if old.digest != found.job:
            return job
        return old if job.training == training else replace(job, extends=found.extension)


def extensions_of(recipe: AnyRecipe, folder: Path) -> Extensions:
    """Return the extensions of a run folder, with what the recipe asks for now.

    Raises `CheckpointError` for more steps of a network that cannot go on, and says why.
    """
    there = written_extensions(folder)
    before = recipe_before(folder)
    longer = changed_roles(recipe, folder, longer=True) if before is not None else []
    if not longer or before is None:
        return there
    for role in longer:
        _refuse_unfinished(recipe, folder, role)
    kept = _place(folder)
    continued = dict(there.continued)
    for role in longer:
        part = before.teacher if role == "teacher" else before.student
        assert part is not None  # a network that was trained
        found = _continued(recipe, folder / role, kept, part.training.model_dump(mode="json"), continued.get(role))
        continued[role] = continued[role] if role in continued and continued[role].job == found.job else found
    anew = {}
    if "teacher" in longer:  # the student follows another teacher now, and its control keeps to its schedule
        with_control = "control" in longer or "control" in there.continued or "control" in there.anew
        pair = ["student", *(["control"] if with_control else [])]
        anew = {role: (*there.anew.get(role, ()), *_digests_in(recipe, folder / role)) for role in pair}
        continued = {role: each for role, each in continued.items() if role not in anew}
    return Extensions(continued, anew, kept)


def keep_earlier(folder: Path, extensions: Extensions) -> None:
    """Copy the run as it is to where it is kept, and write down what goes on; nothing where nothing is new."""
    if extensions.kept is None:
        return
    target = folder / extensions.kept
    if not target.exists():
        copy_folder(folder, target, NOT_KEPT)
        for role, each in extensions.continued.items():
            say(f"{role}: goes on from step {each.at:,}; what was there is kept in {folder / each.kept}")
        for role in extensions.anew:
            say(f"{role}: is trained anew, since its teacher goes on; what was there is kept in {target}")
    going_on = {role: asdict(each) for role, each in extensions.continued.items()}
    anew = {role: list(digests) for role, digests in extensions.anew.items()}
    write_signed_json(folder / EXTENDED, {"continued": going_on, "anew": anew})


def written_extensions(folder: Path) -> Extensions:
    """Return the extensions that a run folder holds already."""
    path = folder / EXTENDED
    if not path.is_file():
        return Extensions()
    values = read_signed_json(path)
    anew = {role: tuple(digests) for role, digests in values["anew"].items()}
    return Extensions({role: _parsed(each) for role, each in values["continued"].items()}, anew)


def _parsed(values: Mapping[str, Any]) -> Continued:
    before = values["before"]
    return Continued(**{**values, "before": _parsed(before) if before else None})


def _place(folder: Path) -> str:
    """Where what is there now is kept: the newest such folder, if it is that already, else a new one."""
    kept = sorted((int(path.name) for path in (folder / EARLIER).glob("[0-9]*")), reverse=True)
    newest = folder / EARLIER / str(kept[0]) / RECIPE_NAME if kept else None
    same = newest is not None and newest.read_bytes() == (folder / RECIPE_NAME).read_bytes()
    return f"{EARLIER}/{kept[0] if same else (kept[0] + 1 if kept else 1)}"


def _refuse_unfinished(recipe: AnyRecipe, folder: Path, role: Role) -> None:
    """Raise `CheckpointError` where a network, or one that is compared with it, has not taken all of its steps."""
    pair = ["student", *(["control"] if recipe.student.control and recipe.teacher else [])]
    for each in [role] if role == "teacher" else pair:
        file = folder / each / MODEL_NAME
        record = _record_of(recipe, file) if file.is_file() else None
        if record is None or "stopped" in record or record.get("provisional"):
            raise CheckpointError(
                f"{folder / each}: has not taken all of its steps yet; run it to its end with the settings it began "
                f"with, and then with more {SECTIONS[role]}.training.steps"
            )
        if checkpoints.newest(folder / each / "checkpoints") is None:
            raise CheckpointError(
                f"{folder / each}: its last checkpoint is gone, so it cannot go on with more steps; begin with its "
                f"weights in another run: {SECTIONS[role]}.init={folder} --run ..."
            )


def _continued(
    recipe: AnyRecipe, folder: Path, kept: str, training: Mapping[str, Any], before: Continued | None
) -> Continued:
    checkpoint = checkpoints.newest(folder / "checkpoints")
    assert checkpoint is not None
    at = int(checkpoints.read_state(checkpoint)["step"])
    return Continued(at, str(_record_of(recipe, folder / MODEL_NAME)["job"]), kept, training, before)


def _digests_in(recipe: AnyRecipe, folder: Path) -> Iterator[str]:
    """The digests of all trainings of one network, of its stages too."""
    for file in sorted(folder.glob(f"**/{MODEL_NAME}")):
        yield str(_record_of(recipe, file).get("job"))
    for root in sorted(folder.glob("**/checkpoints")):
        if checkpoint := checkpoints.newest(root):
            yield str(checkpoints.read_state(checkpoint).get("job"))


def _record_of(recipe: AnyRecipe, file: Path) -> Mapping[str, Any]:
    return read_locator(file)[0].training if isinstance(recipe, PageRecipe) else read_description(file).training
