"""The recipe lines for a curriculum that docs/losses.md shows do what the sentence above them says."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.recipe.file import load_recipe
from distill.teaching.objective import term_weights
from docs.build import ROOT
from tests.docs.shown import blocks


def test_texts_and_features_come_first_and_frames_last(tmp_path: Path) -> None:
    (shown,) = blocks(ROOT / "docs" / "losses.md", "yaml")
    path = tmp_path / "curriculum.yaml"
    path.write_text(f"extends: smoke\nname: curriculum\n{shown}")
    objective = load_recipe(str(path)).objective

    def taught(done: float) -> dict[str, float]:
        weights = term_weights(objective, done, taught=True)
        return {name: weight for name, weight in weights.items() if name not in ("ctc", "class_changes")}

    assert taught(0) == {"sequence_kd": 1, "feature_hint": 0.5}
    assert taught(0.2) == pytest.approx({"sequence_kd": 1, "feature_hint": 0.25})
    assert taught(0.35).keys() == {"sequence_kd", "feature_hint", "blank_split"}
    assert taught(0.4) == taught(0.99) == {"blank_split": 4}
