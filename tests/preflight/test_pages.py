"""`distill check` on pages: a folder of them, and a recipe of pages with a locator to ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from distill.cli import main
from students.pages.finding import LineFinding
from students.pages.model_file import read_locator, write_locator
from tests.page_task import recipe_of_files, write_bars
from tests.pages import write_small_locator

Printed = pytest.CaptureFixture[str]


def with_another_line(folder: Path, number: int, box: list[int], text: str) -> None:
    """Mark one line more on a page that `write_bars` wrote."""
    path = folder / "pages.json"
    pages = json.loads(path.read_text())
    next(page for page in pages if page["file"] == f"{number}.png")["lines"].append({"box": box, "text": text})
    path.write_text(json.dumps(pages))


def test_a_folder_of_pages_is_checked_without_a_recipe(tmp_path: Path, capsys: Printed) -> None:
    data, run = tmp_path / "data", tmp_path / "run"
    write_bars(data / "train", range(4))
    write_bars(data / "test", range(10, 12))
    Image.open(data / "train" / "2.png").convert("RGB").save(data / "test" / "10.png", compress_level=1)
    with_another_line(data / "train", 1, [100, 150, 110, 158], "more text than that")
    with_another_line(data / "test", 11, [300, 400, 320, 440], "beside")
    assert main(["check", str(data), "--run", str(run), "--suspicious", "0", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    kinds = {(each["kind"], each["part"]): each["keys"] for each in found["findings"]}
    assert kinds["leak", "train"] == ["train/2.png"]
    assert kinds["narrow", "train"] == ["train/1/0003"]
    assert kinds["left-out", "test"] == ["test/11/0003"]
    assert "leaves the page" in " ".join(found["problems"])
    assert found["pages"] == [str(run / "check.html"), str(run / "check.json")]
    shown = (run / "check.html").read_text()
    assert shown.count("data:image/jpeg") >= 4  # the two pages of the leak, the text, the page of what is left out
    assert "<td>train</td><td>train</td>" in shown
    write_bars(tmp_path / "right", range(3))
    assert main(["check", str(tmp_path / "right"), "--run", str(run), "--suspicious", "0"]) == 0
    assert "nothing found" in capsys.readouterr().out
    assert main(["check", str(tmp_path / "right"), "seed=3"]) == 2
    assert "is no recipe, so there are no keys to set" in capsys.readouterr().err


def test_a_shipped_recipe_goes_before_a_folder_of_its_name(
    tmp_path: Path, capsys: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bars(tmp_path / "quick-pages", range(3))
    monkeypatch.chdir(tmp_path)
    assert main(["check", "quick-pages", "no.such.key=1"]) == 2
    assert "recipe quick-pages: 1 problem" in capsys.readouterr().err
    assert main(["check", "./quick-pages", "--suspicious", "0", "--run", "out"]) == 0


@pytest.mark.parametrize("place", ["mine.yaml", "train"])
def test_a_locator_that_is_none_is_told_before_a_page_is_opened(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    write_bars(tmp_path / "train", range(2))
    (tmp_path / "mine.yaml").write_text(recipe_of_files(tmp_path))
    for opens in ("pages.open_page_pools", "page_folder.open_pages"):
        monkeypatch.setattr(f"distill.preflight.{opens}", None)
    words = ["check", str(tmp_path / place), "--run", str(tmp_path / "run"), "--locator"]
    assert main([*words, str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err
    assert main([*words, "pages", "--suspicious", "0"]) == 2
    assert "--suspicious 0 asks nobody" in capsys.readouterr().err


def test_a_locator_is_asked_where_there_is_one(tmp_path: Path, capsys: Printed) -> None:
    for part, numbers in (("train", range(3)), ("unmarked", range(20, 22)), ("validation", range(4, 6))):
        write_bars(tmp_path / part, numbers)
    write_bars(tmp_path / "test", range(6, 8))
    recipe, run = tmp_path / "mine.yaml", str(tmp_path / "run")
    recipe.write_text(recipe_of_files(tmp_path))
    assert main(["check", str(recipe), "--run", run]) == 0
    assert "no locator was asked for text without boxes" in capsys.readouterr().out
    locator = write_small_locator(tmp_path / "locator.safetensors")
    description, weights = read_locator(locator)
    write_locator(locator, description.model_copy(update={"finding": LineFinding(core=0.999, found=0.999)}), weights)
    assert main(["check", str(recipe), "--run", run, "--locator", str(locator), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    (without,) = [each for each in found["findings"] if each["kind"] == "no-text" and each["part"] == "train"]
    assert len(without["keys"]) > 4  # one that is hardly sure of anything finds no line
    assert main(["check", "smoke", "--locator", "pages", "--run", run]) == 2
    assert "--locator is for pages" in capsys.readouterr().err
