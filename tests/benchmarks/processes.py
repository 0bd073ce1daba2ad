"""What a step of two processes costs beside one process on half the lines: `python tests/benchmarks/processes.py`.

Two gloo processes of one thread each take steps of a network of 8 M parameters together, and in turn with them a third
process takes steps alone, on half the lines. Both sides are asked in pairs, so that what else the machine does strikes
both; on a busy machine only the processor time says something. `--record FILE.json` writes the figures down.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[2]))

from distill.records import Question, Record, check_target, measured_here, put_records

LINES, WIDTH_PX, CLASSES, LENGTH = 32, 256, 95, 12  # lines a step, over both processes
CHANNELS = (64, 128, 224, 288)  # 8 M parameters
MOST = 1.25
STEP = "a step of two processes, beside one on half the lines"


class Took(NamedTuple):
    """What one step took: seconds of the clock, and seconds of the processor of the process that took most."""

    clock: float
    processor: float


class Worker:
    """A process that waits for a number of steps to take, and says what they took."""

    def __init__(self, environment: dict[str, str], lines: int) -> None:
        command = [sys.executable, __file__, "--lines", str(lines), "--works"]
        self.process = subprocess.Popen(
            command, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, steps: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{steps}\n")
        self.process.stdin.flush()

    def answer(self) -> Took:
        assert self.process.stdout is not None
        return Took(*json.loads(self.process.stdout.readline()))


@contextmanager
def started(lines: int) -> Iterator[tuple[list[Worker], list[Worker]]]:
    """The two sides: a process that is alone, and two together, each with half of the lines."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    one_thread = {"OMP_NUM_THREADS": "1", "DISTILL_WAITING": "spin"}
    meet = one_thread | {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}
    ranks = [meet | {"MASTER_PORT": str(port), "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(2)]
    with ExitStack() as stack:
        alone, *two = [Worker(environment, lines // 2) for environment in (one_thread, *ranks)]
        for worker in (alone, *two):
            stack.callback(worker.process.wait)
            stack.callback(worker.process.stdin.close)  # type: ignore[union-attr]
        yield [alone], two


def took(side: Sequence[Worker], steps: int) -> Took:
    """A step of one side: the slowest process counts."""
    for worker in side:
        worker.ask(steps)
    found = [worker.answer() for worker in side]
    return Took(max(each.clock for each in found) / steps, max(each.processor for each in found) / steps)


def work(lines: int) -> None:
    """Be a worker: read numbers of steps, take them, and write down what they took."""
    import torch
    from accelerate import Accelerator

    from distill.data.batch import Batch, StepData
    from distill.recipe.file import load_recipe
    from distill.recipe.objective import Objective
    from distill.teaching.criterion import LineCriterion
    from distill.training.optimisers import build_optimisers
    from distill.training.step import StepSettings, take_step
    from distill.training.trainee import Trainee
    from teachers.crnn import TEACHERS

    torch.set_num_threads(1)
    accelerator = Accelerator(cpu=True)
    torch.manual_seed(0)
    model = TEACHERS.validate_python({"kind": "resnet", "norm": "group", "channels": CHANNELS}).build(CLASSES, 1, 32)
    model = model.to(memory_format=torch.channels_last)
    training = load_recipe("smoke", ["teacher.training.optimiser=adamw"]).teacher.training  # type: ignore[union-attr]
    trainee = Trainee(model, build_optimisers(model, training))
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    batch = Batch(
        torch.rand(lines, 1, 32, WIDTH_PX).contiguous(memory_format=torch.channels_last),
        torch.randint(1, CLASSES, (lines, LENGTH)),
        torch.full((lines,), LENGTH),
        torch.ones(lines, dtype=torch.bool),
        tuple(f"line/{i}" for i in range(lines)),
        (None,) * lines,
    )
    n = lines * accelerator.num_processes
    step = StepData(0, 0, (batch,), n, n)
    criterion = LineCriterion(Objective().without_teacher)
    for asked in sys.stdin:
        clock, processor = time.perf_counter(), time.process_time()
        for _ in range(int(asked)):
            take_step(trainee, criterion, step, accelerator, StepSettings(done=0.5))
        print(json.dumps([time.perf_counter() - clock, time.process_time() - processor]), flush=True)


def question(ratios: Sequence[Took], words: Sequence[str], seconds: float, busy: bool) -> Question:
    """The records of the ratios: their median, and the smallest and largest of the pairs as its range."""
    origin = measured_here(words).model_copy(
        update={"command": " ".join(["python", "tests/benchmarks/processes.py", *words]).strip()}
    )
    records = []
    for name, column in (("clock", "of the clock"), ("processor", "of the processor, each process")):
        found = sorted(getattr(each, name) for each in ratios)
        value: float | str = round(statistics.median(found), 2)
        if busy and name == "clock":
            value, found = "not measured: the machine was busy", []
        interval = (round(found[0], 2), round(found[-1], 2)) if found else None
        records.append(
            Record(
                **origin.model_dump(),
                what=STEP,
                value=value,
                interval=interval,
                unit="times" if found else "",
                seconds=round(seconds),
                columns={"time": column},
            )
        )
    return Question(
        section="Equal runs",
        title="What does a step of two processes cost?",
        finding="",
        rows=("time",),
        notes=("The interval is the range of the pairs.",),
        records=tuple(records),
    )


def main(words: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=LINES, help="a step, over both processes")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=3, help="of each side in a pair")
    parser.add_argument("--busy", action="store_true", help="others take the cores: seconds of the clock say nothing")
    parser.add_argument("--record", type=Path, metavar="FILE.json")
    parser.add_argument("--works", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(words)
    if options.works:
        work(options.lines)
        return
    if options.record:
        check_target(options.record)
    begun, ratios = time.perf_counter(), []
    with started(options.lines) as sides:
        for side in sides:
            took(side, 2)  # the first steps lay out buffers
        for number in range(options.pairs):
            first = number % 2
            pair = {place: took(sides[place], options.steps) for place in (first, 1 - first)}
            ratios.append(Took(*(two / one for one, two in zip(pair[0], pair[1], strict=True))))
            print(f"pair {number + 1}: clock {ratios[-1].clock:.2f}, processor {ratios[-1].processor:.2f}", flush=True)
    typed = [word for word in words if word != "--record" and word != str(options.record)]
    made = question(ratios, typed, time.perf_counter() - begun, options.busy)
    for record in made.records:
        print(f"{record.what}, time {record.columns['time']}: {record.value} {record.interval or ''} (at most {MOST})")
    if options.record:
        put_records(options.record, made)


if __name__ == "__main__":
    main(sys.argv[1:])
