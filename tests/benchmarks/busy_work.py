"""One process that `busy.py` measures: it does what a line on its input names, and answers with the speed.

A request is the name of a work, the seconds in which the load is noticed, and the seconds that are measured.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator

from distill.data.feed import FeedSettings, feed
from distill.data.sampler import Order
from distill.delivery.export.graph import graph_of
from distill.delivery.export.recogniser import as_it_is, signed
from distill.evaluation.evaluate import read_lines
from distill.pools.lines import Pools, open_pools
from distill.recipe.file import load_recipe
from distill.recipe.objective import Objective, PosteriorCache
from distill.recipe.sections import Recipe
from distill.runtime import Runtime, start
from distill.teaching.cache import TaughtLines, cache_posteriors
from distill.teaching.criterion import LineCriterion
from distill.teaching.teacher import FrozenTeacher, Member
from distill.training.optimisers import build_optimisers
from distill.training.step import StepSettings, take_step
from distill.training.trainee import Trainee
from students.config import StudentConfig
from students.greedy import best_path_text
from students.model_file import Description
from students.parts import Recogniser
from students.reader import Reader
from students.torch_reader import reader_of
from teachers.crnn import TeacherConfig

SOME_LINES = 64  # of a cache, an evaluation or a reading
ENDLESS = 1_000_000


@dataclass(frozen=True)
class Bench:
    """The recipe `smoke`, its lines, and a folder to write in."""

    recipe: Recipe
    pools: Pools
    accelerator: Accelerator
    folder: Path
    workers: int = 1

    def network(self, config: TeacherConfig | StudentConfig) -> Recogniser:
        torch.manual_seed(0)
        return config.build(self.pools.charset.n_classes, self.recipe.image.channels, self.recipe.image.height_px)

    def training(self, config: TeacherConfig | StudentConfig) -> Iterator[int]:
        """Steps of a network alone, fed as the recipe says, by `workers` processes."""
        training, lines = self.recipe.teacher.training, self.pools.train.where(lambda text: text is not None)
        model = self.network(config).to(memory_format=torch.channels_last)
        trainee = Trainee(model, build_optimisers(model, training))
        for parameter in model.parameters():
            parameter.grad = torch.zeros_like(parameter)
        criterion = LineCriterion(Objective().without_teacher, None, training.precision)
        order = Order(lines.padded_width_px, training.batch_lines, 0)
        settings = FeedSettings(
            lines, order, self.pools.charset, self.recipe.image, training.augment, workers=self.workers
        )
        for data in feed(settings, range(ENDLESS)):
            take_step(trainee, criterion, data, self.accelerator, StepSettings(done=0.5))
            yield data.n_items

    def caching(self) -> Iterator[int]:
        network = self.network(self.recipe.teacher.model).eval()
        teacher = FrozenTeacher([Member(network)], self.accelerator.device, "auto")
        lines = self.pools.train.take(np.arange(SOME_LINES))
        taught = TaughtLines(teacher, lines, self.recipe.image, self.recipe.teacher.training.augment, 0)
        objective = Objective(cache=PosteriorCache(views=1))
        while True:
            folder = self.folder / "posteriors"
            cache_posteriors(taught, objective, self.pools.charset.n_classes, folder, self.accelerator, lambda: None)
            shutil.rmtree(folder)
            yield SOME_LINES

    def evaluation(self) -> Iterator[int]:
        network = self.network(self.recipe.teacher.model)
        lines = self.pools.test.take(np.arange(SOME_LINES))
        decode = partial(best_path_text, charset=self.pools.charset)
        while True:
            read_lines(network, lines, decode, self.recipe.image, self.accelerator)
            yield SOME_LINES

    def reader(self) -> Reader:
        config = self.recipe.student.model
        description = Description(
            kind="student",
            architecture=config.model_dump(mode="json"),
            charset=self.pools.charset,
            preparation=self.recipe.image,
        )
        return reader_of(self.network(config), description, self.folder / "model.safetensors")

    def export(self) -> Iterator[int]:
        """The graph of the student, held against it on lines, without the file."""
        reader, lines = self.reader(), self.pools.test.take(np.arange(SOME_LINES // 4))
        while True:
            built = as_it_is(reader, graph_of(reader), lines)
            signed(built.graph, built.description, reader.path)
            yield 1

    def reading(self) -> Iterator[int]:
        reader, images = self.reader(), [self.pools.test[i].image for i in range(SOME_LINES)]
        while True:
            reader.read(list(images))
            yield SOME_LINES


def serve(folder: Path) -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # nothing else may stand among the answers
    recipe = load_recipe("smoke")
    accelerator = start(Runtime(), folder)
    with tempfile.TemporaryDirectory() as own:
        bench = Bench(recipe, open_pools(recipe, folder), accelerator, Path(own))
        works = {
            "teacher": bench.training(recipe.teacher.model),
            "student": bench.training(recipe.student.model),
            "cache": bench.caching(),
            "evaluation": bench.evaluation(),
            "export": bench.export(),
            "reading": bench.reading(),
        }
        print(json.dumps(sorted(works)), file=answers, flush=True)
        for request in sys.stdin:
            name, settle_s, measured_s = request.split()
            _speed(works[name], float(settle_s))
            print(json.dumps(_speed(works[name], float(measured_s))), file=answers, flush=True)


def _speed(work: Iterator[int], at_least_s: float) -> float:
    """Units a second over at least one unit of the work and that many seconds."""
    done, begun = 0, time.perf_counter()
    while True:
        done += next(work)
        if (elapsed := time.perf_counter() - begun) >= at_least_s:
            return done / elapsed


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
