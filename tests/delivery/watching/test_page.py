"""The page of runs in a browser: curves, networks, answers, in wide and narrow windows, and while a run goes on."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from distill.cli import main
from distill.delivery.watching.server import open_watch
from tests.delivery.watching.test_state import begun


@contextmanager
def served(*folders: Path) -> Iterator[str]:
    server = open_watch(folders, "127.0.0.1", 0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_the_server_gives_page_and_state(tmp_path: Path) -> None:
    with served(begun(tmp_path / "run")) as address:
        assert "<title>distill watch</title>" in urlopen(address).read().decode()
        (run,) = json.loads(urlopen(f"{address}state.json").read())
        assert run["networks"][0]["left_s"] == pytest.approx(12)
        with pytest.raises(HTTPError):
            urlopen(f"{address}recipe.yaml")
        (tmp_path / "run" / "data.json").write_text("{")
        with pytest.raises(HTTPError) as told:
            urlopen(f"{address}state.json")
        assert "data.json: cannot be read, or was damaged" in told.value.read().decode()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 380])
def test_the_page_shows_runs_and_follows_them(browser: Any, tmp_path: Path, width: int) -> None:
    one, other = begun(tmp_path / "one"), begun(tmp_path / "other", "teacher", 40)
    with served(one, other) as address:
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.goto(address)
        page.wait_for_selector("polyline", state="attached")
        assert page.locator("section.card h2").count() == 2
        assert page.locator("#charts svg").count() == 2
        assert page.locator("#charts polyline").count() == 4
        text = page.inner_text("body")
        assert "30 of 60" in text
        assert "train: 1 refused" in text
        assert page.locator("td.wrong").first.inner_text() == "tw"
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        with (one / "student" / "metrics.jsonl").open("w") as file:
            file.write('{"step": 50, "loss": 0.5}\n')
        page.get_by_text("50 of 60").wait_for()
        page.select_option("#measure", "loss")
        assert page.locator("#charts svg").count() == 1
        page.close()


def test_the_command_prints_it_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = begun(tmp_path / "run")
    assert main(["watch", str(run), "--terminal", "--once"]) == 0
    assert "30 of 60 steps" in capsys.readouterr().out
    assert main(["watch", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["recipe"] == "little"
    assert main(["watch", str(tmp_path)]) == 2
    assert "neither a run folder" in capsys.readouterr().err
