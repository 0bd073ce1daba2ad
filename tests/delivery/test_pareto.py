"""Which student to take: the frontier, the choice for a target, and files that take turns when they are timed."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from distill.cli import main
from distill.comparison.settings import folder_name, settings_of
from distill.data.lines import Lines
from distill.delivery.pareto import weighing as pareto
from distill.delivery.pareto.choice import SIZES_AND_KINDS, Candidate, Target, choice, frontier
from distill.delivery.pareto.summary import draw_pareto, pareto_page
from distill.delivery.pareto.weighing import TIMED_LINES, best_of_rounds, short, short_names, weigh
from distill.recipe.file import load_recipe
from students.errors import ExportError, UserError
from tests.samples import png_bytes, write_student


def candidate(exact: float, speed: float, size: int, low: float | None = None) -> Candidate:
    return Candidate("s", "f", exact, exact if low is None else low, exact, exact, speed, size)


SMALL, MEDIUM, LARGE = candidate(0.86, 4000, 600), candidate(0.92, 2500, 1400), candidate(0.95, 900, 4000)
BEATEN = candidate(0.91, 2400, 1500)
THERE = {"small": SMALL, "medium": MEDIUM, "large": LARGE, "beaten": BEATEN}


def test_the_frontier_holds_what_none_beats() -> None:
    assert frontier(THERE) == ["small", "medium", "large"]
    same = {"a": SMALL, "b": SMALL}
    assert frontier(same) == ["a", "b"]
    assert not SMALL.beats(SMALL)
    assert frontier({"a": SMALL, "b": replace(SMALL, bytes=599)}) == ["b"]


@pytest.mark.parametrize(
    ("target", "take", "words"),
    [
        (Target(0.9, 2000), "medium", "Take medium: of the 2 of 4 that read at least 90.0% of the lines at 2,000"),
        (
            Target(0.9, None),
            "medium",
            "Take medium: of the 3 of 4 that read at least 90.0% of the lines, it is the",
        ),
        (Target(None, 500), "large", "of the 4 of 4 that read 500 lines/s or more, it reads most."),
        (Target(), None, "No target is given"),
        (
            Target(0.94, 2000),
            None,
            "None of the 4 reads at least 94.0% of the lines at 2,000 lines/s or more. The",
        ),
        (
            Target(0.94, 2000),
            None,
            "reads enough is large, with 900 lines/s. Of those that are fast enough medium",
        ),
        (Target(0.99, 9000), None, "The most is read by large: 95.0%. The fastest is small: 4,000 lines/s."),
        (
            Target(0.99, None),
            None,
            "None of the 4 reads at least 99.0% of the lines. The most is read by large: 95",
        ),
    ],
)
def test_a_target_is_met_or_it_is_said_that_none_does(target: Target, take: str | None, words: str) -> None:
    found, why = choice(THERE, target)
    assert found == take
    assert words in why


def test_of_equals_the_smaller_file_and_doubt_is_said() -> None:
    near = replace(MEDIUM, low=0.89)
    found, why = choice({"medium": near, "smaller": replace(near, bytes=1000)}, Target(0.9, 2000))
    assert found == "smaller"
    assert "Its 95 % interval begins at 89.0%: on other lines it may read less than asked." in why


def test_all_sizes_and_kinds_are_settings_with_short_names() -> None:
    names = [setting.name for setting in settings_of([SIZES_AND_KINDS], load_recipe("smoke"))]
    kinds = [f"{kind} {size}" for kind in ("recurrent", "convolutional") for size in ("small", "medium", "large")]
    assert [short(name) for name in names] == [*kinds, "reparameterised"]
    assert short("frame_kl keep") == "frame_kl keep"
    alike = ["{kind: digits, hidden: 16}", "{kind: digits, kernel: 16}"]
    assert list(short_names(alike).values()) == alike
    for setting in settings_of([SIZES_AND_KINDS], load_recipe("smoke")):
        load_recipe("smoke", setting.overrides)


def test_files_take_turns_and_the_best_round_counts() -> None:
    order = []

    class Timed:
        def __init__(self, name: str) -> None:
            self.name = name

        def read(self, pictures: list[bytes]) -> None:
            order.append((self.name, len(pictures)))

    seconds = best_of_rounds({"a": Timed("a"), "b": Timed("b")}, [b""] * 20)
    assert order == [("a", 8), ("b", 8), *[("a", 20), ("b", 20)] * 3]
    assert all(0 < value < 1 for value in seconds.values())


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict:
    """What a comparison of three settings leaves, one of them without a student; validation is 60 lines."""
    texts = tuple(str(i) for i in range(60))
    fetch = tuple((lambda row: png_bytes(seed=row), i) for i in range(60))
    lines = Lines(texts, texts, texts, ("v",) * 60, np.full(60, 112), texts, fetch)
    monkeypatch.setattr(pareto, "gate_lines", lambda *_: ("validation", lines))
    settings = {"{kind: digits}": 0.5, "b": 0.25, "gone": 0.0}
    for name in list(settings)[:2]:
        (tmp_path / folder_name(name) / "seed-7" / "student").mkdir(parents=True)
        write_student(tmp_path / folder_name(name) / "seed-7" / "student" / "model.safetensors")
    return {"seeds": [7, 8], "settings": {name: {"student": share} for name, share in settings.items()}}


def test_students_of_a_comparison_are_weighed(compared: dict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(model: str, form: str) -> None:
        raise ExportError(f"{form} of {Path(model).name} loses too much")

    monkeypatch.setattr(pareto, "export", refuses)
    target = Target(0.9, 2000)
    weighed = weigh(tmp_path, compared, target, ["int8"])
    assert set(weighed.candidates) == {"digits", "b"}
    assert weighed.candidates["digits"].mean_of_seeds == 0.5
    assert weighed.candidates["b"].setting == "b"
    assert weighed.take is None
    assert set(weighed.left_out) == {"gone", "digits int8", "b int8"}
    assert weighed.lines == 60 < TIMED_LINES
    page = pareto_page("mine", weighed)
    assert page.splitlines()[2].startswith("**None of the 2 reads")
    assert "Left out: gone: it has no student" in page
    assert "int8 of model.safetensors loses too much" in page
    draw_pareto(weighed, target, tmp_path / "pareto.png")
    assert (tmp_path / "pareto.png").stat().st_size > 5000
    assert json.loads(json.dumps(weighed.as_dict()))["candidates"]["b"]["bytes"] > 1000
    taken = replace(weighed, take="b", candidates={"b": weighed.candidates["b"]}, frontier=["b"])
    assert f"Its file: `{weighed.candidates['b'].path}`" in pareto_page("mine", taken)
    assert "| 1 | b | **take** |" in pareto_page("mine", taken)


def test_nothing_to_weigh_is_said(compared: dict, tmp_path: Path) -> None:
    compared["settings"] = {"gone": {"student": 0.0}}
    with pytest.raises(UserError, match="not one student to weigh"):
        weigh(tmp_path, compared, Target())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--at-least", "0.9", "--over", "objective.term=dist"], "--at-least: only together with --pareto"),
        (["--pareto", "--at-least", "90"], "such as 0.9 for 90 %"),
        (["--pareto", "--lines-a-second", "0"], "--lines-a-second 0: more than 0"),
        (["--pareto", "--on", "test"], "leave the test for the one you take"),
        ([], "name what to vary with --over KEY=A,B"),
        (["--pareto", "--seeds", "0"], "--seeds 0: at least one"),
    ],
)
def test_what_cannot_be_weighed_is_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["compare", "smoke", "--run", str(tmp_path / "c"), *words]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


def test_pages_are_not_weighed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "quick-pages", "--pareto"]) == 2
    assert "this recipe is of pages" in capsys.readouterr().err
