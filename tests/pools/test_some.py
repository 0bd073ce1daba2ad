"""A few training lines: those of the pool, in its random order, without the other rendered ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from distill.pools.lines import open_pools
from distill.pools.some import some_training_lines
from distill.recipe.file import load_line_recipe
from distill.seeds import generator_of
from distill.synthesis import opening
from tests.line_files import parquet, row
from tests.samples import png_bytes

N = 12
FILES = "data.train.1={kind: parquet, name: files, path: %s}"
CASES = {  # settings, and whether lines can be told without rendering all
    "as it is": ((), True),
    "with files": (("data.cut={share: 0.3, sources: [files]}", "data.validation=[]"), True),
    "leaked": (("data.test.0.seed=1", "data.test.0.fonts=[arimo, roboto, dejavu-serif]"), True),
    "too wide": (("image.max_width_px=150",), True),
    "east asian": (("data.normalisation=east_asian", "data.train.0.label_form=caseless"), True),
    "cut": (("data.cut={share: 0.3}", "data.validation=[]"), False),
    "unlabelled": (("data.unlabel={share: 0.3}",), False),
}


@pytest.mark.parametrize(("name", "settings", "alone"), [(name, *case) for name, case in CASES.items()])
def test_lines_are_those_of_the_whole_pool(
    name: str,
    settings: tuple[str, ...],
    alone: bool,
    few_lines: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = parquet(tmp_path / "files.parquet", [row(str(i), f"{i}.png", png_bytes(seed=i)) for i in range(40)])
    few = [setting for setting in few_lines if not setting.startswith("data.train.1")]
    given = [*few, FILES % files, *settings] if name == "with files" else [*few_lines, *settings]
    recipe = load_line_recipe("smoke", given)
    pool = open_pools(recipe, tmp_path).train
    order = torch.randperm(len(pool), generator=generator_of("preview", recipe.seed)).tolist()
    if alone:
        monkeypatch.setattr(opening, "materialise", None)
    some = some_training_lines(recipe, tmp_path, N)
    if name == "too wide":  # how many are is not known, and the order depends on it
        assert len(some) == N
        assert set(some.keys) <= set(pool.keys)
        return
    expected = pool.take(order[:N])
    assert (some.keys, some.texts, some.forms) == (expected.keys, expected.texts, expected.forms)
    assert some.padded_width_px.tolist() == expected.padded_width_px.tolist()
    assert some.image_digests == expected.image_digests
    assert [some[i].image for i in range(N)] == [expected[i].image for i in range(N)]
