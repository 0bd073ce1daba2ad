"""Asked to stop, the measurement asks pytest, which counts what it has."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.reliability.measure import run

TELLS = """
import pathlib, sys, time
try:
    pathlib.Path(sys.argv[1]).touch()
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(2)
"""


@pytest.mark.parametrize("asks", [signal.SIGINT, signal.SIGTERM])
def test_whoever_asks_to_stop_is_passed_on(tmp_path: Path, asks: signal.Signals) -> None:
    begun = tmp_path / "begun"

    def ask() -> None:
        while not begun.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), asks)

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in what a shell runs in the background
    try:
        threading.Thread(target=ask, daemon=True).start()
        assert run([sys.executable, "-S", "-c", TELLS, str(begun)], os.environ) == 2
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
