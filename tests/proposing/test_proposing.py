"""From a folder of lines to a recipe: valid, commented, and refusals that say what can be done."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from distill.cli import main
from distill.data.sources import ParquetSource
from distill.durations import seconds_of
from distill.pools.lines import open_pools
from distill.proposing import proposing
from distill.proposing.budget import LEAST_FRESH_STEPS, LEAST_STEPS, Plan, Speeds, plan_for
from distill.proposing.proposal import Decisions, Seen, Size, recipe_of
from distill.proposing.shipped import Accuracy, student_readers, told
from distill.proposing.survey import survey
from distill.proposing.texts import fonts_for, texts_like
from distill.proposing.writing import flow, written
from distill.recipe.file import load_recipe
from distill.synthesis.source import RenderedSource
from distill.synthesis.text import TextMix
from distill.training.initial import problems_of_starts
from students.charset import Charset
from students.config import STUDENTS
from students.errors import DataError, UserError
from tests.line_files import parquet, row
from tests.samples import png_bytes

FAST = Speeds(teacher=200, teacher_reads=900, student=900)
TEACHER_SPEEDS = proposing._teacher_speeds
WEIGHTS = Path(str(files("students") / "weights"))


def proposed(*options: str, capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    assert main(["new", "mine", "--yes", "--json", *options]) == 0
    answer: dict[str, list[str]] = json.loads(capsys.readouterr().out)
    return answer


def test_students_begin_with_one_of_their_size_and_other_lines_than_chinese_with_one_of_their_height() -> None:
    readers = student_readers()
    fitting = {
        (size, script): {name for name, reader in readers.items() if proposing._fits(reader, size, ["LATIN", script])}
        for size in ("small", "medium", "large")
        for script in ("GREEK", "CJK")
    }  # hanzi reads lines of 48 px, digits has no size
    usual = {"print", "receipts", "scene-small"}
    assert fitting == {
        **{("small", script): {"print-small", "receipts-small"} for script in ("GREEK", "CJK")},
        **{("large", script): {"scene"} for script in ("GREEK", "CJK")},
        ("medium", "GREEK"): usual,
        ("medium", "CJK"): usual | {"hanzi"},
    }


@pytest.mark.parametrize("given", [False, True])
def test_chinese_lines_are_begun_with_the_student_that_reads_them_at_its_height(
    given: bool, lines: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [row(f"Line {d}" if d % 3 else f"第 {d} 章", f"{d}.png", png_bytes(seed=d)) for d in range(90)]
    parquet(lines, rows)
    shares = {"hanzi": Accuracy(0.5, 0.8), "receipts": Accuracy(0.0, 0.6)}  # there is a teacher receipts, too
    monkeypatch.setattr(
        proposing, "readings_of", lambda _, __, readers: {name: shares[name] for name in readers if name in shares}
    )
    monkeypatch.setattr(proposing, "_teacher_speeds", TEACHER_SPEEDS)
    teacher = ["--teacher", str(WEIGHTS / "receipts.onnx")] if given else []
    chosen = "\n".join(proposed("--from", lines.name, "--budget", "20m", *teacher, capsys=capsys)["chosen"])
    recipe = load_recipe("mine.yaml")
    assert (recipe.student.init, recipe.image.height_px) == ("hanzi", 48)
    assert not problems_of_starts(recipe, Charset.of([" 第章Line0123456789"]))
    assert (recipe.teacher is not None) == given
    assert given or "not from the shipped receipts: it reads lines of 32 px" in chosen
    assert given or "no teacher from fresh weights: in 9,117 classes" in chosen


@pytest.mark.parametrize("size", ["small", "medium"])
def test_of_thousands_of_characters_the_head_is_not_most_of_a_student(size: Size) -> None:
    decisions = Decisions("mine", size, 60.0, "exact")
    models = [decisions.student_model(n) for n in (999, 7000)]
    assert [model.get("head_rank") for model in models] == [None, 64]
    one, two = (STUDENTS.validate_python(model).build(7001, 1, 32) for model in models)
    assert sum(p.numel() for p in two.parameters()) < 0.7 * sum(p.numel() for p in one.parameters())


@pytest.mark.parametrize(
    ("labels", "rules"), [("漢字ABC", ("east_asian", "nfkc")), ("한글 ABC", (None, None)), ("letters", (None, None))]
)
def test_chinese_is_learnt_and_judged_without_widths(
    labels: str, rules: tuple[str | None, str | None], tmp_path: Path
) -> None:
    parquet(tmp_path / "mine.parquet", [row(labels, f"{n}.png", png_bytes(seed=n)) for n in range(3)])
    lines = survey(str(tmp_path / "mine.parquet"), "mine", tmp_path / "cache")
    plan = Plan(teacher_steps=0, student_steps=9, synthetic=9, views=0, seconds={"student": 1.0})
    sections, _ = recipe_of(Seen(lines), Decisions("mine", "small", 60.0, "exact"), plan, {}, fonts_for("A", None))
    assert (sections["data"].get("normalisation"), sections["data"].get("protocol")) == rules


def test_a_recipe_is_written_that_opens(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer = proposed("--from", lines.name, "--budget", "20m", capsys=capsys)
    assert any("90 lines, 90 labelled" in row for row in answer["seen"])
    recipe = load_recipe("mine.yaml")
    mine, rendered = recipe.data.train
    assert isinstance(mine, ParquetSource)
    assert isinstance(rendered, RenderedSource)
    assert recipe.data.cut is not None
    assert recipe.data.test_cut is not None
    assert recipe.teacher.training.steps > LEAST_FRESH_STEPS
    few = ["data.train.1.lines=20", "data.policies.contradictory=keep"]
    pools = open_pools(load_recipe("mine.yaml", few), Path("run"))
    documents = [{name[:3] for name in part.names if "_" in name} for part in pools.parts.values()]
    assert all(documents)
    assert not documents[0] & documents[1]
    assert not documents[0] & documents[2]
    assert not documents[1] & documents[2]
    corpus = set(Path("mine.texts.txt").read_text().splitlines())
    assert corpus
    assert not corpus & {*pools.validation.texts, *pools.test.texts}  # synthetic lines do not tell the answers
    assert Path("mine.yaml").read_text().startswith("# Written by `distill new` for lines.parquet.")


@pytest.mark.parametrize(
    ("share", "teacher_file", "teacher_init", "student_init"),
    [
        (Accuracy(0.95, 0.99), "receipts", None, "receipts"),
        (Accuracy(0.0, 0.6), None, "receipts", "receipts"),  # long lines: much of each is read, none is right
        (Accuracy(0.0, 0.4), None, None, None),
    ],
)
def test_shipped_models_that_read_the_lines_teach_or_are_begun_with(
    share: Accuracy,
    teacher_file: str | None,
    teacher_init: str | None,
    student_init: str | None,
    lines: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(proposing, "readings_of", lambda *_: {"receipts": share, "scene": Accuracy(0.0, 0.1)})
    answer = proposed("--from", lines.name, "--budget", "20m", capsys=capsys)
    recipe = load_recipe("mine.yaml")
    assert (recipe.teacher.file, recipe.teacher.init, recipe.student.init) == (teacher_file, teacher_init, student_init)
    assert bool(recipe.student.stages) == (student_init is None)
    assert not problems_of_starts(recipe, Charset.of(["Line 0123456789,"]))
    assert [row for row in answer["chosen"] if told({"receipts": share}) in row and row.startswith("student from")]


def test_a_student_of_another_size_begins_with_fresh_weights(
    lines: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    readers = student_readers()
    monkeypatch.setattr(proposing, "readings_of", lambda _, __, readers: dict.fromkeys(readers, Accuracy(0.95, 0.99)))
    proposed("--from", lines.name, "--budget", "20m", "--size", "large", capsys=capsys)
    assert load_recipe("mine.yaml").student.init == "scene"
    monkeypatch.setattr(proposing, "student_readers", lambda: {"receipts": readers["receipts"]})
    proposed("--from", lines.name, "--budget", "20m", "--size", "large", capsys=capsys)
    assert load_recipe("mine.yaml").student.init is None


def test_unlabelled_lines_a_test_and_a_teacher_are_taken(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    parquet(tmp_path / "more.parquet", [row(None, f"{i}.png", png_bytes(seed=500 + i)) for i in range(8)])
    parquet(tmp_path / "test.parquet", [row("ab", f"{i}.png", png_bytes(seed=600 + i)) for i in range(8)])
    proposed("--from", lines.name, "--unlabelled", "more.parquet", "--test", "test.parquet", capsys=capsys)
    recipe = load_recipe("mine.yaml")
    assert [source.name for source in recipe.data.train] == ["mine", "unlabelled", "drawn"]
    assert recipe.data.train[1].drop_labels
    assert [source.name for source in recipe.data.test] == ["test"]
    assert recipe.data.test_cut is None


def test_the_parts_of_a_set_are_learnt_from_chosen_on_and_judged_on(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = tmp_path / "set"
    place.mkdir()
    lines.rename(place / "train.parquet")
    parquet(place / "val.parquet", [row("Line 1", f"{i}.png", png_bytes(seed=500 + i)) for i in range(8)])
    parquet(place / "test.parquet", [row("Line 2", f"{i}.png", png_bytes(seed=600 + i)) for i in range(8)])
    seen = proposed("--from", "set", capsys=capsys)["seen"]
    assert (
        "set: a set; taken of it: train (set/train.parquet), validation (set/val.parquet), test (set/test.parquet)"
        in (seen)
    )
    recipe = load_recipe("mine.yaml")
    assert (recipe.data.cut, recipe.data.test_cut) == (None, None)
    pools = open_pools(load_recipe("mine.yaml", ["data.train.1.lines=20"]), Path("run"))
    assert [len(part) for part in pools.parts.values()] == [110, 8, 8]
    assert len(Path("mine.texts.txt").read_text().splitlines()) == 90
    proposed("--from", "set/train.parquet", "--validation", "set/val.parquet", capsys=capsys)
    recipe = load_recipe("mine.yaml")
    assert (recipe.data.cut, [source.name for source in recipe.data.validation]) == (None, ["validation"])
    assert recipe.data.test_cut is not None


def test_capitals_are_taken_for_a_habit_unless_told_otherwise(
    tmp_path: Path, lines: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    del lines
    rows = [row(f"LINE. {'ABCDEFG'[i % 7]}", f"{i}.png", png_bytes(seed=i)) for i in range(90)]
    parquet(tmp_path / "loud.parquet", rows)
    proposed("--from", "loud.parquet", capsys=capsys)
    assert load_recipe("mine.yaml").data.train[0].label_form == "caseless"
    proposed("--from", "loud.parquet", "--label-form", "exact", capsys=capsys)
    assert load_recipe("mine.yaml").data.train[0].label_form == "exact"


def test_a_test_that_repeats_lines_is_told(lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row("ab", f"{i}.png", png_bytes(seed=(3 * i if i < 2 else 700 + i))) for i in range(8)]
    parquet(tmp_path / "test.parquet", rows)
    seen = proposed("--from", lines.name, "--test", "test.parquet", capsys=capsys)["seen"]
    assert "2 of 8 test pictures are in lines.parquet too: training leaves them out" in seen


def test_a_longer_time_gives_more_steps() -> None:
    short, long = (plan_for(minutes * 60, FAST, 2000, teacher_steps=LEAST_FRESH_STEPS) for minutes in (15, 60))
    assert long.student_steps > 2 * short.student_steps
    assert sum(long.seconds.values()) <= 3600
    assert plan_for(900, FAST, 2000, teacher_steps=0).teacher_steps == 0
    assert [seconds_of(text, "--budget") for text in ("90s", "30m", "1.5h")] == [90, 1800, 5400]


def test_without_time_for_a_teacher_a_student_that_reads_already_learns_alone(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposing, "readings_of", lambda *_: {"receipts": Accuracy(0.0, 0.6)})
    monkeypatch.setattr(
        proposing, "_teacher_speeds", lambda _, tried: (8, 900) if tried.teaching.model else (math.inf, math.inf)
    )
    parquet(tmp_path / "more.parquet", [row(None, f"{i}.png", png_bytes(seed=500 + i)) for i in range(8)])
    chosen = proposed("--from", lines.name, "--unlabelled", "more.parquet", "--budget", "20m", capsys=capsys)["chosen"]
    recipe = load_recipe("mine.yaml")
    assert (recipe.teacher, recipe.student.init) == (None, "receipts")
    assert "teacher trained from the shipped receipts: needs a budget of 25 minutes" in chosen
    assert "8 unlabelled lines left out: nobody teaches them" in chosen
    assert [source.name for source in recipe.data.train] == ["mine", "drawn"]
    assert main(["new", "more", "--yes", "--from", lines.name, "--budget", "60m"]) == 0
    assert load_recipe("more.yaml").teacher.init == "receipts"


def test_a_fresh_teacher_needs_more_time_than_one_that_reads_already() -> None:
    slow = Speeds(teacher=60, teacher_reads=300, student=280)
    assert plan_for(480, slow, 550, teacher_steps=LEAST_STEPS).teacher_steps < LEAST_FRESH_STEPS
    with pytest.raises(UserError, match=r"8 minutes are too short .* give at least (1[0-9]|2[0-9])m"):
        plan_for(480, slow, 550, teacher_steps=LEAST_FRESH_STEPS)


def test_texts_follow_the_labels() -> None:
    digits, _ = texts_like(["12345", "00721"], "exact", "", "c.txt")
    assert (digits["min_characters"], digits["max_characters"], digits["alphabet"]) == (5, 5, "0123456789")
    greek, _ = texts_like(["λόγος", "ἀρχή"], "exact", "", "c.txt")
    assert set(greek["alphabet"]) == set("λόγοςἀρχή")
    assert not greek["words"]
    for text in (digits, greek, texts_like(["Total 12"], "exact", "", "c.txt")[0]):
        TextMix.model_validate(text)
    fonts = fonts_for("abcλόγος")
    assert len(fonts.families) > 2
    assert not fonts.lacking
    with pytest.raises(DataError, match="no installed font"):
        fonts_for("\U00010900\U00010901")


def test_yaml_is_read_back_as_it_was() -> None:
    values = {"a": [1, "two words", "no", "007", "#", 'q"uote'], "b": {"c": ' !"#', "d": list(range(60))}, "e": None}
    text = written(values, {"b": "why\nand more", "b.d": "numbers"}, "head")
    assert YAML(typ="safe", pure=True).load(text) == values
    assert max(map(len, text.splitlines())) <= 112
    assert flow({"a": [True, 0.5]}) == "{a: [true, 0.5]}"
    with pytest.raises(UserError):
        seconds_of("0m", "--budget")
