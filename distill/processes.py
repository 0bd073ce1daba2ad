"""What worker processes have in common: whose signals are whose, and an end with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType

import cv2

Poll = Callable[[], None]


def never_stop() -> None:
    """Do nothing: the poll of work that nobody asks to stop."""


def begin_worker() -> None:
    """Leave signals to the parent, which knows how to stop in good order, and end when it ends."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sys.excepthook = _told_while_somebody_listens
    one_thread()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A parent that is killed gives no notice: its worker, and the server that forked it, would wait for ever."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join()
        os._exit(1)


def _told_while_somebody_listens(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A parent that is killed leaves its worker in the middle of sending: that failure is no news to anybody."""
    if (parent := multiprocessing.parent_process()) is not None:
        parent.join(timeout=0.5)  # its connections may close before it has ended
        if not parent.is_alive():
            return
    sys.__excepthook__(kind, error, trace)


def one_thread() -> None:
    """Switch off OpenCV's own threads, which cost more than they bring on pictures of this size."""
    cv2.setNumThreads(0)
