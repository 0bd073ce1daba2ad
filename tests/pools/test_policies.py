"""Lines that mislead, or whose label no alignment fits: dropped by name, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.data.lines import Refusal, joined
from distill.pools.policies import inside_charset, without_infeasible, without_misleading
from distill.recipe.line_data import CharsetChoice, Policies
from students.charset import Charset
from students.errors import DataError
from tests.line_files import many, opened, parquet, row
from tests.samples import png_bytes


def test_a_label_longer_than_its_frames_is_refused_by_name(tmp_path: Path) -> None:
    lines = many(["a", "b", "c", "d"], ["abcd", "aabb", "abcde", None], tmp_path)
    refused: list[Refusal] = []
    n_frames = {int(lines.padded_width_px[0]): 5}
    kept = without_infeasible(lines, n_frames, refused)
    assert kept.texts == ("abcd", "abcde", None)
    assert "'aabb' needs 6 frames, the line has 5" in refused[0].reason


@pytest.mark.parametrize("policy", ["drop", "keep", "fail"])
def test_lines_that_would_mislead_meet_the_policy_by_name(policy: str, tmp_path: Path) -> None:
    labels_and_pictures = [("a", 0), ("b", 0), ("", 1), ("c", 2), ("d", 3)]
    rows = [row(text, f"{i}.png", png_bytes(seed=seed)) for i, (text, seed) in enumerate(labels_and_pictures)]
    parquet(tmp_path / "l.parquet", rows)
    parquet(tmp_path / "t.parquet", [row("c", "t.png", png_bytes(seed=2))])
    train, _ = opened(tmp_path, kind="parquet", path="l.parquet")
    test, _ = opened(tmp_path, kind="parquet", path="t.parquet")
    refused: dict[str, list[Refusal]] = {}
    policies = Policies(empty=policy, leaked=policy, contradictory=policy)  # type: ignore[arg-type]
    if policy == "fail":
        with pytest.raises(DataError, match=r"policies\.empty=fail(.|\n)*2\.png"):
            without_misleading(train, test, policies, refused)
        return
    kept = without_misleading(train, test, policies, refused)
    named = {part: [r.key for r in of_part] for part, of_part in refused.items()}
    if policy == "keep":
        assert (kept.texts, named) == (train.texts, {})
    else:
        assert kept.texts == ("d",)
        assert named["train: empty"] == ["mine/2.png"]
        assert named["train: leaked"] == ["mine/3.png"]
        assert named["train: contradictory"] == ["mine/0.png", "mine/1.png"]


def test_labels_of_two_forms_contradict_only_where_both_tell(tmp_path: Path) -> None:
    for name, texts in (("exact", ["Total", "Sum"]), ("loud", ["TOTAL", "SUN"])):
        parquet(tmp_path / f"{name}.parquet", [row(t, f"{i}.png", png_bytes(seed=i)) for i, t in enumerate(texts)])
    exact, _ = opened(tmp_path, kind="parquet", path="exact.parquet")
    loud, _ = opened(tmp_path, kind="parquet", path="loud.parquet", name="loud", label_form="caseless")
    kept = without_misleading(joined([exact, loud]), exact.take([]), Policies(), {})
    assert kept.texts == ("Total", "TOTAL")


def test_two_cases_of_a_letter_are_one_label_and_need_a_frame_between(tmp_path: Path) -> None:
    rows = [row("Don't!", "a.png"), row("DONT", "b.png"), row("aA", "c.png", png_bytes(seed=3))]
    parquet(tmp_path / "l.parquet", rows)
    lines, _ = opened(tmp_path, kind="parquet", path="l.parquet", label_form="caseless_no_punctuation")
    assert lines.texts == ("Dont", "DONT", "aA")
    assert without_misleading(lines, lines.take([]), Policies(), {}).texts == lines.texts
    refused: list[Refusal] = []
    without_infeasible(lines.take([2]), {int(lines.padded_width_px[2]): 2}, refused)
    assert "needs 3 frames" in refused[0].reason
    with pytest.raises(DataError, match="infeasible=fail"):
        without_infeasible(lines.take([2]), {int(lines.padded_width_px[2]): 2}, [], "fail")


def test_labels_that_the_charset_cannot_write_are_dropped_by_name_or_refused(tmp_path: Path) -> None:
    lines = many(["a", "b", "c"], ["ab", "ax", None], tmp_path)
    charset = Charset(characters="ab")
    refused: list[Refusal] = []
    assert inside_charset(lines, charset, CharsetChoice(outside="drop"), refused).texts == ("ab", None)
    assert [refusal.key for refusal in refused] == ["mine/b"]
    with pytest.raises(DataError, match=r"1 label holds characters outside data\.charset(.|\n)*mine/b"):
        inside_charset(lines, charset, CharsetChoice(outside="fail"), [])


def test_a_letter_that_looks_like_one_of_the_charset_is_named_by_its_number(tmp_path: Path) -> None:
    lines = many(["a"], ["св\u0456т"], tmp_path)
    with pytest.raises(DataError, match=r"holds \['\u0456' \(U\+0456\)\], which the charset lacks"):
        inside_charset(lines, Charset(characters="свтi"), CharsetChoice(outside="fail"), [])
