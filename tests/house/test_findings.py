"""The scripts of findings/ can be run as they lie."""

from __future__ import annotations

import os
from pathlib import Path

FINDINGS = Path(__file__).parents[2] / "findings"


def test_every_finding_has_its_run_bit_and_stops_at_the_first_error() -> None:
    scripts = sorted(FINDINGS.glob("*.sh"))
    assert scripts
    assert [script.name for script in scripts if not os.access(script, os.X_OK)] == []
    assert [script.name for script in scripts if "\nset -e" not in script.read_text("utf-8")] == []
