"""The page of a check, and its table."""

from __future__ import annotations

import html
import re
from pathlib import Path

from distill.evaluation.doctor.diagnosis import Diagnosis, aligned, in_table
from distill.evaluation.doctor.doubts import doubts_of
from distill.evaluation.doctor.findings import Finding
from distill.evaluation.doctor.labels import class_counts
from distill.evaluation.doctor.page import Album, page, write_check
from distill.evaluation.doctor.pictures import look_at
from distill.evaluation.doctor.profile import profiles
from distill.recipe.file import load_recipe
from students.charset import Charset
from tests.doctor import bars, certain_reader, lines_of

EVIL = "<script>alert('1')</script>\"&"


def test_the_page_escapes_all_data_and_names_what_it_leaves_out(tmp_path: Path) -> None:
    lines = lines_of([bars("ab")] * 3, [EVIL] * 3, EVIL)
    finding = Finding("problem", "leak", EVIL, EVIL, lines.keys, (EVIL,) * 3, lines.keys, EVIL)
    recipe = load_recipe("smoke").model_copy(update={"about": EVIL, "name": "n"})
    charset = Charset.of([EVIL])
    parts = {part: lines if part == "train" else lines.take([]) for part in ("train", "validation", "test")}
    doubts = doubts_of("train", lines_of([bars("ab")], ["aa"], EVIL), certain_reader(tmp_path), 0)
    pictures = {part: look_at(part, some) for part, some in parts.items()}
    found = Diagnosis((finding,), parts, class_counts(parts, charset), tuple(profiles(pictures, {})), doubts.doubts)
    shown = page(recipe, found, Album(lines))
    assert "<script" not in shown
    assert html.escape(EVIL) in shown
    assert not re.search(r"(src|href)=\"(?!data:)", shown)
    assert shown.count("data:image/jpeg") == 7  # three pairs and a doubt
    assert "left out" not in shown
    assert "7 pictures left out" in page(recipe, found, Album(lines, limit_bytes=10))
    written = {path.name for path in write_check(tmp_path, recipe, found)}
    assert written == {"check.html", "check.json", "suspicious.png"}


def test_a_message_of_several_rows_keeps_them() -> None:
    finding = Finding(
        "problem", "lines", "recipe", "recipe x: 2 problems\n  - a: <b>\n  - c", ("k",), ("one\ntwo",), (), "1\n2"
    )
    shown = page(load_recipe("smoke"), Diagnosis((finding,)), Album(lines_of([bars("ab")], ["ab"])))
    assert "recipe x: 2 problems<br>  - a: &lt;b&gt;<br>  - c" in shown
    assert "one<br>two" in shown
    assert "1<br>2." in shown


def test_the_table_is_aligned_and_counts() -> None:
    assert aligned([("a", "1"), ("bcd", "20")], right=(1,)) == "a     1\nbcd  20"
    assert in_table(Diagnosis(())).endswith("no problems, no notes")
    table = in_table(Diagnosis((Finding("problem", "k", "train", "m", ("x",), ("x: why",)),)))
    assert "problem  train  k  m; the first: x: why" in table
    assert table.endswith("1 problem, no notes")
