"""Paired experiments: one teacher, several settings of the student, the same seeds and budgets for each.

Everything is judged on validation unless the test is asked for, and what is finished is reused. Two settings that
leave the control as it is share it.
"""

from __future__ import annotations

import itertools
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

import teachers
from distill.data.lines import Lines
from distill.digests import digest_of
from distill.evaluation.evaluate import truths_of
from distill.evaluation.metrics import compare as compared
from distill.evaluation.report import read_test
from distill.evaluation.verdict import verdict
from distill.recipe.file import load_recipe
from distill.recipe.objective import TAUGHT
from distill.recipe.sections import Recipe, Stage, Student
from distill.runs.jobs import final_job
from distill.runs.opening import Run, open_run
from distill.runs.run import train_control, train_pair, train_teacher
from distill.runs.teachers import FILLED
from distill.runtime import StopFlag
from distill.track import Stopwatch, say, write_json
from distill.training.train import CollapseError
from students.errors import CheckpointError, UserError
from students.model_file import MODEL_NAME, read_model, write_whole

On = Literal["validation", "test"]
TERM = "objective.term"
SHARED = "shared"
LONGER = "control-given-the-seconds"
GIVEN = "control_given_the_seconds"
Part = TypeVar("Part", Stage, Student)


@dataclass(frozen=True)
class Setting:
    """One point of the comparison: what it is called, and the overrides that make it."""

    name: str
    overrides: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """What one setting gave under one seed: exactness of each line (1 or 0) and seconds of training."""

    exact: Mapping[str, np.ndarray]
    seconds: Mapping[str, float]


def settings_of(over: Sequence[str], recipe: Recipe) -> list[Setting]:
    """All combinations of `KEY=A,B,...`. With `objective.term=A,A+B` only these teach, each by its weight or 1."""
    axes = []
    taken: set[str] = set()
    for axis in over:
        key, equals, values = axis.partition("=")
        names = [value for value in re.split(r",(?![^\[{]*[\]}])", values) if value]
        if not equals or not names:
            raise UserError(f"--over {axis}: write KEY=A,B,...")
        if not key.startswith(("objective.", "student.")):
            raise UserError(f"--over {key}: only keys of student and objective can vary; the teacher is one for all")
        axis_settings = [Setting(value, _overrides(key, value, recipe)) for value in names]
        sets = {override.partition("=")[0] for setting in axis_settings for override in setting.overrides}
        if "student.seed" in sets:
            raise UserError("--over student.seed: every setting is trained under the same seeds; --seeds says how many")
        if both := sorted(sets & taken):
            raise UserError(f"--over {key}: an earlier --over sets {both[0]} too; one of the two would say nothing")
        taken |= sets
        axes.append(axis_settings)
    return [
        Setting(" ".join(part.name for part in parts), tuple(itertools.chain.from_iterable(p.overrides for p in parts)))
        for parts in itertools.product(*axes)
    ]


def _overrides(key: str, value: str, recipe: Recipe) -> tuple[str, ...]:
    if key != TERM:
        return (f"{key}={value}",)
    terms = value.split("+")
    if unknown := [term for term in terms if term not in TAUGHT]:
        raise UserError(f"--over {TERM}: {unknown[0]!r} is no term with a teacher; there are {', '.join(TAUGHT)}")
    weights = {name: getattr(recipe.objective, name).weight for name in TAUGHT}
    return tuple(f"objective.{name}.weight={(weights[name] or 1.0) if name in terms else 0}" for name in TAUGHT)


def run_comparison(
    name_or_path: str, overrides: Sequence[str], over: Sequence[str], n_seeds: int, on: On, equal_seconds: bool,
    folder: Path, stop: StopFlag,
) -> dict[str, Any]:  # fmt: skip
    """Train every setting under every seed and return `compare.json`, which is written with a page and a chart."""
    base = load_recipe(name_or_path, overrides)
    settings = settings_of(over, base)
    cache = base.runtime.cache_root or str(folder / "cache")
    recipes = {
        (setting.name, seed): load_recipe(
            name_or_path, [*overrides, *setting.overrides, f"student.seed={seed}", f"runtime.cache_root={cache}"]
        )
        for setting in settings
        for seed in range(base.seed, base.seed + n_seeds)
    }
    if not all(recipe.student.control for recipe in recipes.values()):
        raise UserError("student.control: settings are compared over their controls; leave it true")
    shared = open_run(load_recipe(name_or_path, [*overrides, f"runtime.cache_root={cache}"]), folder / SHARED, stop)
    train_teacher(shared)
    outcomes: dict[str, list[Outcome]] = {setting.name: [] for setting in settings}
    for (name, seed), recipe in recipes.items():
        say(f"--- {name}, seed {seed}")
        own = folder / _file_name(name) / f"seed-{seed}"
        outcomes[name].append(_one(recipe, own, shared, on, stop))
    longer = _given_the_seconds(recipes, outcomes, folder, on, stop) if equal_seconds else {}
    result = summarise(outcomes, longer, on, base.seed)
    if shared.accelerator.is_main_process:
        write_json(folder / "compare.json", result)
        write_whole(folder / "compare.md", page(base, over, result).encode())
        draw(result, folder / "compare.png")
    return result


def _one(recipe: Recipe, own: Path, shared: Run, on: On, stop: StopFlag) -> Outcome:
    with shared.accelerator.main_process_first():
        _reuse(shared.folder / "teacher", own / "teacher")
    run = open_run(recipe, own, stop)
    with run.accelerator.main_process_first():
        _reuse_control(run, shared.folder.parent)
    try:
        train_pair(run)
    except CollapseError as error:
        if not (run.folder / "control" / MODEL_NAME).is_file():
            raise
        say(f"{error}\nThe comparison goes on: this student counts as one that reads nothing.")
        of_others = _outcome(run, on, ("teacher", "control"))
        nothing = np.zeros_like(of_others.exact["control"])
        return Outcome({**of_others.exact, "student": nothing}, of_others.seconds)
    except CheckpointError as error:
        raise CheckpointError(f"{error}; or does --over change what the teacher is made of?") from error
    return _outcome(run, on, ("teacher", "control", "student"))


def _reuse(source: Path, target: Path) -> None:
    """A finished network of another run, as hard links where the file system has them."""
    if source.is_dir() and not target.exists():
        begun = target.with_name(f".{target.name}")
        shutil.rmtree(begun, ignore_errors=True)
        shutil.copytree(source, begun, copy_function=_linked, ignore=shutil.ignore_patterns("checkpoints", ".*"))
        begun.rename(target)


def _linked(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
    return target


def _reuse_control(run: Run, folder: Path) -> None:
    """The control of an earlier setting, if its job is this one's."""
    target = run.folder / "control"
    if target.exists():
        return
    digest = final_job(run, "control").task.digest
    for file in sorted(folder.glob(f"*/{run.folder.name}/control/{MODEL_NAME}")):
        if read_model(file)[0].training.get("job") == digest:
            _reuse(file.parent, target)
            run.stopwatch.add("control", _seconds(file.parent.parent).get("control", 0.0))
            return


def _outcome(run: Run, on: On, roles: Sequence[str]) -> Outcome:
    lines: Lines = run.pools.validation if on == "validation" else run.pools.test
    exact = {}
    for role in roles:
        reader = teachers.load(run.folder / role / MODEL_NAME)
        texts = {key: r.text for key, r in read_test(reader, lines, run.accelerator, run.stop, role).items()}
        of_lines = compared(truths_of(lines), texts, run.recipe.data.protocol)
        exact[role] = np.array([line.exact for line in of_lines], float)
    return Outcome(exact, _seconds(run.folder))


def _seconds(folder: Path) -> dict[str, float]:
    """Of the phases of a run; `cache` is what its caches took to fill, whoever did."""
    seconds = Stopwatch(folder / "timing.json", writes=False).seconds
    filled = sum(value for phase, value in seconds.items() if phase.endswith(FILLED))
    return {**seconds, "cache": filled or seconds.get("cache", 0.0)}


def _given_the_seconds(
    recipes: Mapping[tuple[str, int], Recipe], outcomes: Mapping[str, list[Outcome]], folder: Path, on: On,
    stop: StopFlag,
) -> dict[str, list[Outcome]]:  # fmt: skip
    """The controls of all settings, with as many steps more as distilling, the cache included, took longer."""
    longer: dict[str, list[Outcome]] = {name: [] for name in outcomes}
    paired = itertools.chain.from_iterable(outcomes.values())
    for ((name, seed), recipe), outcome in zip(recipes.items(), paired, strict=True):
        say(f"--- {name}, seed {seed}: the control given the student's seconds")
        own = folder / LONGER / _file_name(name) / f"seed-{seed}"
        ratio = max(1.0, _distilled(outcome) / outcome.seconds["control"])
        student = _begun(own, recipe.student) or _longer(recipe.student, ratio)
        run = open_run(recipe.model_copy(update={"student": student}), own, stop)
        try:
            train_control(run)
        except CollapseError as error:
            say(f"{error}\nThe comparison goes on: this control counts as one that reads nothing.")
            longer[name].append(Outcome({"control": np.zeros_like(outcome.exact["control"])}, outcome.seconds))
        else:
            longer[name].append(_outcome(run, on, ("control",)))
    return longer


def _distilled(outcome: Outcome) -> float:
    """Seconds that distilling takes, those of the cache included, whoever filled it."""
    return outcome.seconds["student"] + outcome.seconds["cache"]


def _begun(own: Path, student: Student) -> Student | None:
    """`student` with the steps of a run that was interrupted or is finished: a clock may not decide twice."""
    written = own / "recipe.yaml"
    if not written.is_file():
        return None
    begun = load_recipe(str(written)).student
    stages = zip(student.stages, begun.stages, strict=True)
    with_stages = student.model_copy(update={"stages": tuple(_for(s, b.training.steps) for s, b in stages)})
    return _for(with_stages, begun.training.steps)


def _longer(student: Student, ratio: float) -> Student:
    """Every training of the student, those of its stages too, with `ratio` times the steps."""

    def stretched(part: Part) -> Part:
        return _for(part, round(part.training.steps * ratio))

    return stretched(student.model_copy(update={"stages": tuple(map(stretched, student.stages))}))


def _for(part: Part, steps: int) -> Part:
    return part.model_copy(update={"training": part.training.model_copy(update={"steps": steps})})


def summarise(
    outcomes: Mapping[str, Sequence[Outcome]], longer: Mapping[str, Sequence[Outcome]], on: On, first_seed: int
) -> dict[str, Any]:
    """Means over seeds, gains over the control and over the first setting, with intervals over (seed, line) pairs."""
    names = list(outcomes)
    pooled = {
        name: {role: np.concatenate([o.exact[role] for o in of_name]) for role in of_name[0].exact}
        for name, of_name in outcomes.items()
    }
    n_seeds = len(outcomes[names[0]])
    rows = {}
    for name, of_name in outcomes.items():
        exact = pooled[name]
        rows[name] = {
            **{role: float(values.mean()) for role, values in exact.items()},
            "each_seed": [float(o.exact["student"].mean()) for o in of_name],
            "each_control": [float(o.exact["control"].mean()) for o in of_name],
            **verdict(exact["teacher"], exact["control"], exact["student"], first_seed),
            "over_the_first": _gained(pooled[names[0]], exact, first_seed),
            "seconds": {
                part: float(np.mean([o.seconds.get(part, 0.0) for o in of_name]))
                for part in ("control", "student", "cache")
            },
        }
    result: dict[str, Any] = {
        "on": on,
        "seeds": list(range(first_seed, first_seed + n_seeds)),
        "settings": rows,
        "pairs": [
            {"of": better, "over": other, **_gained(pooled[other], pooled[better], first_seed)}
            for better, other in itertools.combinations(sorted(names, key=lambda n: -rows[n]["student"]), 2)
        ],
    }
    for name, of_name in longer.items():
        control = np.concatenate([o.exact["control"] for o in of_name])
        rows[name][GIVEN] = {
            "exact": float(control.mean()),
            **verdict(pooled[name]["teacher"], control, pooled[name]["student"], first_seed),
        }
    return result


def _gained(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], seed: int) -> dict[str, Any]:
    """What the student of the second of two settings gains over that of the first."""
    found = verdict(one["teacher"], one["student"], other["student"], seed)
    return {"gain": found["gain"], "verdict": found["verdict"]}


def page(recipe: Recipe, over: Sequence[str], result: Mapping[str, Any]) -> str:
    """`compare.md`: one row a setting."""
    rows = [
        f"# {recipe.name}: {' '.join(over)}\n",
        f"Exact lines on {result['on']}, means of seeds {', '.join(map(str, result['seeds']))}; intervals (95 %) over "
        "(seed, line) pairs; seconds of one training, and those of filling its cache.\n",
        "| setting | teacher | control | distilled | gain in points | verdict | over the first | seconds |",
        "|---|---:|---:|---:|---|---|---|---:|",
    ]
    for name, row in result["settings"].items():
        first = row["over_the_first"]
        rows.append(
            f"| {name} | {row['teacher']:.1%} | {row['control']:.1%} | {row['student']:.1%} | {_points(row['gain'])} | "
            f"{row['verdict'].replace('_', ' ')} | {_points(first['gain'])}, {first['verdict'].replace('_', ' ')} | "
            f"{row['seconds']['student']:.0f}"
            + (f" + {row['seconds']['cache']:.0f} |" if row["seconds"]["cache"] else " |")
        )
    longer = {n: row[GIVEN] for n, row in result["settings"].items() if GIVEN in row}
    if longer:
        rows += ["\n## Over a control given the seconds of the student and its cache\n"]
        rows += ["| setting | control | distilled | gain in points | verdict |", "|---|---:|---:|---|---|"]
        rows += [
            f"| {name} | {given['exact']:.1%} | {result['settings'][name]['student']:.1%} | {_points(given['gain'])} | "
            f"{given['verdict'].replace('_', ' ')} |"
            for name, given in longer.items()
        ]
    if len(result["settings"]) > 2:
        rows += [
            "\n## Every pair\n",
            "The better first. Intervals are of a pair alone: of 20 pairs of equals one lies apart.\n",
        ]
        rows += ["| setting | over | gain in points | verdict |", "|---|---|---|---|"]
        rows += [
            f"| {pair['of']} | {pair['over']} | {_points(pair['gain'])} | {pair['verdict'].replace('_', ' ')} |"
            for pair in result["pairs"]
        ]
    return "\n".join([*rows, "\n![gains](compare.png)\n"])


def _points(gain: Mapping[str, float]) -> str:
    return f"{100 * gain['value']:+.1f} ({100 * gain['low']:+.1f} to {100 * gain['high']:+.1f})"


def draw(result: Mapping[str, Any], target: Path) -> None:
    """Gain of every setting over its control, with its interval; a dot a seed."""
    from matplotlib.figure import Figure

    names = list(result["settings"])
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(names)), layout="constrained")
    axes = figure.subplots()
    for y, name in enumerate(names):
        row = result["settings"][name]
        gain = row["gain"]
        axes.plot([100 * gain["low"], 100 * gain["high"]], [y, y], color="tab:blue", linewidth=3, alpha=0.4)
        axes.plot(100 * gain["value"], y, "o", color="tab:blue")
        dots = [100 * (s - c) for s, c in zip(row["each_seed"], row["each_control"], strict=True)]
        axes.plot(dots, [y] * len(dots), ".", color="tab:gray")
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set(yticks=range(len(names)), yticklabels=names, xlabel=f"points over the control, {result['on']}")
    axes.invert_yaxis()
    axes.grid(alpha=0.3, axis="x")
    figure.savefig(target, dpi=110, metadata={"Software": None})


def _file_name(name: str) -> str:
    """Of a setting; long ones are cut, and a digest tells them apart."""
    plain = re.sub(r"[^\w.-]+", "_", name)
    return plain if len(plain) <= 80 else f"{plain[:64]}-{digest_of(name)[:12]}"
