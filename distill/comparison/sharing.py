"""What the runs of a comparison share: the teacher, and a control that two settings leave as it is."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from distill.comparison.figures import phase_seconds
from distill.durable import copy_folder
from distill.runs.opening import Workplace
from distill.training.task import Task
from students.model_file import MODEL_NAME

SHARED = "shared"  # the folder of the run whose teacher all settings follow


def reuse(source: Path, target: Path) -> None:
    """Take over a finished network of another run, as hard links where the file system has them."""
    if source.is_dir() and not target.exists():
        copy_folder(source, target, ("checkpoints", ".*"), _linked)


def _linked(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def reuse_control(work: Workplace, task: Task, folder: Path) -> None:
    """Take over the control of an earlier setting in the comparison `folder`, if its job is this task's."""
    target = work.folder / "control"
    if target.exists():
        return
    for file in sorted(folder.glob(f"*/{work.folder.name}/control/{MODEL_NAME}")):
        record = task.record_of(file)
        if record.get("job") == task.digest and "stopped" not in record:
            reuse(file.parent, target)
            work.stopwatch.add("control", phase_seconds(file.parent.parent).get("control", 0.0))
            return
