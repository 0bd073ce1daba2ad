"""How a command ends that is stopped, or whose output cannot be written: one message, and no traceback."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from distill.cli import main
from students.reader import Reader
from tests.samples import png_bytes

FULL = Path("/dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(4):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(seed=number))
    return tmp_path


def interrupted(*_: object, **__: object) -> Any:
    raise KeyboardInterrupt


def test_ctrl_c_ends_any_command_with_130(
    monkeypatch: pytest.MonkeyPatch, student_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.evaluation.evaluate.evaluate_sources", interrupted)
    assert main(["evaluate", str(student_file), str(folder)]) == 130
    assert capsys.readouterr().err.endswith("distill: stopped\n")


def terminated(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_sigterm_ends_any_command_with_75(
    monkeypatch: pytest.MonkeyPatch, student_file: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("distill.evaluation.evaluate.evaluate_sources", terminated)
    before = signal.getsignal(signal.SIGTERM)
    assert main(["evaluate", str(student_file), str(folder)]) == 75
    assert capsys.readouterr().err.endswith("distill: stopped\n")
    assert signal.getsignal(signal.SIGTERM) is before


def test_sigterm_ends_what_serves_with_75(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["recipes", "show", "smoke"]) == 0
    (tmp_path / "recipe.yaml").write_text(capsys.readouterr().out)
    monkeypatch.setattr("http.server.ThreadingHTTPServer.serve_forever", terminated)
    assert main(["watch", str(tmp_path), "--port", "0"]) == 75
    assert "(Ctrl+C ends it)" in capsys.readouterr().out


@pytest.mark.parametrize(("stop", "code"), [(interrupted, 130), (terminated, 75)])
def test_what_was_read_before_it_stopped_is_written(
    stop: Any,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    student_file: Path,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = Reader.read_each

    def once(self: Reader, images: list[Any], batch_size: int, names: list[str]) -> list[Any]:
        monkeypatch.setattr(Reader, "read_each", stop)
        return list(whole(self, images, batch_size, names))

    monkeypatch.setattr(Reader, "read_each", once)
    out, page = folder / "out.tsv", folder / "review.html"
    words = ["read", str(student_file), str(folder), "--batch", "3", "--out", str(out)]
    assert main([*words, "--review-below", "1", "--review-page", str(page)]) == code
    rows = (folder / "out.tsv.part").read_text().splitlines()
    assert [Path(row.split("\t")[0]).name for row in rows] == ["0.png", "1.png", "2.png"]
    assert not out.exists()
    assert page.is_file()
    assert "stopped; what was read until then, 3 of 4 images, is written" in capsys.readouterr().err


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
def test_output_that_a_full_disk_refuses_is_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FULL.open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert main(["recipes"]) == 2
        output.flush()  # as Python does when it ends: nothing is left that could fail
    assert capsys.readouterr().err == "distill: writing: No space left on device\n"


def test_a_reader_of_the_output_may_go_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert main(["recipes"]) == 0
        output.flush()
    assert capsys.readouterr().err == ""


def test_closed_streams_cost_nothing(monkeypatch: pytest.MonkeyPatch, student_file: Path, folder: Path) -> None:
    """As Python has them where they were closed before it began."""
    out = folder / "out.tsv"
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert main(["recipes", "--json"]) == 0
    assert main(["read", str(student_file), str(folder), "--out", str(out)]) == 0
    assert len(out.read_text().splitlines()) == 4
