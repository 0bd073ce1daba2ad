"""Commands that make up a piece of work, and what they leave: once undisturbed, once struck again and again."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from tests.page_task import recipe_of_files, write_bars
from tests.reliability.barriers import Plan, may_strike
from tests.reliability.launcher import Ended, Launcher
from tests.reliability.trials import Trials
from tests.samples import png_bytes
from tests.small_run import FEW, TINY

MAY_DIFFER = {"timing.json", "environment.json"}
MOST_STARTS = 20_000
LONGER = [  # so much that moments chosen at random fall into trainings, too
    f"{network}.training.{key}={value}"
    for network in ("teacher", "student")
    for key, value in (("steps", 120), ("validate_every", 30), ("checkpoint_every", 10), ("log_every", 2))
]
SHORT = [  # as few steps as show a validation, a checkpoint and a step behind both
    f"{network}.training.{key}={value}"
    for network in ("teacher", "student")
    for key, value in (("steps", 6), ("validate_every", 3), ("checkpoint_every", 2), ("log_every", 2))
]


@dataclass(frozen=True)
class Journey:
    """Commands in their order; {folder} in a word stands for the folder that all of them write into."""

    commands: tuple[tuple[str, ...], ...]

    def words(self, folder: Path) -> list[list[str]]:
        """Return the commands on a folder."""
        return [[word.replace("{folder}", str(folder)) for word in command] for command in self.commands]


def on_lines(inputs: Path, *more: str) -> Journey:
    """A run with a posterior cache, an export of its student, and an import of a folder of lines."""
    lines = inputs / "lines"
    if not lines.exists():
        lines.mkdir(parents=True)
        for number in range(3):
            (lines / f"{number}.png").write_bytes(png_bytes(seed=number))
        (lines / "labels.tsv").write_text("file\ttext\n" + "".join(f"{n}.png\tline {n}\n" for n in range(3)))
    settings = ["runtime.workers=0", "objective.cache.views=1", "objective.cache.top_k=8", *more]
    return Journey(
        (
            ("run", "smoke", *TINY, *SHORT, *FEW, *settings, "--run", "{folder}/run"),
            ("export", "{folder}/run", "--to", "onnx", "--out", "{folder}/export/model.onnx"),
            ("import", str(lines), "{folder}/import/lines.parquet"),
        )
    )


def on_pages(inputs: Path) -> Journey:
    """A run on pages, some of them drawn; so short a training finds no lines that an export could compare."""
    if not inputs.exists():
        for part, numbers in (("train", 6), ("unmarked", 3), ("validation", 2), ("test", 2)):
            write_bars(inputs / part, range(len(part) * 100, len(part) * 100 + numbers))
        drawn = "    - {kind: drawn_pages, name: drawn, pages: 2, fonts: [dejavu-sans]}\n  validation:"
        (inputs / "bars.yaml").write_text(recipe_of_files(inputs).replace("  validation:", drawn, 1))
    return Journey((("run", str(inputs / "bars.yaml"), "teacher.allow_weak=true", *SHORT, "--run", "{folder}/run"),))


def undisturbed(launcher: Launcher, journey: Journey, folder: Path, isolated: bool = True) -> Path:
    """Run the commands with barriers that do nothing; the log of all that were passed lies in `folder`/log.txt.

    If `isolated`, nothing that unpickles or leaves the machine is allowed in it. `folder`/seconds.json says how long
    each took.
    """
    plan, seconds = plan_for(folder, isolated=isolated), []
    for words in journey.words(folder / "work"):
        begun = time.monotonic()
        ended = launcher.run(words, plan)
        seconds.append(time.monotonic() - begun)
        assert ended.code == 0, ended.said[-3000:]
    (folder / "seconds.json").write_text(json.dumps(seconds))
    return folder / "work"


def phases_of(whole: Path) -> set[str]:
    """The phases that undisturbed work went through."""
    return {line.split("\t")[0] for line in lines_in(str(whole.parent / "log.txt"))}


def plan_for(folder: Path, **settings: object) -> Plan:
    """A plan for the barriers under `folder`/work."""
    plan = Plan((str(folder / "work"),), str(folder / "log.txt"), str(folder / "struck.txt"))
    folder.mkdir(parents=True, exist_ok=True)
    return replace(plan, **settings)  # type: ignore[arg-type]


def all_over(whole: Path, folder: Path, what: str, n: int) -> Plan:
    """A plan that strikes in each phase of the work in `whole`, and besides at about n of its barriers."""
    plan = plan_for(folder, what=what, grain="operation")
    passed = (line.split("\t")[1].partition(" /") for line in lines_in(str(whole.parent / "log.txt")))
    able = sum(may_strike(plan, operation.strip(), bool(PurePath(path).suffix)) for operation, _, path in passed)
    return replace(plan, every=max(1, able // n))


def struck(
    launcher: Launcher, journey: Journey, folder: Path, plan: Plan, trials: Trials, ways: Sequence[int]
) -> Counter[str]:
    """Start every command until it comes to its end, and count by phase how often it was struck.

    Each start that was struck is a trial: it must end with one of the exit codes `ways`. After `trials.n` of them, or
    when their time is over, only phases are struck that were not before.
    """
    seen: Counter[str] = Counter()
    for words in journey.words(folder / "work"):
        for _ in range(MOST_STARTS):
            known = lines_in(plan.struck)
            going = plan if trials.in_time and len(known) < trials.n else replace(plan, grain="phase")
            ended = launcher.run(words, going)
            new = lines_in(plan.struck)[len(known) :]
            if new:
                phase = new[-1].split("\t")[0]
                seen[phase] += 1
                with trials.one(phase):
                    assert ended.code in ways, f"exit code {ended.code} at {new[-1]}: {ended.said[-600:]}"
                    expect_no_traceback(ended, new[-1])
            if _is_done(ended, words):
                break
            assert new, f"exit code {ended.code} though nothing struck: {ended.said[-2000:]}"
        else:
            raise AssertionError(f"{words[0]} never came to its end")
    return seen


def expect_no_traceback(ended: Ended, where: str) -> None:
    """Whoever meets a fault is told of it in a sentence."""
    before, traceback, behind = ended.said.partition("Traceback")
    assert not traceback, f"{where}: {traceback}{behind[:1500]}, behind {before[-300:]}"


def killed_at_random(
    launcher: Launcher, journey: Journey, whole: Path, folder: Path, trials: Trials, rng: random.Random
) -> None:
    """Kill every command after random times until it comes to its end; each kill is a trial of the phase it fell into.

    Times reach to half of what the command took in `whole`, and further with each kill, so that it gets through.
    """
    seconds = json.loads((whole.parent / "seconds.json").read_text())
    plan = plan_for(folder)
    for words, within_s in zip(journey.words(folder / "work"), seconds, strict=True):
        for number in range(MOST_STARTS):
            after_s = rng.uniform(0, within_s / 2 * 1.05**number)
            passed = len(lines_in(plan.log))
            going_on = trials.in_time and trials.total < trials.n
            ended = launcher.run(words, plan, after_s if going_on else None)
            if ended.code == -9:
                new = lines_in(plan.log)[passed:]
                with trials.one(new[-1].split("\t")[0]):
                    expect_no_traceback(ended, "at random")
            elif _is_done(ended, words):
                break
            else:
                raise AssertionError(f"exit code {ended.code}: {ended.said[-2000:]}")


def _is_done(ended: Ended, words: Sequence[str]) -> bool:
    """Finished; an import that was killed after its file had its name says that it is there."""
    return ended.code == 0 or (ended.code == 2 and words[0] == "import" and "exists" in ended.said)


def lines_in(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if Path(path).exists() else []


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder but those that may differ, by its path within."""
    files = (p for p in sorted(folder.rglob("*")) if p.is_file() and p.name not in MAY_DIFFER)
    return {str(p.relative_to(folder)): p.read_bytes() for p in files}


def expect_equal(whole: Path, other: Path) -> None:
    """Raise `AssertionError` where a file is missing, too many, or of other bytes."""
    wanted, found = contents(whole), contents(other)
    assert wanted.keys() == found.keys(), wanted.keys() ^ found.keys()
    assert [name for name in wanted if wanted[name] != found[name]] == []
