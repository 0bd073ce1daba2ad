"""Files of labels and pages, valid and of unusual forms, import with the texts that they were made with.

A share of them in each run of the tests; GENERATED=1000 sets how many (`make fuzz`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from distill.data.formats.opening import open_contents, source_at
from students.image import decode_image
from tests.generated import labels, pages, tables
from tests.generated.texts import Made

FOLDER = "lot [3] #x*{a,b} 50%20 ~"  # whose name is no pattern, no comment and no address
N_FILES = int(os.environ.get("GENERATED", "160"))
KINDS = (
    *(labels.tabbed, labels.paddle_list, labels.comma_separated, labels.json_file, labels.json_lines, labels.beside),
    *(tables.parquet, tables.arrow, tables.scene_lmdb, tables.tar),
    *(pages.page_xml, pages.alto, pages.boxes),
)
SHARES = {pages.page_xml: 3, pages.alto: 2}  # of the files; 1 for the other kinds
A_SHARE = -(-N_FILES // sum(SHARES.get(kind, 1) for kind in KINDS))


def imported(made: Made, folder: Path) -> tuple[list[str], list[str | None]]:
    """Names and texts of the lines at a path that says nothing of its format; every image is decoded."""
    folder.mkdir()
    source = source_at(str(made.write(folder)), "mine")
    contents = open_contents(source, Path(), folder)
    for row, name in enumerate(contents.names):
        assert decode_image(contents.fetch(row), name).size
    return list(contents.names), list(contents.texts)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_what_is_valid_imports_with_its_texts(kind: Callable[[], st.SearchStrategy[Made]]) -> None:
    n_files = A_SHARE * SHARES.get(kind, 1)
    read = 0

    @settings(max_examples=n_files, suppress_health_check=list(HealthCheck), derandomize=True, database=None)
    @given(kind())
    def reads(made: Made) -> None:
        nonlocal read
        with TemporaryDirectory() as folder:
            names, texts = imported(made, Path(folder) / FOLDER)
        assert texts == made.texts
        assert made.names is None or names == made.names
        read += 1

    reads()
    assert read >= n_files
