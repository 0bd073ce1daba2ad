"""A step that is not finite is kept, replayed, and the run goes on as if nothing had been."""

from __future__ import annotations

import json
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from distill.cli import main
from distill.data.batch import StepData
from distill.training.lines import LineTask
from distill.training.nonfinite import KEPT


@contextmanager
def poison(key: str, steps: range) -> Iterator[None]:
    """In these steps of every training the picture of one line holds a number that is not finite."""
    whole = LineTask._steps

    def spoiled(task: LineTask, wanted: range, **more: Any) -> Generator[StepData]:
        for data in whole(task, wanted, **more):
            yield _with_nan(data, key) if data.step in steps else data

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LineTask, "_steps", spoiled)
        yield


def _with_nan(data: StepData, place: str) -> StepData:
    first, *others = data.batches
    images_NCHW = first.images_NCHW.clone()
    images_NCHW[int(place), 0, 3, 5] = torch.nan
    return replace(data, batches=(first._replace(images_NCHW=images_NCHW), *others))


def test_the_step_is_kept_replayed_and_the_run_goes_on_as_if_nothing_was(
    tiny_run: Path, tiny: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    words = ["teacher", "smoke", *tiny, "--run", str(run)]
    with poison("1", range(6, 7)):
        assert main(words) == 2
        said = capsys.readouterr().err
        assert "step 6: loss nan" in said
        assert "printed/" in said
        assert "distill replay" in said
        assert (run / "teacher" / KEPT / "step-00000006" / "state.json").is_file()
        assert main(["replay", str(run), "--json"]) == 1
        found = json.loads(capsys.readouterr().out)
        odd = {key: names for key, names in found["items"].items() if names}
        assert found["step"] == 6
        assert not found["finite"]
        assert list(odd.values()) == [["images_NCHW", "ctc"]]
        assert next(iter(odd)) in said
    assert main(["replay", str(run)]) == 0
    assert "finite now" in capsys.readouterr().out
    assert main(words) == 0
    for name in ("model.safetensors", "metrics.jsonl"):
        assert (run / "teacher" / name).read_bytes() == (tiny_run / "teacher" / name).read_bytes()
    shutil.rmtree(run / "teacher" / KEPT)
    assert main(["replay", str(run)]) == 2
    assert "keeps no step that was not finite" in capsys.readouterr().err
