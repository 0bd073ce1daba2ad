"""How the networks of a run stand: what they read of training, validation and test, for what to try next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from distill.data.lines import Lines
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import score
from distill.evaluation.next_steps import ExactRate, Figures, Network, Point, what_to_try
from distill.evaluation.report import read_test
from distill.evaluation.roles import ROLES
from distill.runs.opening import LineRun
from distill.seeds import generator_of
from distill.track import read_metrics
from students.reader import Reader

LINES = 300  # of training, at most


def read_training(run: LineRun, readers: Mapping[str, Reader]) -> dict[str, ExactRate]:
    """Read some labelled training lines with every network, without augmentation; every process takes part.

    They are sampled by the seed of the recipe. Nothing is read where no training line has a label.
    """
    lines = some_labelled(run.usable["student"], run.recipe.seed)
    if not len(lines):
        return {}
    found = {}
    for role, reader in readers.items():
        readings = read_test(reader, lines, run.accelerator, run.stop, f"{role} on training lines")
        texts = {key: reading.text for key, reading in readings.items()}
        scored = score(truths_of(lines), texts, run.recipe.data.protocol)
        if scored.n:
            found[role] = ExactRate(scored.exact, scored.n)
    return found


def some_labelled(train: Lines, seed: int) -> Lines:
    """Return at most `LINES` labelled lines, sampled by a seed."""
    labelled = train.where(lambda text: text is not None)
    order = torch.randperm(len(labelled), generator=generator_of("training lines of a report", seed))
    return labelled.take(sorted(order[:LINES].tolist()))


def next_steps(
    folder: Path, result: Mapping[str, Any], train: Mapping[str, ExactRate], n_validation: int
) -> dict[str, Any]:
    """Return the parts `fit` and `next` of `report.json`: what each network reads of each part, and what to try."""
    networks = {role: _network(folder, role, result[role], train, n_validation) for role in ROLES if result[role]}
    unseen = result["ceiling"]["n"]
    figures = Figures(networks, result["gain"], unseen)
    fit = {
        role: {part: share and share._asdict() for part, share in _parts(network).items()}
        for role, network in networks.items()
    }
    return {"fit": fit, "next": [advice.as_dict() for advice in what_to_try(figures)]}


def _parts(network: Network) -> dict[str, ExactRate | None]:
    return {"train": network.train, "validation": network.validation, "test": network.test}


def _network(
    folder: Path, role: str, tested: Mapping[str, Any], train: Mapping[str, ExactRate], n_validation: int
) -> Network:
    """What is known of a network: a teacher that was finished before has been validated where the student begins."""
    entries = read_metrics(folder / role / "metrics.jsonl")
    curve = [Point(int(entry["step"]), entry["validation_cer"]) for entry in entries if "validation_cer" in entry]
    shares = [entry["validation_exact"] for entry in entries if "validation_exact" in entry]
    if role == "teacher" and not shares:
        begun = read_metrics(folder / "student" / "metrics.jsonl")
        shares = [entry["teacher_exact"] for entry in begun if "teacher_exact" in entry]
    validation = ExactRate(max(shares), n_validation) if shares else None
    return Network(train.get(role), validation, ExactRate(tested["exact"], tested["n"]), curve)
