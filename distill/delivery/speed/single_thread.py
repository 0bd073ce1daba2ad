"""One thread for torch and OpenCV, as long as something is timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import cv2
import torch


@contextmanager
def single_thread() -> Iterator[None]:
    """Let torch and OpenCV compute with one thread, and with as many as before afterwards."""
    before = torch.get_num_threads(), cv2.getNumThreads()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        cv2.setNumThreads(before[1])
