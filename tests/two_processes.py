"""Work that two processes of one machine do together, forked from this one, so that neither waits for imports."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import torch

WITHIN_S = 400


def in_two_processes(work: Callable[[int, Path], None], folder: Path, codes: tuple[int, int] = (0, 0)) -> None:
    """Run `work` with the rank and a folder in both; `AssertionError` where they end otherwise than with `codes`."""
    folder.mkdir(exist_ok=True)
    context = multiprocessing.get_context("spawn" if torch.cuda.is_available() else "fork")
    both = [context.Process(target=_begun, args=(work, rank, folder, not any(codes))) for rank in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(WITHIN_S)
    found = tuple(process.exitcode for process in both)
    for process in both:
        process.kill()
    assert found == codes, f"the processes ended with {found}"


def _begun(work: Callable[[int, Path], None], rank: int, folder: Path, in_order: bool) -> None:
    from accelerate.state import AcceleratorState, PartialState
    from torch import distributed

    names = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2, "MASTER_PORT": 0}
    os.environ |= {name: str(value) for name, value in names.items()} | {"MASTER_ADDR": "127.0.0.1"}
    os.environ["ACCELERATE_USE_CPU"] = "true"
    torch.set_num_threads(1)
    AcceleratorState._reset_state()  # of the process that this one was forked from
    PartialState._reset_state()
    distributed.init_process_group("gloo", init_method=f"file://{folder}/met", rank=rank, world_size=2)
    work(rank, folder)
    if in_order and distributed.is_initialized():  # a command of the suite ends its group itself
        distributed.barrier()
        distributed.destroy_process_group()
