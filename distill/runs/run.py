"""One run folder, from a recipe to a shipped student: what is finished is reused, what was interrupted goes on."""

from __future__ import annotations

import errno
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from accelerate import Accelerator
from ruamel.yaml import YAML

import teachers
from distill.data.feed import ready_workers
from distill.data.lines import Lines, Refusal
from distill.data.mixing import MixPlan, plan_of
from distill.data.posteriors import Cached
from distill.digests import digest_of
from distill.evaluation import report
from distill.recipe.objective import Objective
from distill.recipe.sections import Recipe, RecipeError, Stage, Student, Teacher
from distill.runs.policies import without_infeasible
from distill.runs.pools import Pools, cache_of, open_pools
from distill.runtime import StopFlag, environment, start
from distill.teaching.adopted import adopted, model_of, problems_of_teachers, unknown_characters
from distill.teaching.cache import cache_error
from distill.teaching.teacher import FrozenTeacher, member_of
from distill.track import Stopwatch, say, write_json
from distill.training.initial import Start, problems_of_starts, start_of, undownloaded
from distill.training.lines import LineTask, Role
from distill.training.train import LINES_NAME, Job, finished, train
from students.charset import Charset
from students.errors import CheckpointError, DataError
from students.image import Preparation
from students.model_file import MODEL_NAME, read_model, write_whole
from students.parts import Recogniser, n_frames, n_parameters

Network = Literal["teacher", "student"]

LineJob = Job[LineTask]
FILLED = ", filled"  # behind the name of a cache: the seconds that it took to fill, in this run or before


@dataclass(frozen=True)
class Run:
    """A recipe in its folder, with its lines opened. `usable`: the training lines whose labels fit each network."""

    recipe: Recipe
    folder: Path
    accelerator: Accelerator
    pools: Pools
    usable: dict[Network, Lines]
    stopwatch: Stopwatch
    stop: StopFlag


def open_run(recipe: Recipe, folder: Path, stop: StopFlag) -> Run:
    """Open the lines of a recipe; raises before anything is trained, and before the folder says otherwise."""
    make_writable(folder)
    accelerator = start(recipe.runtime, folder)
    if recipe.runtime.workers:
        ready_workers()
    stopwatch = Stopwatch(folder / "timing.json", writes=accelerator.is_main_process)
    with accelerator.main_process_first(), stopwatch.measure("lines"):
        pools = open_pools(recipe, folder, stop.raise_if_set)
    if problems := problems_of_starts(recipe, pools.charset) + problems_of_teachers(recipe, pools.charset, folder):
        raise CheckpointError("\n".join(problems))
    usable, too_long = usable_lines(recipe, pools)
    pools = replace(pools, refused={**pools.refused, **too_long})
    return Run(recipe, folder, accelerator, pools, usable, stopwatch, stop)


def make_writable(folder: Path) -> None:
    """Make the run folder where it is missing; raises `DataError` where it cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError(errno.EACCES, "no permission")
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"run folder {folder}: cannot be written: {reason}; choose another --run") from error


def train_teacher(run: Run) -> Path:
    """Train the teacher on the labelled lines, or take the finished one, and return its model file."""
    if run.recipe.teacher.file is not None:
        path = _adopted(run)
        say(f"teacher: {path}, as it is")
        return path
    with run.stopwatch.measure("teacher"):
        jobs = _jobs(run, "teacher")
        _begin(run, [*jobs, *_jobs(run, "control")])
        path = _train_all(run, jobs)
    say(f"teacher: {path}")
    return path


def train_students(run: Run) -> dict[str, Any]:
    """Train control and student against the finished teacher, judge all three, and return the report."""
    path = train_pair(run)
    with run.stopwatch.measure("report"):
        result = make_report(run)
    say(f"student: {path}")
    return result


def train_pair(run: Run) -> Path:
    """Train control and student against the finished teacher and return the student's model file."""
    frozen = finished_teacher(run)
    control = _jobs(run, "control") if run.recipe.student.control else []
    student = _jobs(run, "student", frozen)
    _begin(run, [*control, *student])
    if control:
        with run.stopwatch.measure("control"):
            _train_all(run, control)
    fill_caches(run, [job.task for job in student if not finished(job)])
    with run.stopwatch.measure("student"):
        return _train_all(run, student)


def cache_teacher(run: Run) -> dict[str, Any]:
    """Compute the teacher's posteriors for the student's trainings, and measure what the cache leaves out of them."""
    if not run.recipe.objective.cache.views:
        raise RecipeError("objective.cache.views is 0: nothing is cached; set it to the views of a line to keep")
    frozen = finished_teacher(run)
    jobs = _jobs(run, "student", frozen)
    found = {}
    for job, cached in zip(jobs, fill_caches(run, [job.task for job in jobs]), strict=True):
        task = job.task
        views = task.objective.cache.views
        found[str(job.folder.relative_to(run.folder))] = {
            "lines": len(task.lines),
            "views": views,
            "bytes_a_line": round(cached.n_bytes / (len(task.lines) * views), 1),
            "error": cache_error(
                task.taught(frozen),
                cached,
                task.build().to(run.accelerator.device),
                task.objective.match,
                run.accelerator,
            ),
        }
    return found


def fill_caches(run: Run, tasks: Sequence[LineTask]) -> list[Cached]:
    """The caches of the trainings that want one, each opened, and computed as far as it is missing."""
    if not run.recipe.objective.cache.views:
        return []
    with run.stopwatch.measure("cache"):
        opened = (task.posteriors(run.accelerator, run.stop.raise_if_set) for task in tasks)
        caches = [cached for cached in opened if cached is not None]
    for cached in caches:
        run.stopwatch.put(cached.name + FILLED, cached.filled_s)
    return caches


def finished_teacher(run: Run) -> FrozenTeacher:
    """The run's teacher, with those that the objective adds. Raises before anything is trained against it."""
    recipe = run.recipe
    if recipe.teacher.file is not None:
        own = _adopted(run)
    else:
        job = final_job(run, "teacher")
        if not finished(job):
            raise CheckpointError(f"{job.folder}: no finished teacher; train it first: distill teacher ...")
        own = job.target
    files = [(own, 1.0), *((model_of(further.file), further.weight) for further in recipe.objective.more_teachers)]
    members = [
        member_of(teachers.load(path), weight, recipe.objective.calibrated, run.pools.charset, recipe.image)
        for path, weight in files
    ]
    return FrozenTeacher(members, run.accelerator.device, recipe.teacher.training.precision)


def _adopted(run: Run) -> Path:
    """A copy of the finished teacher in the run folder, which is then whole."""
    source, target = adopted(run.recipe, run.folder), run.folder / "teacher" / MODEL_NAME
    if run.accelerator.is_main_process and not target.is_file():
        target.parent.mkdir(exist_ok=True)
        write_whole(target, source.read_bytes())
    run.accelerator.wait_for_everyone()
    for note in unknown_characters(run.recipe, run.pools.charset, run.folder):
        say(note)
    return target


def train_control(run: Run) -> Path:
    """Train the control alone and return its model file."""
    jobs = _jobs(run, "control")
    _begin(run, jobs)
    with run.stopwatch.measure("control"):
        return _train_all(run, jobs)


def final_job(run: Run, role: Role) -> LineJob:
    """The training of teacher or control that its stages lead up to."""
    return _jobs(run, role)[-1]


def _train_all(run: Run, jobs: Sequence[Job[Any]]) -> Path:
    """Train one network through its stages and return the last model file."""
    for job in jobs:
        path = train(job, run.accelerator, run.stop, run.stopwatch)
    return path


def _begin(run: Run, jobs: Sequence[Job[Any]]) -> None:
    """Write down what this run is made of, once it is certain that the folder holds nothing else."""
    for job in jobs:
        finished(job)
    run.accelerator.wait_for_everyone()
    if run.accelerator.is_main_process:
        write_whole(run.folder / "recipe.yaml", resolved_yaml(run.recipe).encode())
        write_json(run.folder / "environment.json", environment(run.accelerator) | {"recipe": digest_of(run.recipe)})
        write_json(run.folder / "data.json", run.pools.summary())
        _say_what_was_refused(run.pools, run.folder)
    if run.recipe.runtime.tracker != "none":
        run.accelerator.init_trackers(run.recipe.name)


def make_report(run: Run) -> dict[str, Any]:
    """Judge the three networks on the test lines; a report on the same files is reused."""
    roles = ["teacher", *(["control"] if run.recipe.student.control else []), "student"]
    models = {role: run.folder / role / MODEL_NAME for role in roles}
    judged = {
        "files": {role: _file_digest(path) for role, path in models.items()},
        "test": run.pools.test.digest,
        "protocol": run.recipe.data.protocol,
    }
    target = run.folder / "report.json"
    if target.is_file() and (before := json.loads(target.read_text()))["judged"] == judged:
        return before
    readers = {role: teachers.load(path) for role, path in models.items()}
    readings = {
        role: report.read_test(reader, run.pools.test, run.accelerator, run.stop, role)
        for role, reader in readers.items()
    }
    if not run.accelerator.is_main_process:
        return {}
    parameters = {role: n_parameters(reader.model) for role, reader in readers.items()}
    temperatures = {role: reader.description.calibration.temperature for role, reader in readers.items()}
    seed = final_job(run, "control").seed
    result = report.summarise(run.pools.test, readings, parameters, temperatures, run.recipe.data.protocol, seed)
    result |= {"judged": judged, "drawn": _drawn(run, roles)}
    report.write_pages(run.folder, run.recipe, run.pools.test, readings, result)
    write_json(target, result)
    return result


def _drawn(run: Run, roles: list[str]) -> dict[str, Any]:
    """Of every training, stages before the last: its steps, what it drew of each source, what it could not read."""
    files = [file for role in roles for file in sorted((run.folder / role).glob(f"**/{LINES_NAME}"), reverse=True)]
    return {str(file.parent.relative_to(run.folder)): json.loads(file.read_text()) for file in files}


def frames_of(model: Recogniser, lines: Lines, preparation: Preparation) -> dict[int, int]:
    """Frames of every padded width among `lines`, measured."""
    return {
        int(width): n_frames(model, preparation.channels, preparation.height_px, int(width))
        for width in np.unique(lines.padded_width_px)
    }


def usable_lines(recipe: Recipe, pools: Pools) -> tuple[dict[Network, Lines], dict[str, list[Refusal]]]:
    """For teacher and student: the training lines whose labels fit their frames, and those that do not."""
    usable: dict[Network, Lines] = {}
    refused: dict[str, list[Refusal]] = {}
    parts: dict[Network, Teacher | Student] = {"teacher": recipe.teacher, "student": recipe.student}
    for network, part in parts.items():
        if isinstance(part, Teacher) and part.file is not None:
            usable[network] = pools.train
            continue
        name = f"{network}: label longer than its frames"
        refused[name] = []
        frames = frames_of(fresh(part, recipe, pools.charset), pools.train, recipe.image)
        usable[network] = without_infeasible(pools.train, frames, refused[name], recipe.data.policies.infeasible)
        if part.needs_labels and all(text is None for text in usable[network].texts):
            reason = refused[name][0].reason if refused[name] else "all were left out"
            raise DataError(f"{network}: not one labelled training line can be used; {reason}")
    return usable, refused


def fresh(part: Teacher | Student, recipe: Recipe, charset: Charset) -> Recogniser:
    """A network with any first weights, for measuring."""
    model = undownloaded(part.model)
    try:
        return model.build(charset.n_classes, recipe.image.channels, recipe.image.height_px)
    except (ValueError, RuntimeError) as error:
        raise RecipeError(
            f"{model.kind} cannot be built for lines of {recipe.image.height_px} px: {str(error).splitlines()[0]}"
        ) from error


def resolved_yaml(recipe: Recipe) -> str:
    """The whole recipe with every default written out."""
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 110
    yaml.dump(recipe.model_dump(mode="json"), stream)
    return stream.getvalue()


def _jobs(run: Run, role: Role, teacher: FrozenTeacher | None = None) -> list[LineJob]:
    """The trainings of one network in their order, each from the weights of the one before: its stages, then its own.

    The teacher learns from the labelled lines; control and student go through the same order of all lines.
    """
    recipe, pools = run.recipe, run.pools
    match role:
        case "teacher":
            part: Teacher | Student = recipe.teacher
            lines = run.usable["teacher"].where(lambda text: text is not None)
            objective = Objective(consistency=recipe.teacher.consistency).without_teacher
        case "control":
            part, lines = recipe.student, run.usable["student"]
            objective = recipe.objective.without_teacher
        case "student":
            part, lines, objective = recipe.student, run.usable["student"], recipe.objective
    start, jobs = start_of(part), list[LineJob]()
    for stage in (*part.stages, None):
        folder = run.folder / role / "stages" / stage.name if stage else run.folder / role
        some, plan = _drawn_from(part, stage, lines, str(folder.relative_to(run.folder)))
        training, cache = (stage or part).training, cache_of(recipe, run.folder)
        task = LineTask(
            role=role,
            recipe=recipe,
            model=part.model,
            training=training,
            objective=objective,
            lines=some,
            validation=pools.validation,
            charset=pools.charset,
            cache=cache,
            teacher=teacher,
            start=start,
            plan=plan,
        )
        jobs.append(Job(role, task, training, task.seed, folder))
        start = Start(folder / MODEL_NAME, task.digest)
    return jobs


def _drawn_from(part: Teacher | Student, stage: Stage | None, lines: Lines, name: str) -> tuple[Lines, MixPlan | None]:
    """The lines of one training and how they are mixed; raises `DataError` where it has none to learn from."""
    drawn = stage or part
    some = lines.of_sources(drawn.sources)
    if part.needs_labels and all(text is None for text in some.texts):
        raise DataError(f"{name}: its sources have no labelled line that can be used")
    if drawn.mix is None:
        return some, None
    return some, plan_of(drawn.mix, some.sources, drawn.training.batch_lines, drawn.training.steps)


def problems_of_trainings(recipe: Recipe, usable: Mapping[Network, Lines]) -> list[str]:
    """What would keep a training from beginning for want of lines."""
    problems = []
    parts: dict[Network, Teacher | Student] = {"teacher": recipe.teacher, "student": recipe.student}
    for network, part in parts.items():
        stages = () if isinstance(part, Teacher) and part.file else (*part.stages, None)
        for stage in stages:
            try:
                _drawn_from(part, stage, usable[network], f"{network} {stage.name}" if stage else network)
            except DataError as error:  # noqa: PERF203 - every training is looked at
                problems.append(str(error))
    return problems


def _say_what_was_refused(pools: Pools, folder: Path) -> None:
    for part, refusals in pools.refused.items():
        if refusals:
            say(
                f"{part}: {len(refusals)} lines cannot be used, the first: {refusals[0].reason}; "
                f"all stand in {folder / 'data.json'}"
            )


def _file_digest(path: Path) -> str:
    description, _ = read_model(path)
    return digest_of(description)
