"""The pages of a report on lines: the verdict first, pictures with labels and readings, and the ceiling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distill.data.lines import Lines
from distill.evaluation.ceiling import ceiling, shown_characters
from distill.evaluation.ceiling import page as ceiling_page
from distill.evaluation.document import as_markdown
from distill.evaluation.metrics import Truth, compare
from distill.evaluation.report import LineReading, Readings, summarise
from distill.evaluation.report_page import write_pages
from distill.evaluation.samples import SHOWN, at_random, worst
from distill.recipe.file import load_recipe
from students.charset import Charset
from tests.samples import png_bytes

ROLES = ("teacher", "control", "student")
LABELS = [f"{i:03d} <b>&amp;|" for i in range(30)] + ["\u05d0\u05d1 `12`", "naïve 7"]
CHARSET = Charset.of(LABELS)


def lines_of(texts: list[str | None], form: str = "exact") -> Lines:
    keys = tuple(f"mine/{i}.png" for i in range(len(texts)))
    fetch = tuple((lambda row: png_bytes(seed=row), i) for i in range(len(texts)))
    widths = np.full(len(texts), 112)
    return Lines(keys, keys, tuple(texts), ("mine",) * len(keys), widths, keys, fetch, forms={"mine": form})


def readings_of(test: Lines, wrong: dict[str, int]) -> Readings:
    """Every role reads the first lines wrongly, the first with every character wrong, the others but for one."""
    return {
        role: {
            key: LineReading(("?" * len(text) if i == 0 else f"{text}?") if i < n else text, 0.9, 0.8)
            for i, (key, text) in enumerate(zip(test.keys, map(str, test.texts), strict=True))
        }
        for role, n in wrong.items()
    }


def report_in(folder: Path, shown: frozenset[str], labels: list[str] = LABELS) -> tuple[dict, str, str]:
    test = lines_of(list(labels), "caseless")
    readings = readings_of(test, {"teacher": 2, "control": 20, "student": 15})
    ones = dict.fromkeys(ROLES, 1)
    result = summarise(test, readings, ones, dict.fromkeys(ROLES, 1.0), "exact", 3, shown)
    result["drawn"] = {"student": {"drawn": {"mine": {"labelled": 1, "unlabelled": 2}}, "replaced": {}}}
    share = {"exact": 0.9, "n": 32}
    result["fit"] = {"student": {"train": None, "validation": share, "test": share}}
    result["next"] = [{"what": "labels", "points": 0.3, "evidence": "The student reads <1%."}]
    write_pages(folder, load_recipe("smoke"), test, readings, result)
    return result, (folder / "report.md").read_text(), (folder / "report.html").read_text()


@pytest.mark.filterwarnings("ignore:No artists:UserWarning", "ignore:Data has no positive:UserWarning")
def test_pages_show_lines_as_pictures_and_a_terminal_shows_no_entities(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    for earlier in ("line-40.png", "worst-13.png"):
        (tmp_path / "pictures" / earlier).write_bytes(b"of an earlier report")
    result, page, html = report_in(tmp_path, frozenset("".join(LABELS)) - {"ï"})
    assert page.splitlines()[2].startswith("**Verdict: ")
    for entity in ("&lt;", "&gt;", "&#", "<code", "&amp;amp;"):
        assert entity not in page
    assert "`000 <b>&amp;\\|`" in page  # as the label is, but for what ends a cell
    assert "000 &lt;b&gt;&amp;amp;|" in html
    assert "1. **Label more lines (up to 30 points).** The student reads \\<1%." in page
    assert "Labels say nothing of the case of letters, so that is not counted." in page
    chosen = result["samples"]
    assert chosen["worst"][0] == "mine/0.png"
    assert [len(keys) for keys in chosen.values()] == [SHOWN, SHOWN, 5]
    for picture in (tmp_path / "pictures").iterdir():
        Image.open(picture).verify()
        assert f"](pictures/{picture.name})" in page
    assert html.count("data:image/png;base64,") == 2 * SHOWN + 5 + 2
    assert html.count("<dt>teacher</dt>") == 2 * SHOWN + 5
    assert "1 of 32 test lines holds characters" in page
    assert "`ï` (1)" in page
    again = tmp_path / "again"
    report_in(again, frozenset("".join(LABELS)) - {"ï"})
    for file in ("report.md", "report.html", *(f"pictures/{p.name}" for p in (again / "pictures").iterdir())):
        assert (tmp_path / file).read_bytes() == (again / file).read_bytes()


def compared(labels: list[str], wrong: dict[int, str], protocol: str = "exact", form: str = "exact") -> list:
    truths = [Truth(f"mine/{i}", label, "mine", form) for i, label in enumerate(labels)]
    return compare(truths, {t.key: wrong.get(i, t.text) for i, t in enumerate(truths)}, protocol)


def test_the_worst_lines_have_most_errors_a_character_and_random_ones_depend_on_the_seed_alone() -> None:
    found = compared(["abcd", "ab", "abcdefgh", "a"], {0: "ab", 1: "a", 2: "abcd"})
    assert worst(found) == ["mine/2", "mine/0", "mine/1"]  # half of each is wrong: the longest first
    many = compared([str(i) for i in range(100)], {})
    assert at_random(many, 1) == at_random(many, 1) != at_random(many, 2)
    assert len(set(at_random(many, 1))) == SHOWN
    assert worst(many) == []


def test_the_ceiling_counts_and_names_lines_with_unseen_characters() -> None:
    shown = shown_characters(lines_of(["abc", None, "Ä"]), CHARSET)
    roles = {
        "teacher": compared(["abé", "ab", "éü c", "ä"], {}),
        "student": compared(["abé", "ab", "éü c", "ä"], {0: "a"}),
    }
    found = ceiling(shown, roles, "exact")
    assert found == {
        "n": 3,
        "exact_at_most": 0.25,
        "characters": {"é": 2, "ä": 1, "ü": 1},
        "lines": {"mine/0": "é", "mine/2": "éü", "mine/3": "ä"},
        "read": {"teacher": 3, "student": 2},
    }
    words = as_markdown(ceiling_page(found, 4))
    assert "3 of 4 test lines hold characters" in words
    assert "at most 25.0%" in words
    assert "the teacher 3, the student 2" in words
    none = ceiling(shown, {"student": compared(["cab"], {})}, "exact")
    assert as_markdown(ceiling_page(none, 1)).count("\n") == 3


def test_what_is_unseen_depends_on_protocol_and_label_forms() -> None:
    capitals = shown_characters(lines_of(["ABC"]), CHARSET)
    assert ceiling(capitals, {"student": compared(["abc"], {})}, "exact")["n"] == 1
    assert ceiling(capitals, {"student": compared(["abc"], {}, "nospace")}, "nospace")["n"] == 0
    assert ceiling(capitals, {"student": compared(["abc"], {}, form="caseless")}, "exact")["n"] == 0
    caseless = shown_characters(lines_of(["ABC"], "caseless"), CHARSET)
    assert ceiling(caseless, {"student": compared(["aBc"], {})}, "exact")["n"] == 0
    unlabelled = shown_characters(lines_of([None, None]), Charset(characters="ab"))
    assert ceiling(unlabelled, {"student": compared(["ba", "bc"], {})}, "exact")["lines"] == {"mine/1": "c"}
