"""Other page readers: those that are not installed are named, those that are read a page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from distill.data.pages.matching import boxes_of
from distill.evaluation.pages import peers


def test_a_peer_that_is_not_installed_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda _: None)
    found, skipped = peers.open_page_peers()
    assert found == []
    assert list(skipped) == [
        "RapidOCR, PP-OCRv6 small",
        "RapidOCR, PP-OCRv6 tiny",
        "Tesseract psm 3",
        "Tesseract psm 6",
    ]
    assert "rapidocr" in skipped["RapidOCR, PP-OCRv6 tiny"]
    assert "tesserocr" in skipped["Tesseract psm 6"]


def test_a_package_without_the_files_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "find_spec", lambda _: object())
    monkeypatch.setitem(peers.FILES, "tiny", lambda: iter([peers.Files(tmp_path / "det.onnx", tmp_path / "rec.onnx")]))
    with pytest.raises(peers.UserError, match="no package that is installed holds PP-OCRv6 tiny"):
        peers._of_rapidocr("tiny")()


def test_what_a_package_needs_is_named() -> None:
    def needs_more() -> peers.PagePeer:
        raise ModuleNotFoundError("No module named 'omegaconf'", name="omegaconf")

    assert "omegaconf" in str(peers._opened_or_reason(needs_more))


def test_peers_find_and_read_the_lines_of_a_page_or_are_named_as_missing() -> None:
    page = Image.new("RGB", (400, 160), "white")
    draw = ImageDraw.Draw(page)
    for y, text in ((20, "TOTAL 12.50"), (90, "THANK YOU")):
        draw.text((30, y), text, fill="black", font=ImageFont.load_default(size=36))
    installed, missing = peers.open_page_peers()
    assert len(installed) + len(missing) == 4
    for peer in installed:
        found = peer.read(np.asarray(page))
        assert "".join(line.text or "" for line in found).replace(" ", "") == "TOTAL12.50THANKYOU", peer.name
        assert boxes_of([line.outline_P2 for line in found])[0] == pytest.approx((30, 28, 250, 55), abs=15), peer.name
        assert peer.read(np.full((60, 80), 255, np.uint8)) == [], peer.name
