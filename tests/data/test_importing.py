"""A source imported part by part: the rows of one import, what is refused named, a second start goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distill.cli import main
from distill.cluster import OnRay, here
from distill.data.columns import SCHEMA
from distill.data.formats.opening import source_at
from distill.data.importing import Labelling, import_parts
from students.errors import DataError
from tests.samples import png_bytes, write_student

TEXTS = ["one", None, "three", "four", None, "six", "seven"]
BAD = 3


def write_source(path: Path, texts: list[str | None] = TEXTS) -> Path:
    rows = [
        {"image": {"bytes": png_bytes(seed=i)[: 40 if i == BAD else None], "path": f"{i}.png"}, "text": text}
        for i, text in enumerate(texts)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return path


def rows_of(files: list[Path]) -> list[Any]:
    return [row for file in files for row in pq.read_table(file).to_pylist()]


def states(folder: Path) -> dict[str, tuple[bytes, int]]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_parts_hold_the_rows_of_one_import_and_are_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    source, model = write_source(tmp_path / "lines.parquet"), write_student(tmp_path / "model.safetensors")
    read = ["--read-with", str(model), "--least", "0", "--json"]
    assert main(["import", str(source), str(tmp_path / "one.parquet"), *read]) == 1
    one = json.loads(capsys.readouterr().out)
    assert one["read"] == 2
    folder = tmp_path / "parts"
    words = ["cluster", "import", str(source), str(folder), "--part-lines", "3", "--here", *read]
    assert main(words) == 1
    parts = json.loads(capsys.readouterr().out)
    assert parts.pop("parts") == 3
    assert parts == one
    assert [f"{BAD}.png" in reason for reason in parts["refused"].values()] == [True]
    files = sorted(folder.glob("*.parquet"))
    assert rows_of(files) == rows_of([tmp_path / "one.parquet"])
    before = states(folder)
    files[0].write_bytes(files[0].read_bytes()[:-5])
    (folder / "finished" / f"{files[1].stem}.json").unlink()
    assert main(words) == 1
    assert f"{files[0]}: is not what was written; it is written anew" in caplog.text
    after = states(folder)
    assert {name: data for name, (data, _) in after.items()} == {name: data for name, (data, _) in before.items()}
    assert after[files[2].name] == before[files[2].name]
    assert main(["evaluate", str(model), str(folder)]) == 0  # a folder of parts is a source


def test_parts_of_something_else_are_not_mixed(tmp_path: Path) -> None:
    source, folder = source_at(str(write_source(tmp_path / "lines.parquet")), "lines"), tmp_path / "parts"
    import_parts(source, folder, Labelling(), here, 3)
    write_source(tmp_path / "lines.parquet", [*TEXTS, "another"])
    with pytest.raises(DataError, match=r"parts: holds what this work does not write: part-000000-\w{16}.parquet"):
        import_parts(source, folder, Labelling(), here, 3)


def test_a_source_without_a_usable_line_is_refused(tmp_path: Path) -> None:
    source = source_at(str(write_source(tmp_path / "lines.parquet", TEXTS[: BAD + 1])), "lines")
    folder = tmp_path / "parts"
    found = import_parts(source, folder, Labelling(), here, 1)
    assert (found["lines"], len(found["refused"])) == (BAD, 1)
    assert len(list(folder.glob("*.parquet"))) == BAD  # a part whose every line is refused has no file


def test_options_that_say_nothing_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["cluster", "import", str(tmp_path), str(tmp_path / "out")]
    for more, message in (
        (["--here", "--workers", "2"], "--here: no Ray, so --workers"),
        (["--workers", "0"], "at least 1 worker"),
        (["--part-lines", "0"], "--part-lines 0: 1 or more"),
    ):
        assert main([*words, *more]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.long
def test_ray_writes_the_same_parts(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed: make cluster")
    source = source_at(str(write_source(tmp_path / "lines.parquet")), "lines")
    found = [import_parts(source, tmp_path / name, Labelling(), spread, 2) for name, spread in SPREADS.items()]
    assert found[0] == found[1]
    one, other = ({name: data for name, (data, _) in states(tmp_path / name).items()} for name in SPREADS)
    assert one == other


SPREADS = {"here": here, "ray": OnRay(2)}
