"""What worker processes have in common: whose signals are whose, and an end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable

import cv2

Poll = Callable[[], None]


def never_stop() -> None:
    """For those whom nobody asks to stop."""


def begin_worker() -> None:
    """A signal may reach every process of a group; only the parent knows how to stop in good order."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed tells nobody: its worker, and the server that forked it, would wait for ever."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def one_thread() -> None:
    """OpenCV's own threads cost more than they bring on pictures of this size."""
    cv2.setNumThreads(0)
