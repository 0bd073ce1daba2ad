"""How the trainings behind a report ended, where that was not with their last planned step, and in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distill.evaluation.roles import NAMES


def endings(records: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return what a report says of the training records of its networks: `stopped` and `extended`, where there are any.

    `stopped`, a role: the `steps` taken `of` those planned; `extended`: from which step on (`at`), to which (`steps`),
    and the folder that keeps what was there before (`from`).
    """
    stopped = {
        role: {"steps": record["steps"], "of": record["stopped"]["of"]}
        for role, record in records.items()
        if "stopped" in record
    }
    extended = {
        role: {**record["extended"], "steps": record["steps"]}
        for role, record in records.items()
        if "extended" in record
    }
    return ({"stopped": stopped} if stopped else {}) | ({"extended": extended} if extended else {})


def incomparable(records: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return why the control does not show what the teacher added; None where both took equal steps."""
    control, student = records.get("control"), records["student"]
    if control is None or not ("stopped" in control or "stopped" in student) or control["steps"] == student["steps"]:
        return None
    return f"the control took {control['steps']:,} steps and the student {student['steps']:,}"


def endings_in_words(result: Mapping[str, Any]) -> list[str]:
    """Return a sentence for each network of a report that ended early, or went on from a finished training."""
    sentences = [
        f"Stopped early: the {NAMES[role]} took {part['steps']:,} of its {part['of']:,} steps; without --stop-after "
        "the same command goes on"
        for role, part in result.get("stopped", {}).items()
    ]
    sentences += [
        f"Extended: the {NAMES[role]} went on from its {part['at']:,} steps to {part['steps']:,}, its learning rate "
        f"rising and falling anew; what was there before is kept in {part['from']}"
        for role, part in result.get("extended", {}).items()
    ]
    return sentences
