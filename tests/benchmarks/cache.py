"""An epoch with the cache against one that asks the teacher in every step: `python tests/benchmarks/cache.py`.

Lines of 32 x 320 px, a teacher of 8.4 M parameters, 97 classes. Not collected by pytest. Three epochs of one student in
one process, each warmed up: a plain loop in float32 with the teacher online, as one would write it; the student alone;
and the student with cached posteriors, both as this suite trains.
"""

from __future__ import annotations

import io
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from torch.nn import functional as F

from distill.data.augment import Augment
from distill.data.batch import targets_of
from distill.data.feed import FeedSettings, feed
from distill.data.lines import Lines
from distill.data.sampler import Order
from distill.recipe.file import load_recipe
from distill.recipe.objective import Objective, PosteriorCache
from distill.recipe.terms import BlankSplit, FrameKL
from distill.teaching.cache import TaughtLines, cache_posteriors
from distill.teaching.criterion import LineCriterion
from distill.teaching.teacher import CachedTeacher, FrozenTeacher, Member
from distill.training.optimisers import build_optimisers
from distill.training.step import StepSettings, take_step
from distill.training.trainee import Trainee
from students.charset import Charset
from students.config import STUDENTS
from students.image import Preparation
from students.parts import Recogniser, n_parameters
from teachers.crnn import TEACHERS

N_LINES, BATCH, WIDTH = 512, 32, 320
CHARSET = Charset(characters=string.printable[:94] + "éß")
PREPARATION = Preparation()
STILL = Augment.model_validate(
    dict.fromkeys(("probability", "contrast", "brightness", "blur_probability", "noise_probability"), 0)
    | {"jpeg_probability": 0}
)
CPU = torch.device("cpu")
OBJECTIVE = Objective(
    frame_kl=FrameKL(weight=0), blank_split=BlankSplit(weight=4, temperature=2), cache=PosteriorCache(views=1)
)


def lines() -> Lines:
    rng = np.random.default_rng(0)

    def image(_: int) -> bytes:
        pixels = rng.integers(0, 255, (4, WIDTH // 8)).astype(np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).resize((WIDTH, 32)).save(buffer, "PNG")
        return buffer.getvalue()

    images = [image(i) for i in range(N_LINES)]
    texts = tuple("".join(rng.choice(list(CHARSET.characters), 24)) for _ in images)
    keys = tuple(f"line/{i}" for i in range(N_LINES))
    return Lines(
        keys,
        keys,
        texts,
        ("made",) * N_LINES,
        np.full(N_LINES, WIDTH),
        keys,
        tuple((images.__getitem__, i) for i in range(N_LINES)),
    )


def student() -> Recogniser:
    torch.manual_seed(0)
    return STUDENTS.validate_python({"kind": "recurrent", "size": "small"}).build(CHARSET.n_classes, 1, 32)


def plain(made: Lines, teacher: Recogniser) -> None:
    """Decode, normalise, both networks in float32, torch's CTC and KL, AdamW."""
    model = student().train()
    optimiser = torch.optim.AdamW(model.parameters(), 1e-3)
    for start in range(0, N_LINES, BATCH):
        rows = range(start, start + BATCH)
        pixels = [np.asarray(Image.open(io.BytesIO(made[i].image)), np.float32) for i in rows]
        images_NCHW = (torch.from_numpy(np.stack(pixels))[:, None] - 127.5) / 127.5
        targets_NL, target_lengths_N = targets_of([made.texts[i] for i in rows], CHARSET)
        with torch.no_grad():
            p_NTC = teacher(images_NCHW).logits_NTC.log_softmax(-1)
        log_q_NTC = model(images_NCHW).logits_NTC.log_softmax(-1)
        lengths_N = torch.full((BATCH,), log_q_NTC.shape[1])
        loss = F.ctc_loss(log_q_NTC.transpose(0, 1), targets_NL, lengths_N, target_lengths_N)
        loss = loss + F.kl_div(log_q_NTC, p_NTC, reduction="batchmean", log_target=True) / log_q_NTC.shape[1]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def suite(made: Lines, teacher: CachedTeacher | None) -> None:
    training = load_recipe("quick", ["student.training.optimiser=adamw"]).student.training
    model = student().to(memory_format=torch.channels_last)
    trainee, accelerator = Trainee(model, build_optimisers(model, training)), Accelerator(cpu=True)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    objective = OBJECTIVE if teacher else OBJECTIVE.without_teacher
    criterion = LineCriterion(objective, teacher, training.precision)
    order = Order(made.padded_width_px, BATCH, 0)
    settings = FeedSettings(
        made,
        order,
        CHARSET,
        PREPARATION,
        STILL,
        cycle=objective.cache.views,
        cached=teacher.cached if teacher else None,
    )
    for data in feed(settings, range(N_LINES // BATCH)):
        take_step(trainee, criterion, data, accelerator, StepSettings(done=0.5))


def seconds(epoch: Callable[[], None]) -> float:
    """The better of two epochs."""
    found = []
    for _ in range(2):
        start = time.perf_counter()
        epoch()
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    made = lines()
    torch.manual_seed(1)
    network = (
        TEACHERS.validate_python({"kind": "resnet", "layers": 1, "channels": [64, 128, 256, 352]})
        .build(CHARSET.n_classes, 1, 32)
        .eval()
    )
    teacher = FrozenTeacher([Member(network)], CPU, "auto")
    with tempfile.TemporaryDirectory() as root:
        start = time.perf_counter()
        taught = TaughtLines(teacher, made, PREPARATION, STILL, 0)
        accelerator = Accelerator(cpu=True)
        cached = cache_posteriors(taught, OBJECTIVE, CHARSET.n_classes, Path(root), accelerator, lambda: None)
        filled = time.perf_counter() - start
        online = seconds(lambda: plain(made, network))
        alone = seconds(lambda: suite(made, None))
        taught_s = seconds(lambda: suite(made, CachedTeacher(teacher, cached)))
    print(
        f"teacher {n_parameters(network):,} parameters, student {n_parameters(student()):,}; {N_LINES} lines of "
        f"32 x {WIDTH} px, {CHARSET.n_classes} classes\n"
        f"plain float32 loop, teacher online: {online:.1f} s an epoch\n"
        f"cached: {taught_s:.1f} s, {online / taught_s:.1f} times as fast; filling the cache {filled:.1f} s, "
        f"{cached.n_bytes / N_LINES:.0f} bytes a line\n"
        f"student alone: {alone:.1f} s; a cached step takes {taught_s / alone:.2f} times as long"
    )


if __name__ == "__main__":
    main()
