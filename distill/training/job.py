"""One training of one network as a piece of work: its task, budget and folder, and whether that folder has its result.

A result may give way to another: that of a training that ended early, what rests on such weights, and the finished one
that a longer training goes on from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

from distill import checkpoint as checkpoints
from distill.digests import digest_of
from distill.recipe.training import Budget
from distill.training.early import Ending
from distill.training.task import Task
from students.errors import CheckpointError
from students.model_file import MODEL_NAME

TaskT_co = TypeVar("TaskT_co", bound=Task, covariant=True)


class AnotherJobError(CheckpointError):
    """The folder of a training has the result of another one."""


class Extension(NamedTuple):
    """The finished training that another one goes on from: its steps, its digest, and the folder that keeps it."""

    at: int
    job: str
    kept: str


@dataclass(frozen=True)
class Job(Generic[TaskT_co]):
    """One training: the `role` of its network in the run, its task, its budget, and its folder.

    `provisional`: it rests on the weights of a training that ended early, and is done anew once that has gone on.
    `replaces` are digests of trainings whose results in its folder give way to it.
    """

    role: str
    task: TaskT_co
    training: Budget
    seed: int
    folder: Path
    extends: Extension | None = None
    provisional: bool = False
    replaces: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """Return the name of its folder within the run's."""
        return self.role if self.folder.parent.name != "stages" else f"{self.role} {self.folder.name}"

    @property
    def target(self) -> Path:
        """Return the model file that it ends with."""
        return self.folder / MODEL_NAME

    @property
    def checkpoints(self) -> Path:
        """Return the folder of its checkpoints."""
        return self.folder / "checkpoints"

    @property
    def digest(self) -> str:
        """Return the digest of its task, with that of the training it goes on from: equal ones give equal weights."""
        if self.extends is None:
            return self.task.digest
        return digest_of(self.task.digest, "extends", self.extends.job, self.extends.at)

    @property
    def first_step(self) -> int:
        """Return the step that its schedule of learning rates begins with."""
        return 0 if self.extends is None else self.extends.at

    def owns(self, digest: str | None) -> bool:
        """Return whether what bears a digest is this training's, or that of the one it goes on from."""
        return digest == self.digest or (self.extends is not None and digest == self.extends.job)

    def record(self, step: int, ending: Ending | None) -> dict[str, Any]:
        """Return what its model file records of it besides what the task knows; `step`: the steps it has taken."""
        found: dict[str, Any] = {"job": self.digest}
        if ending is not None:
            found |= {"steps": step, "stopped": {"of": self.training.steps, "cooled_from": ending.begin}}
        if self.provisional:
            found["provisional"] = True
        if self.extends is not None:
            found["extended"] = {"at": self.extends.at, "from": self.extends.kept}
        return found


def finished(job: Job[Any]) -> bool:
    """Return whether the model file of the whole training is there.

    Raises `AnotherJobError` if it, or a checkpoint, is another job's that does not give way.
    """
    record = recorded(job)
    owner = record.get("job", job.digest)
    if not job.owns(owner) and owner not in job.replaces and not record.get("provisional"):
        raise AnotherJobError(
            f"{job.folder}: was trained from another recipe, other data or another teacher; choose another --run, "
            f"or remove {job.folder} to train it anew"
        )
    return job.target.is_file() and record.get("job") == job.digest and "stopped" not in record


def recorded(job: Job[Any]) -> Mapping[str, Any]:
    """Return what the model file in its folder records, or else the newest checkpoint; empty without either."""
    if job.target.is_file():
        return {"job": None, **job.task.record_of(job.target)}
    checkpoint = checkpoints.newest(job.checkpoints)
    return checkpoints.read_state(checkpoint) if checkpoint else {}


def steps_saved(job: Job[Any]) -> int:
    """Return the steps that the newest checkpoint in its folder has taken; 0 without one, or for one of another job."""
    checkpoint = checkpoints.newest(job.checkpoints)
    state = checkpoints.read_state(checkpoint) if checkpoint else {}
    return int(state["step"]) if job.owns(state.get("job")) else 0
