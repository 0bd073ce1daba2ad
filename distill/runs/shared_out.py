"""What a run keeps in its cache, computed by many workers before it starts: rendered lines, a teacher's posteriors.

The files are those that the run would make itself, made by the same functions; the run takes them as its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from distill.cluster import Spread, lines_done
from distill.pools.lines import cache_of, problems_of_rendered, render_sources
from distill.recipe.sections import Recipe
from distill.runs.jobs import jobs_of
from distill.runs.opening import LineRun, make_writable
from distill.runs.teachers import cache_teacher, expect_cache, frozen_teacher, own_teacher_file
from distill.runtime import StopFlag, start
from distill.teaching.cache import CachePart, is_filled
from distill.track import progress
from distill.training.lines import LineTask
from students.errors import DataError

Views = tuple[CachePart, ...]  # the parts of one range of lines, view by view: a later one copies from the first


def render_shared(recipe: Recipe, folder: Path, stop: StopFlag, spread: Spread) -> list[Path]:
    """Render the lines of a recipe that are missing in the cache of its run, and return the folders that hold them.

    Raises one `DataError` for all sources that cannot be rendered, before the first is.
    """
    make_writable(folder)
    if problems := problems_of_rendered(recipe):
        raise DataError("\n".join(problems))
    return render_sources(recipe, cache_of(recipe, folder), stop.raise_if_set, spread)


@dataclass(frozen=True)
class CacheFilling:
    """Ranges of lines whose posteriors are missing, as work to share out.

    `task` is without its teacher, which every worker opens from the file `own`.
    """

    task: LineTask
    own: Path
    run: Path
    cache: Path
    shards: tuple[Views, ...]

    def name(self, shard: Views) -> str:
        """Return the first file of a range."""
        return str(shard[0].path)

    def is_finished(self, shard: Views) -> bool:
        """Return whether a range is filled in all views."""
        return all(map(is_filled, shard))

    def maker(self) -> Callable[[Views], int]:
        """Open the teacher, and return what fills a range; raises `DataError` where this machine lacks something."""
        task, device = self.task, start(self.task.recipe.runtime, self.run).device
        try:
            task.lines[0]
        except (OSError, DataError) as error:
            raise DataError(
                f"the lines cannot be read here: {error}; run folder, cache and data must lie where every machine sees "
                "them, and so must TMPDIR, where Parquet files of a folder are unpacked"
            ) from error
        filling = task.filling(frozen_teacher(task.recipe, self.own, task.charset, device), device)
        if filling.folder != self.cache:
            raise DataError(
                f"this machine would fill {filling.folder.name}, the job {self.cache.name}: they compute in another "
                "precision; set teacher.training.precision to fp32 or bf16"
            )

        def make(shard: Views) -> int:
            for part in shard:
                if not is_filled(part):
                    filling.fill(part)
            return sum(part.n_lines for part in shard)

        return make


def cache_shared(run: LineRun, spread: Spread) -> dict[str, Any]:
    """Fill the caches of a run's trainings as `fill_shared` does, and return what `cache_teacher` does of them."""
    fill_shared(run, spread)
    return cache_teacher(run)


def fill_shared(run: LineRun, spread: Spread) -> None:
    """Fill the caches of a run's trainings by many workers.

    Raises `RecipeError` for a recipe without a cache, and `UserError` that names the parts which failed.
    """
    expect_cache(run.recipe)
    own, device = own_teacher_file(run), run.accelerator.device
    teacher = frozen_teacher(run.recipe, own, run.pools.charset, device)
    for job in jobs_of(run, "student", teacher):
        filling = job.task.filling(teacher, device)
        filling.folder.mkdir(parents=True, exist_ok=True)
        shards = _missing(filling.parts)
        work = CacheFilling(replace(job.task, teacher=None), own, run.folder, filling.folder, shards)
        total = sum(part.n_lines for part in filling.parts)
        left = sum(part.n_lines for shard in shards for part in shard)
        with progress("caching posteriors", total, "line", total - left, shown=bool(shards)) as bar:
            for n_filled in lines_done(spread(work), len(shards)) if shards else ():
                bar.update(n_filled)
                run.stop.raise_if_set()


def _missing(parts: Sequence[CachePart]) -> tuple[Views, ...]:
    """The ranges of lines that lack a view, with all their views."""
    in_order = sorted(parts, key=lambda part: (part.start, part.view))
    ranges = (tuple(views) for _, views in groupby(in_order, key=lambda part: part.start))
    return tuple(views for views in ranges if not all(map(is_filled, views)))
