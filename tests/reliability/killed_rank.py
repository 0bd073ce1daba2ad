"""A command of the suite as one process of a launch that is killed: `python -m tests.reliability.killed_rank WORDS`.

KILLED_AT=R:N kills the process of rank R within its N-th step of an optimiser, unless the launcher has started it anew;
the last it says is when.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time

from torch.optim.optimizer import register_optimizer_step_pre_hook

from distill.cli import main

KILLED_AT = "KILLED_AT"


def kill_within(step: int) -> None:
    """Kill this process in so many steps from here on."""
    taken = itertools.count(1)

    def strike(*_: object) -> None:
        if next(taken) == step:
            os.write(2, f"\nkilled at {time.time()}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    register_optimizer_step_pre_hook(strike)


if __name__ == "__main__":
    rank, at = map(int, os.environ.get(KILLED_AT, "-1:0").split(":"))
    if rank == int(os.environ["RANK"]) and os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        kill_within(at)
    sys.exit(main(sys.argv[1:]))
