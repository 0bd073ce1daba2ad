"""Sources on whose lines a teacher has no say: with a cache it does not read them."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from distill.data.posteriors import Cached, unpack
from distill.recipe.file import load_line_recipe
from distill.runs.jobs import jobs_of
from distill.runs.opening import open_run
from distill.runs.teachers import fill_caches, finished_teacher
from distill.runtime import StopFlag
from distill.training.lines import LineTask
from tests.trained import trained

FEW_STEPS = ["student.training.steps=4", "student.control=false", "objective.cache.views=2"]


def cached_lines(words: list[str], run_folder: Path) -> tuple[LineTask, Cached]:
    """What a student would be trained on, and the cache of the teacher's posteriors on it."""
    run = open_run(load_line_recipe("smoke", words), run_folder, StopFlag())
    (task,) = (job.task for job in jobs_of(run, "student", finished_teacher(run)))
    (cached,) = fill_caches(run, [task])
    return task, cached


def test_lines_of_a_source_without_trust_are_not_read(tiny_run: Path, tiny: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(tiny_run / "teacher", run / "teacher")
    words = [*tiny, *FEW_STEPS, f"runtime.cache_root={tmp_path / 'cache'}"]
    unheard = [*words, "objective.trust.sources={unlabelled: 0}"]
    (task, whole), (_, part) = (cached_lines(each, run) for each in (words, unheard))
    trained(unheard, run)
    top_k, n_temperatures = whole.top_k, len(whole.temperatures)
    assert set(task.lines.sources) > {"unlabelled"}
    for of_all, of_some in zip(whole.tables, part.tables, strict=True):
        for i, source in enumerate(task.lines.sources):
            if source != "unlabelled":
                assert of_some[i] == of_all[i]
                continue
            classes_TK, log_p_TK, _ = unpack(of_some[i], top_k, n_temperatures)
            assert len(classes_TK) == len(unpack(of_all[i], top_k, n_temperatures)[0])
            assert (log_p_TK.max(1) == 0).all()
            assert (classes_TK[np.arange(len(log_p_TK)), log_p_TK.argmax(1)] == 0).all()
