"""`check` and `render` of lines without a recipe, and label files as sources by their own paths."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from distill.cli import main
from distill.data.formats.opening import open_contents, source_at
from distill.data.formats.splits import splits_at
from distill.data.sources import FolderSource
from distill.pools.lines import open_pools
from distill.preflight.line_folder import is_place_of_lines
from distill.proposing.preview import lines_and_their_likes
from distill.recipe.file import load_line_recipe
from distill.recipe.line_data import Data
from students.errors import DataError
from tests.line_files import parquet, row
from tests.samples import png_bytes

LISTS = {
    "labels of mine.txt": lambda name, text: f"{name}\t{text}",
    "mine.tsv": lambda name, text: f"{name}\t{text}",
    "mine.csv": lambda name, text: f"{name},{text}",
    "mine.jsonl": lambda name, text: json.dumps({"file": name, "text": text}),
}


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """A folder with 40 labelled pictures below it, and lists of them in every form."""
    folder = tmp_path / "lines"
    (folder / "crops").mkdir(parents=True)
    rows = [(f"crops/{i:02d}.png", f"Text {i}") for i in range(40)]
    for i, (name, _) in enumerate(rows):
        (folder / name).write_bytes(png_bytes(seed=i))
    for file, as_row in LISTS.items():
        head = "file,text\n" if file.endswith(".csv") else ""
        (folder / file).write_text(head + "".join(f"{as_row(*row)}\n" for row in rows))
    return folder


@pytest.mark.parametrize("file", list(LISTS))
def test_a_list_is_a_source_by_its_own_path(lines: Path, file: str) -> None:
    by_recipe = open_contents(FolderSource(name="mine", path=f"lines/{file}"), lines.parent, lines)
    by_command = open_contents(source_at(str(lines / file), "mine"), Path(), lines)
    for contents in (by_recipe, by_command):
        assert contents.names[:2] == ["crops/00.png", "crops/01.png"]
        assert contents.texts[39] == "Text 39"
    assert by_recipe.fetch(3) == png_bytes(seed=3)


def test_a_list_has_no_other_list(lines: Path) -> None:
    source = FolderSource(name="mine", path="lines/mine.tsv", labels="mine.csv")
    with pytest.raises(DataError, match="is a label file itself; leave out labels"):
        open_contents(source, lines.parent, lines)


def test_a_recipe_of_a_list_needs_no_validation(lines: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "extends: smoke\n"
        "data:\n"
        f"  root: {lines.parent}\n"
        "  train: [{kind: folder, name: mine, path: lines/mine.tsv}]\n"
        "  test_cut: {share: 0.2}\n"
    )
    recipe = load_line_recipe(str(tmp_path / "mine.yaml"), ["data.validation=[]", "data.cut={}"])
    pools = open_pools(recipe, tmp_path / "run")
    assert [len(part) for part in pools.parts.values()] == [28, 4, 8]
    assert len({name for part in pools.parts.values() for name in part.names}) == 40


def test_validation_is_cut_where_nothing_is_said() -> None:
    train = [{"kind": "folder", "name": "mine", "path": "lines"}]
    data = Data.model_validate({"train": train, "test_cut": {}})
    assert data.cut is not None
    assert (data.cut.share, data.cut.document) == (0.1, r"^(.*)$")
    again = Data.model_validate({"train": train, "test_cut": {}, "validation": [{**train[0], "name": "other"}]})
    assert again.cut is None
    with pytest.raises(ValueError, match="give either validation sources or a cut"):
        Data.model_validate({"train": train, "test_cut": {}, "cut": None})


def test_lines_are_checked_without_a_recipe(lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (lines / "crops" / "07.png").write_bytes(b"no picture")
    report = tmp_path / "report"
    assert main(["check", str(lines / "mine.tsv"), "--run", str(report), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["lines"] == {"train": 39}
    assert any("07.png" in problem for problem in found["problems"])
    page = (report / "check.html").read_text()
    assert "mine.tsv" in page
    assert json.loads((report / "check.json").read_text())["lines"] == {"train": 39}


def test_places_of_one_name_keep_their_checks_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first takes the plain name, whoever comes later that of the folder above, too; each finds its own again."""
    monkeypatch.chdir(tmp_path)
    places = {"a/train": "check-train", "b/train": "check-b-train", "c/b/train": "check-c-b-train", "b-train": "check"}
    for n, place in enumerate(places, 1):
        for i in range(n):
            picture = tmp_path / place / f"{i}.png"
            picture.parent.mkdir(parents=True, exist_ok=True)
            picture.write_bytes(png_bytes(seed=i))
            picture.with_suffix(".txt").write_text(f"text {i}")
    places["b-train"] = f"check-{tmp_path.name}-b-train"
    for _ in range(2):
        for n, (place, folder) in enumerate(places.items(), 1):
            main(["check", f"a/../{place}", "--json"])
            found = json.loads(capsys.readouterr().out)
            assert (found["place"], found["lines"]) == (str(tmp_path / place), {"train": n})
            assert [Path(page).parent for page in found["pages"]] == [Path("runs") / folder] * 2
    for n, folder in enumerate(places.values(), 1):
        assert json.loads((tmp_path / "runs" / folder / "check.json").read_text())["lines"] == {"train": n}


def test_parts_of_a_folder_are_held_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("train", "test"):
        (tmp_path / "set" / part).mkdir(parents=True)
        for i in range(3):
            (tmp_path / "set" / part / f"{part}{i}.png").write_bytes(png_bytes(seed=i if part == "train" else i + 2))
            (tmp_path / "set" / part / f"{part}{i}.txt").write_text(f"text {i}")
    assert main(["check", str(tmp_path / "set"), "--run", str(tmp_path / "out")]) == 1
    assert "test0.png" in capsys.readouterr().out  # the picture of train2.png


def layout(place: Path, kind: str) -> None:
    """A set of three parts of three labelled lines each, laid out as people do."""
    place.mkdir()
    for number, part in enumerate(("train", "val", "test")):
        names = [f"{part}{i}.png" for i in range(3)]
        pictures = [png_bytes(seed=10 * number + i) for i in range(3)]
        if kind == "tables":
            rows = [row(f"text {name}", name, picture) for name, picture in zip(names, pictures, strict=True)]
            parquet(place / f"{part}-00000-of-00001.parquet", rows)
            continue
        folder = place / {"folders": part.title(), "lists": part, "one folder": "images"}[kind]
        folder.mkdir(exist_ok=True)
        for name, picture in zip(names, pictures, strict=True):
            (folder / name).write_bytes(picture)
        where = folder if kind == "folders" else place
        file = {"folders": "labels.tsv", "lists": f"rec_gt_{part}.txt", "one folder": f"{part}.txt"}[kind]
        below = "" if kind == "folders" else f"{folder.name}/"
        (where / file).write_text("".join(f"{below}{name}\ttext {name}\n" for name in names))


LAYOUTS = ("folders", "lists", "one folder", "tables")


@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_parts_of_a_set_are_found_by_their_names(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layout(tmp_path / "set", kind)
    main(["check", str(tmp_path / "set"), "--run", str(tmp_path / "out"), "--json"])
    found = json.loads(capsys.readouterr().out)
    assert found["lines"] == {"train": 3, "validation": 3, "test": 3}
    assert {(source["part"], source["labelled"]) for source in found["sources"]} == {
        (part, 3) for part in ("train", "validation", "test")
    }
    assert not any("names its images" in warning for warning in found["warnings"])


def test_of_a_set_the_lines_to_train_on_are_shown(tmp_path: Path) -> None:
    layout(tmp_path / "set", "folders")
    sheet = lines_and_their_likes(str(tmp_path / "set"), 6, tmp_path)
    assert sheet.tobytes() == lines_and_their_likes(str(tmp_path / "set" / "Train"), 6, tmp_path).tobytes()


def test_folders_that_are_no_part_of_a_set_are_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layout(tmp_path / "set", "folders")
    (tmp_path / "set" / "more").mkdir()
    (tmp_path / "set" / "info.json").write_text('{"made": 2026}')
    (tmp_path / "set" / "more" / "0.png").write_bytes(png_bytes())
    assert list(splits_at(tmp_path / "set")) == ["train", "validation", "test"]
    assert "set: Test, Train, Val are taken as the parts of a set; not used: more" in caplog.text
    (tmp_path / "set" / "dev").mkdir()
    with pytest.raises(DataError, match="Val and dev are both validation by their names"):
        splits_at(tmp_path / "set")


@pytest.mark.parametrize(
    ("name", "rows"),
    [("train.txt", "0.png 0\n1.png 1\n"), ("train.txt", "0\n1\n"), ("train.txt", "5.png\ta\n6.png\tb\n")],
)
def test_lists_that_sort_or_name_other_images_are_no_parts(name: str, rows: str, tmp_path: Path) -> None:
    for file in (name, "test.txt"):
        (tmp_path / file).write_text(rows)
    (tmp_path / "0.png").write_bytes(png_bytes())
    (tmp_path / "1.png").write_bytes(png_bytes(seed=1))
    assert splits_at(tmp_path) == {}


def test_a_list_above_is_named_where_it_names_the_images(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    layout(tmp_path / "set", "lists")
    open_contents(source_at(str(tmp_path / "set" / "train"), "train"), Path(), tmp_path)
    assert "labels: rec_gt_train.txt" in caplog.text
    assert "rec_gt_test.txt" not in caplog.text


def test_a_folder_of_test_lines_alone_is_looked_at(
    lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "set").mkdir()
    lines.rename(tmp_path / "set" / "test")
    for file in LISTS:
        if file != "mine.tsv":
            (tmp_path / "set" / "test" / file).unlink()
    main(["check", str(tmp_path / "set"), "--run", str(tmp_path / "out"), "--json"])
    assert json.loads(capsys.readouterr().out)["lines"] == {"train": 40}


def test_lines_take_no_locator_to_check(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(lines / "mine.tsv"), "--locator", "pages"]) == 2
    assert "--locator is for pages" in capsys.readouterr().err


def test_lines_are_drawn_beside_their_likes(lines: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "sheet.png"
    assert main(["render", str(lines / "mine.csv"), "-n", "6", str(target)]) == 0
    with Image.open(target) as sheet:
        assert sheet.width > 100
    assert main(["render", str(lines / "mine.csv"), "seed=3", str(target)]) == 2
    assert "seed=3: " in capsys.readouterr().err
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "0.png").write_bytes(png_bytes())
    with pytest.raises(DataError, match="no line has a label"):
        lines_and_their_likes(str(tmp_path / "bare"), 4, tmp_path)


def test_a_folder_named_as_a_shipped_recipe_is_told_apart(
    lines: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(lines.parent)
    lines.rename("receipts")
    assert main(["check", "receipts", "--json"]) == 1
    (warning,) = json.loads(capsys.readouterr().out)["warnings"]
    assert warning == "receipts is taken as the shipped recipe; what lies here under that name is meant by ./receipts"
    assert main(["check", "./receipts/mine.tsv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []


def test_a_sheet_takes_no_place_of_a_line(lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = lines / "crops" / "00.png"
    before = picture.read_bytes()
    assert main(["render", str(lines), "-n", "2", str(picture)]) == 2
    assert "is read here" in capsys.readouterr().err
    assert picture.read_bytes() == before


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["check", str(tmp_path / "empty"), "--run", str(tmp_path / "out")]) == 1
    assert "holds neither images nor one of labels.tsv" in capsys.readouterr().out
    assert main(["new", "mine", "--from", str(tmp_path / "empty"), "--yes"]) == 2
    assert "holds neither images nor one of labels.tsv" in capsys.readouterr().err
    assert main(["render", str(tmp_path / "empty"), str(tmp_path / "sheet.png")]) == 2


def test_recipes_and_runs_are_no_places_of_lines(lines: Path, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").write_text("extends: smoke\n")
    assert [is_place_of_lines(str(where)) for where in ("smoke", tmp_path, tmp_path / "recipe.yaml")] == [False] * 3
    assert is_place_of_lines(str(lines))
    assert not is_place_of_lines(str(tmp_path / "nowhere"))
