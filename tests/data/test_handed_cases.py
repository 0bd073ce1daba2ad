"""Inputs that people handed in, each by one command: a folder each, with what is right. Skipped where they are not.

`tests/data/test_generated_files.py` and the tests of each format hold the same kinds with inputs of their own.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from distill.cli import main
from distill.recipe.file import load_recipe
from students.image import decode_image

pytestmark = pytest.mark.real

ABG = ["alpha", "beta 2", "gamma"]
IMPORTED: dict[str, list[str | None]] = {
    "alto-mm10/set": ["alpha"],
    "alto-strings/set": ["König lebt", "Täydellisem-", "quin-", "日本語", "Die Zahl"],
    "backslash/set": ABG,
    "csv-fastplate/set": ["alpha", "beta"],
    "csv-trocr-noheader/set": ["alpha", "beta"],
    "exif-3/set": ["alpha"],
    "gt-txt-unseen/set": ABG,
    "hidden-files/set": ABG,
    "ipynb-checkpoints/set": [None] * 3,
    "lmdb-one-missing/set": ["alpha", "beta 2", None],
    "lmdb-unlabelled/set": [None] * 3,
    "paddle-det-list/set": ["alpha", "beta 2"],
    "paddle-rotated/set": ["slanted text", "turned", "upright"],
    "page-2010/set": ["alpha"],
    "page-newline/set": ["alpha beta"],
    "page-outside/set": ["alpha", "alpha"],
    "page-subfolder-name/set": ["alpha"],
    "page-url/set": ["alpha"],
    "parquet-path-only/lines.parquet": ABG,
    "parquet-path-only/null_bytes.parquet": ABG,
    "parquet-path-only/path_string.parquet": ABG,
    "parquet-path-only/saved": ABG,
    "parquet-splits/test-00000-of-00001.parquet": ["beta"],
    "parquet-types/category.parquet": ABG,
    "parquet-types/large.parquet": ABG,
    "parquet-types/nulls.parquet": ["alpha", None, ""],
    "parquet-types/view.parquet": ABG,
    "png-txt-pairs/set": ABG,
    "ppocrlabel-placeholder/set": ["alpha", None, None, None, None],
    "quoted-tsv/set": ['12" pipe', "plain", '"quoted"'],
    "tar-appledouble/lines.tar": ABG,
    "three-columns/set": ABG,
    "too-wide/set": ["x", "alpha"],
    "train-txt-unseen/set": ABG,
}
REFUSED = {"multipage-tiff/set": "a TIFF of 2 pages", "parquet-splits": "several splits: test (1), train (1)"}
WARNED = {"alto-mm10/set": "mm10", "hidden-files/set": "hidden files", "ipynb-checkpoints/set": "hidden files"}
TOLD_ELSEWHERE = {
    "cp1252",
    "hash-in-path",
    "image-modes",
    "rtl",
    "symlink",
}  # below, and in tests of right-to-left runs


@pytest.fixture
def cases(real_data: Path) -> Path:
    folder = real_data.with_name("cases")
    if not folder.is_dir():
        pytest.skip(f"no folder of cases at {folder}")
    return folder


def test_no_case_is_left_out(cases: Path) -> None:
    told = {name.partition("/")[0] for name in (*IMPORTED, *REFUSED)} | TOLD_ELSEWHERE
    assert {path.name for path in cases.iterdir()} <= told
    assert len(told) >= 34


@pytest.mark.parametrize("case", IMPORTED)
def test_a_case_is_imported_as_it_was_meant(
    case: str, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert main(["import", str(cases / case), str(tmp_path / "x.parquet"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["refused"] == {}
    assert pq.read_table(tmp_path / "x.parquet").column("text").to_pylist() == IMPORTED[case]
    assert WARNED.get(case, "") in caplog.text


@pytest.mark.parametrize("case", REFUSED)
def test_a_case_is_refused_by_name(case: str, cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(cases / case), str(tmp_path / "x.parquet")]) == 2
    assert REFUSED[case] in capsys.readouterr().err


def test_a_folder_of_a_link_is_read(cases: Path, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a").symlink_to(cases / "symlink" / "set" / "a")
    (tmp_path / "set" / "b").symlink_to(cases / "symlink" / "elsewhere")
    assert main(["import", str(tmp_path / "set"), str(tmp_path / "x.parquet")]) == 0
    names = [image["path"] for image in pq.read_table(tmp_path / "x.parquet").column("image").to_pylist()]
    assert names == ["a/0.png", "b/1.png", "b/2.png"]


def test_an_image_with_a_name_that_the_terminal_lacks_is_named(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", str(cases / "cp1252" / "set"), str(tmp_path / "x.parquet")]) == 1
    assert "refused: 坏.png: not a readable image" in capsys.readouterr().out


def test_a_folder_is_the_one_that_was_typed(cases: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cases / "hash-in-path")
    assert load_recipe("recipe.yaml", ["data.root=lot #3"]).data.root == "lot #3"


def test_the_word_is_the_same_in_every_form(cases: Path) -> None:
    folder = cases / "image-modes" / "set"
    word = decode_image(folder / "l.png").astype(int)
    same = {path for path in folder.iterdir() if path.suffix != ".gif" and not path.stem[0].isdigit()}
    same -= {folder / name for name in ("long5000.png", "multi.tif", "white_on_transparent.png")}
    assert len(same) >= 16
    for path in same:
        levels = np.asarray(Image.fromarray(decode_image(path)).convert("L")).astype(int)
        assert levels.shape == word.shape
        assert np.corrcoef(levels.ravel(), word.ravel())[0, 1] > 0.95, path.name
        assert np.abs(levels.mean() - word.mean()) < 4, path.name
    white = np.asarray(Image.fromarray(decode_image(folder / "white_on_transparent.png")).convert("L")).astype(int)
    assert np.corrcoef(white.ravel(), word.ravel())[0, 1] < -0.95
