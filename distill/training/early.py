"""A training that ends before its last step, since its time is over or its partner ended there.

It ends as a whole training does: with a rate that has fallen. For the last fifth of its time the learning rate falls to
0 in a straight line (a cool-down, as in Hägele et al. 2024, arXiv 2405.18392). The checkpoint from before that fall
stays, and a training that goes on begins there, so that nothing of the fall is left in its weights.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

from accelerate import Accelerator
from accelerate.utils import broadcast_object_list

COOLED = 0.2  # of the time: the learning rate falls


class Ending(NamedTuple):
    """The last steps of a training that ends early: the rate falls from step `begin` on, and step `end` is the last."""

    begin: int
    end: int

    def factor(self, step: int) -> float:
        """Return what the learning rate of a step, counted from 0, is multiplied by."""
        return 1.0 if step < self.begin else (self.end - step) / (self.end - self.begin)


class Early:
    """Decides when one training ends: after so many seconds, or where `ending` says; never before step `floor`.

    Its `ending` is None as long as the training may come to its last step.
    """

    def __init__(self, seconds: float = math.inf, floor: int = 0, ending: Ending | None = None) -> None:
        self.seconds, self.floor, self.ending = seconds, floor, ending
        self._first, self._since_s = 0, time.monotonic()

    def begin(self, step: int) -> None:
        """Start the clock of a training that stands at a step."""
        self._first, self._since_s = step, time.monotonic()

    def after(self, step: int, steps: int, accelerator: Accelerator) -> Ending | None:
        """Return the ending, once there is one, of a training of `steps` that has taken a step and stands at `step`.

        The clock of the first process decides for all. What would end at the last step anyway has no ending.
        """
        if self.ending is None and step >= max(self.floor, self._first + 1) and self._is_time(accelerator):
            more = max(1, round((step - self._first) * COOLED / (1 - COOLED)))
            if step + more < steps:
                self.ending = Ending(step, step + more)
            else:
                self.seconds = math.inf
        return self.ending

    def _is_time(self, accelerator: Accelerator) -> bool:
        if self.seconds == math.inf:
            return False
        answer = [time.monotonic() - self._since_s >= (1 - COOLED) * self.seconds]
        if accelerator.num_processes > 1:
            broadcast_object_list(answer)
        return answer[0]
