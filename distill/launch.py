"""How this process was launched, among how many others, and what they must have in common before any of them works.

A wrong launch is refused at once and in words: processes that differ in recipe, data or files would train on nonsense,
or wait for each other for ever.
"""

from __future__ import annotations

import atexit
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list, gather_object

from students.errors import UserError

NEEDED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
REMEDY = "start all processes with torchrun, which sets it (docs/scaling.md)"
APPEARS_WITHIN_S = 10.0  # a file that another machine has written, on a file system of the network
GONE = re.compile(
    r"closed by peer|reset by peer|broken pipe|gloo.*timed out|NCCL.*(remote|abort|timed? ?out)", re.I | re.S
)


class Launch(NamedTuple):
    """The place of this process among all, and among those of its machine."""

    rank: int = 0
    world: int = 1
    local_rank: int = 0
    local_world: int = 1


def launched(environment: Mapping[str, str], devices: int) -> Launch:
    """Return how this process was launched, by the variables that torchrun sets; its machine has so many `devices`.

    Raises `UserError` where they are incomplete or contradict each other, and where processes of several machines would
    share an accelerator.
    """
    world = _number(environment, "WORLD_SIZE", 1)
    if world == 1:
        return Launch()
    if missing := [name for name in NEEDED if not environment.get(name)]:
        raise UserError(f"WORLD_SIZE is {world}, but {missing[0]} is not set: {REMEDY}")
    rank, local_rank = _number(environment, "RANK", 0), _number(environment, "LOCAL_RANK", 0)
    local_world = _number(environment, "LOCAL_WORLD_SIZE", local_rank + 1)
    for name, number, limit_name, limit in (
        ("RANK", rank, "WORLD_SIZE", world),
        ("LOCAL_RANK", local_rank, "LOCAL_WORLD_SIZE", local_world),
        ("LOCAL_WORLD_SIZE", local_world - 1, "WORLD_SIZE", world),
    ):
        if not 0 <= number < limit:
            raise UserError(f"{name} is {environment[name]}, but {limit_name} is {limit}: {REMEDY}")
    if 0 < devices < local_world < world:
        raise UserError(
            f"{local_world} processes on this machine have {devices} accelerators, and on several machines each needs "
            f"its own: torchrun --nproc_per_node {devices}"
        )
    return Launch(rank, world, local_rank, local_world)


def _number(environment: Mapping[str, str], name: str, otherwise: int) -> int:
    text = environment.get(name, str(otherwise))
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{name} is {text!r}, which is no number: {REMEDY}") from None


def expect_alike(what: Mapping[str, object], accelerator: Accelerator) -> None:
    """Raise `UserError` on every process where one has something else than the first; all call it at the same time.

    What differs is named, in nested mappings by all its keys.
    """
    if accelerator.num_processes == 1:
        return
    first, *others = gather_object([dict(_flat(what))])
    for rank, other in enumerate(others, 1):
        for name in sorted({*first, *other}):
            if (here := first.get(name)) != (there := other.get(name)):
                raise UserError(
                    f"process {rank} has another {name} than process 0: {_short(there)}, not {_short(here)}; start the "
                    "same command everywhere, with the same files and versions"
                )


def _flat(what: Mapping[str, object], key: str = "") -> Iterator[tuple[str, object]]:
    """The values of nested mappings by their keys, joined by points."""
    for name, value in what.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}{name}.")
        else:
            yield key + name, value


def expect_shared(folders: Sequence[Path], accelerator: Accelerator) -> None:
    """Raise `UserError` on every process where one does not see what the first writes into a folder."""
    if accelerator.num_processes == 1:
        return
    for folder in folders:
        name = [f".seen-{uuid4().hex}.{os.getpid()}.tmp"]
        broadcast_object_list(name)
        sign = folder / name[0]
        if accelerator.is_main_process:
            folder.mkdir(parents=True, exist_ok=True)
            sign.touch()
        accelerator.wait_for_everyone()
        blind = [rank for rank, seen in enumerate(gather_object([_appears(sign)])) if not seen]
        if accelerator.is_main_process:
            sign.unlink()
        if blind:
            raise UserError(
                f"{folder}: process {blind[0]} does not see what process 0 writes there: it must lie where all "
                "machines see it under the same path (docs/scaling.md)"
            )


def _appears(path: Path) -> bool:
    end = time.monotonic() + APPEARS_WITHIN_S
    while not path.exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def is_partner_gone(error: BaseException) -> bool:
    """Return whether an error says that another process of this launch has ended, or its machine cannot be reached."""
    return isinstance(error, RuntimeError) and GONE.search(str(error)) is not None


def end_without_partner(code: int) -> None:
    """Let the end of this process be one at once, with an exit code.

    torch would wait for the answers of a partner that is gone, until the launcher loses patience.
    """

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    atexit.register(end)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
