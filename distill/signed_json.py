"""JSON files of a run, written whole; those that the suite reads again hold the SHA-256 of their contents."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distill.durable import write_text
from students.errors import CheckpointError

DIGEST = "sha256"  # key of the digest in a file that is read again
REPORT = "report"  # key, in what a report is on, of its own digest
HEXADECIMAL = ("of", "job")  # keys of such a file that hold other digests
log = logging.getLogger(__name__)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs: indented, keys sorted."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def write_signed_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file that the suite reads again: as `write_json`, with the SHA-256 of its contents inside."""
    write_json(path, {**value, DIGEST: _digest(value)})


def read_signed_json(path: Path) -> dict[str, Any]:
    """Return the contents of a file of `write_signed_json`, verified; one of an earlier version has no digest.

    Raises `CheckpointError` where it is damaged.
    """
    value = read_json(path)
    recorded = value.pop(DIGEST, None)
    unknown = any(isinstance(each, str) and len(each) == 64 for name, each in value.items() if name not in HEXADECIMAL)
    if (recorded is None and unknown) or (recorded is not None and recorded != _digest(value)):
        raise CheckpointError(f"{path}: was altered or damaged")
    return value


def write_report(path: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    """Write the report of a run and return it as written: its `judged` holds the digest of all of it."""
    judged = {**report["judged"], REPORT: _digest(report)}
    signed = {**report, "judged": judged}
    write_json(path, signed)
    return signed


def report_in(path: Path) -> dict[str, Any] | None:
    """Return the report in a file; None where there is none, and, with a warning, where it is damaged."""
    if not path.is_file():
        return None
    try:
        found = read_json(path)
        judged = found["judged"]
        recorded = judged.get(REPORT)  # earlier versions wrote none
        unsigned = {name: value for name, value in judged.items() if name != REPORT}
    except (CheckpointError, KeyError, AttributeError) as error:
        log.warning("%s: passed over: it was altered or damaged (%s)", path, error)
        return None
    if recorded is not None and recorded != _digest({**found, "judged": unsigned}):
        log.warning("%s: passed over: it was altered or damaged", path)
        return None
    return found


def report_on(path: Path, judged: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the report in a file where it is whole and on what is `judged`."""
    found = report_in(path)
    if found is None:
        return None
    before = {name: value for name, value in found["judged"].items() if name != REPORT}
    return found if before == json.loads(json.dumps(judged)) else None


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file; raises `CheckpointError` for a file that holds none."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{path}: cannot be read, or was damaged: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path}: was damaged: it holds no JSON object")
    return value


def _digest(value: Mapping[str, Any]) -> str:
    """The SHA-256 of contents as they come back from a file: JSON knows no keys but texts."""
    return hashlib.sha256(json.dumps(json.loads(json.dumps(value)), sort_keys=True).encode()).hexdigest()
