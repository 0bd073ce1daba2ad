"""Work for processes that a test starts: they import this file, so it imports nothing that takes long."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Killed:
    """Ends the process that calls it, as the system does where memory is short."""

    def __call__(self, _: object) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)


def spans(folder: Path) -> tuple[float, float]:
    """Of the first process to ask, seconds 10 to 12; of the next, 11 to 14."""
    try:
        (folder / "first").touch(exist_ok=False)
    except FileExistsError:
        return 11.0, 14.0
    return 10.0, 12.0


def signalling(number: int, role: str, at: int) -> Callable[..., None]:
    """A `checkpoint.save` behind which its process gets a signal, at this step of a network."""
    from distill import checkpoint

    save = checkpoint.save

    def signals_itself(root: Path, step: int, *rest: Any) -> None:
        save(root, step, *rest)
        if (root.parent.name, step) == (role, at):
            os.kill(os.getpid(), number)

    return signals_itself
