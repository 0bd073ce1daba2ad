"""Work for the workers of a cluster, which import this file."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from students.errors import DataError


@dataclass(frozen=True)
class Writing:
    """Shards that each write a file; `bad` ones fail, `deadly` ones kill the first `kills` workers."""

    folder: Path
    shards: tuple[int, ...]
    bad: tuple[int, ...] = ()
    deadly: tuple[int, ...] = ()
    kills: int = 1

    def name(self, shard: int) -> str:
        return str(self.folder / f"{shard}.txt")

    def is_finished(self, shard: int) -> bool:
        return Path(self.name(shard)).is_file()

    def maker(self) -> Callable[[int], int]:
        (self.folder / f"opened-by-{os.getpid()}").touch()

        def make(shard: int) -> int:
            if shard in self.bad:
                raise DataError(f"line {shard} is bad")
            with (self.folder / "tries").open("a") as tries:
                tries.write(f"{shard}\n")
            if shard in self.deadly and (self.folder / "tries").read_text().split().count(str(shard)) <= self.kills:
                os.kill(os.getpid(), signal.SIGKILL)
            Path(self.name(shard)).write_text(str(shard))
            return 10 + shard

        return make
