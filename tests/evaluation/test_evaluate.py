"""Lines that a command names, opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from distill.evaluation.evaluate import open_data
from distill.evaluation.pages.evaluate import open_page_data
from students.errors import DataError
from students.image import Preparation


def test_a_place_that_is_not_there_is_told_before_another_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.evaluation.evaluate.open_source", None)
    with pytest.raises(DataError, match="gone: no such file or folder"):
        open_data([str(tmp_path), str(tmp_path / "gone")], Preparation())


@pytest.mark.parametrize("open_named", [open_data, lambda data, _: open_page_data(data)], ids=["lines", "pages"])
def test_a_place_that_is_named_twice_does_not_count_twice(
    open_named: Callable[[list[str], Preparation], object], tmp_path: Path
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").symlink_to("a")
    for again in ("a", "./a/", "b", "a/../a"):
        with pytest.raises(DataError, match="is named twice, and what lies there would count twice"):
            open_named([str(tmp_path / "a"), f"{tmp_path}/{again}"], Preparation())
