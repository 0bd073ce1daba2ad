"""Times as people write them on a command line."""

from __future__ import annotations

import re

from students.errors import UserError

UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds_of(text: str, option: str) -> float:
    """Return the seconds that `90s`, `30m` or `1.5h` mean; raises `UserError`, naming the option, for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh])", text.strip())
    if not found or float(found[1]) == 0:
        raise UserError(f"{option} {text}: write a time such as 90s, 30m or 2h")
    return float(found[1]) * UNITS[found[2]]
