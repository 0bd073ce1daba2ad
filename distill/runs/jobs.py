"""The trainings of a run in their order: of each network its stages, then its own."""

from __future__ import annotations

from collections.abc import Mapping

from typing_extensions import assert_never

from distill.data.lines import Lines
from distill.data.mixing import MixPlan, plan_of
from distill.evaluation.roles import SECTIONS, Role
from distill.pools.lines import cache_of
from distill.recipe.objective import Objective
from distill.recipe.sections import Recipe, Stage, Student, Teacher
from distill.recipe.training import Learner
from distill.runs.chosen_match import objective_of_student
from distill.runs.opening import LineRun
from distill.teaching.teacher import FrozenTeacher
from distill.training.initial import Start, start_of
from distill.training.job import Job
from distill.training.lines import LineTask
from students.errors import DataError
from students.model_file import MODEL_NAME

LineJob = Job[LineTask]


def jobs_of(run: LineRun, role: Role, teacher: FrozenTeacher | None = None) -> list[LineJob]:
    """Return the trainings of one network, each from the weights of the one before: its stages, then its own.

    The teacher learns from the labelled lines; control and student go through the same order of all lines.
    """
    recipe, pools = run.recipe, run.pools
    match role:
        case "teacher":
            part: Teacher | Student = recipe.own_teacher
            lines = run.usable["teacher"].where(lambda text: text is not None)
            objective = Objective(consistency=recipe.own_teacher.consistency).without_teacher
        case "control":
            part, lines = recipe.student, run.usable["student"]
            objective = recipe.objective.without_teacher
        case "student" if recipe.teacher is None:
            part, lines = recipe.student, run.usable["student"].where(lambda text: text is not None)
            objective = recipe.objective.without_teacher
        case "student":
            part, lines = recipe.student, run.usable["student"]
            objective = objective_of_student(run, teacher)
        case _:
            assert_never(role)
    start, jobs = start_of(part), list[LineJob]()
    for stage in (*part.stages, None):
        folder = run.folder / role / "stages" / stage.name if stage else run.folder / role
        needed = recipe.needs_labels(SECTIONS[role])
        some, plan = lines_of_training(part, stage, lines, str(folder.relative_to(run.folder)), needed)
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
            ships=stage is None,
        )
        jobs.append(run.extensions.applied(Job(role, task, training, task.seed, folder)))
        start = Start(folder / MODEL_NAME, task.digest)
    return jobs


def final_job(run: LineRun, role: Role) -> LineJob:
    """Return the training of teacher or control that its stages lead up to."""
    return jobs_of(run, role)[-1]


def lines_of_training(
    part: Teacher | Student, stage: Stage | None, lines: Lines, name: str, needs_labels: bool
) -> tuple[Lines, MixPlan | None]:
    """Return the lines of one training and how they are mixed; raises `DataError` where it has none to learn from."""
    settings = stage or part
    some = lines.of_sources(settings.sources)
    if needs_labels and all(text is None for text in some.texts):
        raise DataError(f"{name}: its sources have no labelled line that can be used")
    if settings.mix is None:
        return some, None
    return some, plan_of(settings.mix, some.sources, settings.training.batch_lines, settings.training.steps)


def problems_of_trainings(recipe: Recipe, usable: Mapping[Learner, Lines]) -> list[str]:
    """Return what would keep a training from beginning for want of lines, in words; empty if nothing."""
    problems = []
    for network, part in recipe.networks.items():
        stages = () if isinstance(part, Teacher) and part.file else (*part.stages, None)
        for stage in stages:
            try:
                name = f"{network} {stage.name}" if stage else network
                lines_of_training(part, stage, usable[network], name, recipe.needs_labels(network))
            except DataError as error:  # noqa: PERF203 - every training is looked at
                problems.append(str(error))
    return problems
