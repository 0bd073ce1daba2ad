"""Settings of the smoke recipe for a run of seconds: few lines (`FEW`), few steps on them (`TINY`)."""

from __future__ import annotations

FEW = ("data.train.0.lines=96", "data.train.1.lines=48", "data.validation.0.lines=24", "data.test.0.lines=24")
TINY = [
    *(
        f"{network}.training.{key}={value}"
        for network in ("teacher", "student")
        for key, value in (
            *(("steps", 16), ("batch_lines", 8), ("validate_every", 8), ("checkpoint_every", 4), ("log_every", 4)),
        )
    ),
]
