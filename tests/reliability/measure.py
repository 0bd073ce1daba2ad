"""`make reliability`: every figure with its many trials, into docs/reliability/, and RELIABILITY.md of that.

`python -m tests.reliability.measure [NAME ...] [--most N] [--minutes M]` measures the figures that are named, without a
name all, with at most N trials of each kind; after M minutes of a test no trial begins any more. A figure that was
measured at this commit is not measured again unless it is named, so an interrupted run goes on with the next one.
Interrupted or asked to stop (SIGINT, SIGTERM), it writes down the trials that were taken, as a figure that falls short.
Ends with exit code 1 if a figure falls short.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from distill.records import Question, Record, measured_here, read_question, write_question
from docs.build import RELIABILITY, reliability_page
from tests.reliability.figure import Figure
from tests.reliability.figures import BY_NAME, FIGURES
from tests.reliability.trials import LONG, RECORD, SECONDS

ROOT = Path(__file__).parents[2]
RECORDS = ROOT / "docs" / "reliability"
SHOWN_FAILURES = 5
ALL = 10**6  # more trials than any figure takes
CUT_SHORT = 2  # as pytest ends when it is interrupted
ASKS_TO_STOP = (signal.SIGINT, signal.SIGTERM)
HOURS = 6  # after which a figure is given up
COMMAND = "make reliability ARGS={}"


def measure(figure: Figure, most: int, minutes: float) -> tuple[dict[str, Any], float]:
    """Return counts, failures and notes of a figure, and the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        record, cases = Path(folder, "record.json"), Path(folder, "cases.xml")
        command = [sys.executable, "-m", "pytest", "-q", "--capture=no", "-m", "long or not long"]
        command += [f"--junitxml={cases}", f"--timeout={HOURS * 3600}", *figure.tests]
        environment = os.environ | {LONG: str(most), RECORD: str(record), SECONDS: str(minutes * 60)}
        begun = time.monotonic()
        code = run(command, environment)
        seconds = time.monotonic() - begun
        counted = json.loads(record.read_text()).get(figure.name) if record.exists() else None
        found = counted if figure.many else _counts_of(cases)
        if found is None or (code and not found["failures"]):
            found = found or {"counts": {}, "failures": [], "notes": []}
            why = "cut short: what is compared at the end was not" if code == CUT_SHORT else "a test failed as a whole"
            found["failures"].append(f"pytest ended with exit code {code}, {why}")
    if figure.many > most:
        found["notes"].append(
            f"At most {most:,} trials of each kind were taken here; the long form takes up to {figure.many:,}."
        )
    return found, seconds


def run(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run pytest and return its exit code; whoever asks this process to stop asks pytest, which then counts."""
    child: subprocess.Popen[bytes] | None = None

    def ask(*_: object) -> None:
        if child:
            child.send_signal(signal.SIGINT)

    before = {one: signal.signal(one, ask) for one in ASKS_TO_STOP}  # first, or what is ignored here is so in a child
    try:
        child = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
        return child.wait()
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _counts_of(cases: Path) -> dict[str, Any]:
    """Cases of tests by their file, those that passed, and the failures."""
    counts: dict[str, list[int]] = {}
    failures, skipped = [], Counter[str]()
    for case in ElementTree.parse(cases).getroot().iter("testcase"):
        of = case.get("classname", "").rpartition(".")[2]
        if case.find("skipped") is not None:
            skipped[of] += 1
            continue
        count = counts.setdefault(of, [0, 0])
        failed = case.find("failure") if case.find("failure") is not None else case.find("error")
        count[0] += 1
        count[1] += failed is None
        if failed is not None:
            failures.append(f"{case.get('name')}: {failed.get('message', '')[:300]}")
    notes = [f"{n} cases of {of} were skipped here." for of, n in skipped.items()]
    return {"counts": counts, "failures": failures, "notes": notes}


def question_of(figure: Figure, found: Mapping[str, Any], seconds: float) -> Question:
    """Return the record of a figure: trials and those that passed, by what they are of."""
    origin = measured_here([]).model_copy(update={"command": COMMAND.format(figure.name), "commit": commit_here()})
    records = [
        Record(
            **origin.model_dump(),
            what=what,
            value=count[place],
            seconds=round(seconds, 1),
            columns={"of": of},
        )
        for of, count in sorted(found["counts"].items())
        for place, what in enumerate(("trials", "passed"))
    ]
    failures = found["failures"]
    notes = (figure.claim, f"It took {seconds:,.0f} s.", *found["notes"])
    shown = tuple(f"Failed: {' '.join(failure.split())}" for failure in failures[:SHOWN_FAILURES])
    return Question(
        section=figure.section,
        title=figure.title,
        finding=_finding(figure, found),
        rows=("of",),
        across=("what",),
        notes=(*notes, *shown),
        records=tuple(records),
    )


def _finding(figure: Figure, found: Mapping[str, Any]) -> str:
    counts = found["counts"]
    trials, passed = (sum(count[place] for count in counts.values()) for place in (0, 1))
    enough = all(passed_of >= figure.least * n for n, passed_of in counts.values())
    if found["failures"] or not trials or not enough:
        return f"**Falls short:** {trials - passed:,} of {trials:,} trials failed."
    if passed == trials:
        return f"All of {trials:,} trials passed."
    if len(counts) == 1:
        return f"All of the share that is wanted, {figure.least:.0%}: {passed:,} of {trials:,} trials passed."
    return (
        f"All of {len(counts)} parts hold: {passed:,} of {trials:,} trials passed, of each {figure.least:.0%} or more."
    )


def holds(question: Question) -> bool:
    """Return whether every trial of a figure passed."""
    return question.finding.startswith("All of")


def _known(figure: Figure) -> Question | None:
    """The record of a figure if it was measured at this commit."""
    path = RECORDS / figure.file
    if not path.exists():
        return None
    question, here = read_question(path), commit_here()
    same = not here.endswith("-dirty") and all(record.commit == here for record in question.records)
    return question if same else None


def commit_here() -> str:
    """Return the commit of the checkout, "-dirty" behind it where files differ other than the records themselves."""
    written = [f":!{path.relative_to(ROOT)}" for path in (RECORDS, RELIABILITY)]
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", *written)
    return _git("rev-parse", "--short=12", "HEAD") + ("-dirty" if changed else "")


def _git(*words: str) -> str:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def main(words: Sequence[str]) -> int:
    """Measure the figures and return 1 if one falls short."""
    parser = argparse.ArgumentParser(prog="make reliability")
    parser.add_argument("names", nargs="*", metavar="FIGURE", help=f"one of {', '.join(BY_NAME)}; without one, all")
    parser.add_argument("--most", type=int, default=ALL, metavar="N", help="at most so many trials of each kind")
    parser.add_argument("--minutes", type=float, default=math.inf, metavar="M", help="how long a test takes new trials")
    options = parser.parse_args(words)
    names = options.names
    if unknown := [name for name in names if name not in BY_NAME]:
        print(f"no such figure: {', '.join(unknown)}; there are {', '.join(BY_NAME)}", file=sys.stderr)
        return 2
    short = []
    for position, figure in enumerate(FIGURES, 1):
        if names and figure.name not in names:
            continue
        question = None if names else _known(figure)
        if question is None:
            print(f"figure {position} of {len(FIGURES)}: {figure.name}: {figure.title}", file=sys.stderr, flush=True)
            question = question_of(figure, *measure(figure, options.most, options.minutes))
            write_question(RECORDS / figure.file, question)
            RELIABILITY.write_text(reliability_page())
        print(f"{figure.name}: {question.finding}", file=sys.stderr, flush=True)
        if not holds(question):
            short.append(figure.name)
    if short:
        print(f"what falls short: {', '.join(short)}", file=sys.stderr)
    return 1 if short else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
