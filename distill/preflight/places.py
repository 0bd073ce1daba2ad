"""Where the check of a place of lines or pages is written, which has no run folder of its own."""

from __future__ import annotations

import json
import os
from pathlib import Path

RUNS = Path("runs")
WRITTEN, OF = "check.json", "place"  # the file of a check, and the key in it of the place that it is of


def check_folder(place: Path) -> Path:
    """Return `runs/check-NAME`, and the names of folders above in it as far as another place has its check there."""
    whole = Path(os.path.abspath(place))
    names = whole.parts[1:] or ("root",)
    folders = [RUNS / f"check-{'-'.join(names[-n:])}" for n in range(1, len(names) + 1)]
    return next((folder for folder in folders if _checked_in(folder) in (None, str(whole))), folders[-1])


def _checked_in(folder: Path) -> str | None:
    """The place that a folder has the check of; None where it has none, or one of an earlier version."""
    try:
        found = json.loads((folder / WRITTEN).read_bytes()).get(OF)
    except (OSError, ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
