"""Evaluation next to other recognisers, and the message where none is installed."""

from pathlib import Path

import pytest

import distill.evaluation.peers
import students
from distill.cli import main
from distill.evaluation.evaluate import evaluate_sources
from distill.evaluation.peers import Peer, missing_peers, open_peers
from students.errors import UserError
from tests.samples import png_bytes


def test_peers_read_the_same_lines(tmp_path: Path, student_file: Path) -> None:
    for number in range(70):  # more than are read at once
        (tmp_path / f"{number}.png").write_bytes(png_bytes(width=60 + number, seed=number))
    (tmp_path / "labels.tsv").write_text("".join(f"{number}.png\t{number}\n" for number in range(70)))
    expected = {(tmp_path / f"{number}.png").read_bytes(): str(number) for number in range(70)}
    knows = Peer("knows", lambda pictures: [expected[picture] for picture in pictures])
    silent = Peer("silent", lambda pictures: [""] * len(pictures))
    result = evaluate_sources(students.load(student_file), [str(tmp_path)], "exact", [knows, silent]).result
    assert {name: (peer["exact"], peer["cer"], peer["n"]) for name, peer in result["against"].items()} == {
        "knows": (1.0, 0.0, 70),
        "silent": (0.0, 1.0, 70),
    }


@pytest.mark.parametrize("alone", ["", "rapidocr_onnxruntime"])  # the latter without what it needs
def test_without_peers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, alone: str) -> None:
    monkeypatch.setattr(distill.evaluation.peers, "find_spec", lambda name: object() if name == alone else None)
    with pytest.raises(UserError, match=r"crnn-distill\[peers\]"):
        open_peers()


def test_peers_that_are_not_there_are_told(
    tmp_path: Path, student_file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "0.png").write_bytes(png_bytes())
    (tmp_path / "labels.tsv").write_text("0.png\tabc\n")
    has = {"onnxruntime", "cv2", "pyclipper"}
    monkeypatch.setattr(distill.evaluation.peers, "find_spec", lambda name: object() if name in has else None)
    monkeypatch.setattr(distill.evaluation.peers, "files_there", dict)
    missing = missing_peers()
    assert list(missing) == ["PP-OCRv6 small", "PP-OCRv6 tiny", "Tesseract", "PP-OCRv4 mobile"]
    assert missing["PP-OCRv4 mobile"] == "rapidocr_onnxruntime not installed: pip install 'crnn-distill[peers]'"
    monkeypatch.setattr(distill.evaluation.peers, "open_peers", lambda: [Peer("silent", lambda some: [""] * len(some))])
    assert main(["evaluate", str(student_file), str(tmp_path), "--against", "peers"]) == 0
    printed = capsys.readouterr().out
    assert "silent: exact 0.00%" in printed
    assert "skipped: PP-OCRv6 tiny: no installed package holds it: make recognisers" in printed


def test_labels_of_which_a_protocol_leaves_nothing_are_no_score(
    tmp_path: Path, student_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name, label in (("han", "中文"), ("latin", "abc")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "0.png").write_bytes(png_bytes())
        (tmp_path / name / "labels.tsv").write_text(f"0.png\t{label}\n")
    reader, both = students.load(student_file), [str(tmp_path / name) for name in ("han", "latin")]
    with pytest.raises(UserError, match=r"han: under the protocol alnum nothing is left .*such as '中文'; --protocol"):
        evaluate_sources(reader, both[:1], "alnum")
    assert evaluate_sources(reader, both, "alnum").result["n"] == 1
    assert "1-han: under the protocol alnum nothing is left" in caplog.text
    assert evaluate_sources(reader, both[:1], "nospace").result["n"] == 1


def test_lines_without_a_label_are_named(tmp_path: Path, student_file: Path) -> None:
    (tmp_path / "0.png").write_bytes(png_bytes())
    with pytest.raises(UserError, match=r"1 line has no label to compare with: .*/0\.png; label them, or write"):
        evaluate_sources(students.load(student_file), [str(tmp_path)], "exact")
