"""Device, precision and processes through Accelerate; threads, determinism and the polite stop."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import torch
from accelerate import Accelerator
from accelerate.utils import InitProcessGroupKwargs
from pydantic import Field
from typing_extensions import assert_never

import students
from distill.launch import launched
from distill.rendezvous import fresh_rendezvous
from distill.schema import Precision, Section
from distill.waiting import watch
from students.errors import UserError

PACKAGES = ("torch", "timm", "accelerate", "datasets", "safetensors", "numpy", "pillow", "pydantic")
ENVIRONMENT_NAME = "environment.json"  # of a run folder
log = logging.getLogger(__name__)


class Runtime(Section):
    """How it runs, not what it computes."""

    threads: int | None = Field(None, ge=1, description="threads of torch; null: its own choice")
    workers: int = Field(1, ge=0, description="processes that prepare steps ahead; 0: the trainer does, and waits")
    augment_on: Literal["auto", "processor", "device"] = Field(
        "auto",
        description="what augments lines; auto: an accelerator where there is one, but not with JPEG of colour",
    )
    deterministic: bool = Field(False, description="deterministic algorithms on an accelerator too")
    tracker: Literal["none", "tensorboard", "wandb", "mlflow"] = Field(
        "none", description="an Accelerate tracker that gets the metrics of metrics.jsonl too"
    )
    cache_root: str | None = Field(None, description="cache shared between runs; null: inside the run")


class Stopped(Exception):
    """The run was asked to stop and has saved what it needs to go on."""


class StopFlag:
    """Set by SIGTERM or SIGINT, polled between steps and batches; a second signal ends the process at once.

    A launcher passes on a signal that the terminal has sent to everybody already: one that follows within
    two seconds is the same. `ends_at_s`, on the monotonic clock, is when trainings are to end with what they have.
    """

    ends_at_s = math.inf

    def __init__(self, seconds: float | None = None) -> None:
        """Trainings end with what they have after so many `seconds`; None: with their last steps."""
        self.is_set = False
        self.since_s = 0.0
        if seconds is not None:
            self.ends_at_s = time.monotonic() + seconds

    def __call__(self, number: int, _: FrameType | None) -> None:
        if not self.is_set:
            self.is_set, self.since_s = True, time.monotonic()
            os.write(2, b"\nstopping at the next step; once more to stop at once\n")
        elif time.monotonic() - self.since_s > 2:
            os._exit(128 + number)

    @property
    def left_s(self) -> float:
        """Return the seconds until trainings are to end; infinite where they have no end but their steps."""
        return self.ends_at_s - time.monotonic()

    def raise_if_set(self) -> None:
        """Raise `Stopped` once a signal has come."""
        if self.is_set:
            raise Stopped


@contextmanager
def stoppable(seconds: float | None = None) -> Iterator[StopFlag]:
    """Turn the first SIGTERM or SIGINT into a flag for as long as the context lasts.

    Trainings end with what they have after so many `seconds`; None: with their last steps.
    """
    flag = StopFlag(seconds)
    before = {number: signal.signal(number, flag) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield flag
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def start(runtime: Runtime, run: Path) -> Accelerator:
    """Return the accelerator of this process, with threads and determinism as the recipe sets them.

    Raises `UserError` for a tracker that is not installed, for a wrong launch, and where fewer processes came up than
    were wanted.
    """
    watch()
    if not torch.cuda.is_available():
        os.environ.setdefault("ACCELERATE_USE_CPU", "true")
    if runtime.threads is not None:
        torch.set_num_threads(runtime.threads)
    if runtime.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    devices = torch.cuda.device_count() if torch.cuda.is_available() else 0
    launch = launched(os.environ, devices)
    crowded = 0 < devices < launch.local_world
    if crowded and launch.local_rank == 0:
        log.warning("%s processes share %s accelerators, through gloo and not NCCL", launch.local_world, devices)
    backend = {"backend": "gloo"} if crowded else {}  # NCCL wants a device each
    meeting = [InitProcessGroupKwargs(init_method=fresh_rendezvous(), **backend)] if launch.world > 1 else []
    accelerator = Accelerator(
        kwargs_handlers=meeting,
        log_with=None if runtime.tracker == "none" else runtime.tracker,
        project_dir=str(run / "tracker"),
    )
    if runtime.tracker != "none" and not accelerator.log_with:
        raise UserError(f"runtime.tracker: {runtime.tracker} is not installed; pip install {runtime.tracker}")
    if accelerator.num_processes != launch.world:
        raise UserError(f"{launch.world} processes were asked for, but {accelerator.num_processes} came up")
    return accelerator


def in_bf16(precision: Precision, device: torch.device) -> bool:
    """Return whether a precision is bf16 on this device; `auto` is where the hardware computes in it."""
    match precision:
        case "fp32":
            return False
        case "bf16":
            return True
        case "auto" if device.type == "cuda":
            return torch.cuda.is_bf16_supported(including_emulation=False)
        case "auto":
            return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
        case _:
            assert_never(precision)


def autocast(precision: Precision, device: torch.device) -> torch.autocast:
    """Return a context in which a network computes in its precision."""
    return torch.autocast(device.type, torch.bfloat16, enabled=in_bf16(precision, device))


@cache
def commit() -> str:
    """Return the commit of the suite's own checkout, "-dirty" behind it where files differ; empty when installed."""
    here = Path(__file__).parent
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return described.stdout.strip()


def of_another_suite(folder: Path) -> str:
    """Return, in words, that another commit or version of the suite worked last in a run folder; empty if none did."""
    try:
        known = json.loads((folder / ENVIRONMENT_NAME).read_text("utf-8"))
        before, now = (_suite(known.get("commit"), known.get("version")), _suite(commit(), students.__version__))
    except (OSError, ValueError, AttributeError):
        return ""
    if before in ("", now):
        return ""
    return (
        f"{folder}: {before} of the suite worked there last, and this is {now}. With {before} the same command may "
        "go on; model files of the folder open here; another --run trains anew"
    )


def _suite(commit_then: str | None, version: str | None) -> str:
    return f"commit {commit_then}" if commit_then else f"version {version}" if version else ""


def environment(accelerator: Accelerator) -> dict[str, Any]:
    """Return what a figure depends on besides recipe and data, for `environment.json`."""
    return {
        "commit": commit(),
        "version": students.__version__,
        "python": sys.version.split()[0],
        "platform": sys.platform,
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "device": str(accelerator.device),
        "processes": accelerator.num_processes,
        "threads": torch.get_num_threads(),
    }
