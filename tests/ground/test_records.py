"""Records: what is written is read again, an equal key is replaced, a command line names no home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from distill.records import (
    Hardware,
    Question,
    Record,
    check_target,
    command_line,
    measured_here,
    put_records,
    read_question,
    write_question,
)
from students.errors import UserError

MACHINE = Hardware(processor="a processor", cores=2)


def record(what: str, value: float | int | str, **more: object) -> Record:
    given = {"command": "distill x", "commit": None, "hardware": MACHINE, "packages": {"torch": "2.14.1"}}
    return Record.model_validate({**given, "what": what, "value": value, **more})


def question(*records: Record) -> Question:
    return Question(title="which?", rows=("network",), records=records)


def test_what_is_written_is_read_again_and_stands_on_one_line_each(tmp_path: Path) -> None:
    some = question(
        record("exact lines", 89.0, unit="%", seeds=(0, 1), interval=(88.0, 90.5), columns={"network": "a"}),
        record("parameters", 143_033, columns={"network": "a"}),
        record("verdict", "gain", columns={"network": "é"}, seconds=1.5, commit="abc"),
    )
    path = tmp_path / "q.json"
    write_question(path, some)
    assert read_question(path) == some
    assert [type(r.value) for r in read_question(path).records] == [float, int, str]
    assert len([line for line in path.read_text().splitlines() if '"what":' in line]) == 3
    keys = {"what", "value", "interval", "unit", "seeds", "command", "commit", "hardware", "packages", "seconds"}
    assert all(set(each) == keys | {"columns"} for each in json.loads(path.read_text())["records"])


def test_records_of_equal_key_are_replaced_and_the_words_of_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "q.json"
    old = [record("exact lines", v, columns={"network": n}) for n, v in (("a", 1.0), ("b", 2.0))]
    write_question(path, question(*old).model_copy(update={"finding": "So it is."}))
    new = [record("exact lines", v, columns={"network": n}) for n, v in (("b", 3.0), ("c", 4.0))]
    put_records(path, question(*new).model_copy(update={"title": "another"}))
    after = read_question(path)
    assert (after.title, after.finding) == ("which?", "So it is.")
    assert [(r.columns["network"], r.value) for r in after.records] == [("a", 1.0), ("b", 3.0), ("c", 4.0)]


def test_a_file_that_does_not_exist_is_made(tmp_path: Path) -> None:
    put_records(tmp_path / "new.json", question(record("exact lines", 1.0)))
    assert read_question(tmp_path / "new.json") == question(record("exact lines", 1.0))


@pytest.mark.parametrize("broken", ["", "[]", '{"title": "x"}', '{"title": "x", "rows": [], "more": 1}'])
def test_a_file_of_something_else_is_refused_before_anything_is_measured(tmp_path: Path, broken: str) -> None:
    path = tmp_path / "q.json"
    path.write_text(broken)
    with pytest.raises(UserError, match="holds no records"):
        check_target(path)


def test_a_target_is_a_json_file_in_a_folder_that_exists(tmp_path: Path) -> None:
    check_target(tmp_path / "q.json")
    with pytest.raises(UserError, match="there is no folder"):
        check_target(tmp_path / "no" / "q.json")
    with pytest.raises(UserError, match=r"\.json"):
        check_target(tmp_path / "q.txt")


def test_the_command_is_written_as_documents_write_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/some one")
    words = [
        "compare",
        "receipts",
        "data.root=/lines/",
        "--run",
        "/home/some one/run",
        "--record",
        "/x/y.json",
        "--json",
    ]
    words += ["teacher.file=/lines/t.safetensors", "student.init=/lineside", "--record=z.json", "a.b={c: 1}"]
    assert command_line(words) == (
        "distill compare receipts data.root=DATA/ --run ~/run --json teacher.file=DATA/t.safetensors "
        "student.init=/lineside 'a.b={c: 1}'"
    )


def test_the_origin_names_machine_and_versions() -> None:
    origin = measured_here(["speed", "scene"])
    assert origin.command == "distill speed scene"
    assert origin.hardware.processor
    assert origin.hardware.cores >= 1
    assert set(origin.packages) >= {"python", "torch", "numpy"}
