"""The texts of PAGE XML and ALTO as programs write them: white space, several readings, spaces and hyphens."""

from __future__ import annotations

from pathlib import Path

import pytest

from distill.data.formats.page_texts import joined
from students.errors import DataError
from tests.page_files import BOX, PAGE, alto_xml, equiv, opened, page_image, page_xml, text_line

COLLAPSED = "texts with line breaks or other white space, read as one space each"
APART = "texts of strings without SP, put together without a space where script, gap or style say so"


def page_text(folder: Path, inside: str, **more: str) -> str | None:
    page_image(folder)
    (folder / "p1.xml").write_text(page_xml(text_line("a", BOX, inside), **more), "utf-8")
    return opened(folder).texts[0]


def string(text: str, more: str = "", left: float | None = None, right: float = 0) -> str:
    """A string, 20 px high, where it has a place."""
    place = "" if left is None else f'HPOS="{left}" WIDTH="{right - left}" HEIGHT="20" VPOS="10"'
    return f'<String CONTENT="{text}" {more} {place}/>'


def alto_line(folder: Path, inside: str) -> str | None:
    page_image(folder)
    line = f'<TextLine ID="a" HPOS="15" VPOS="36" WIDTH="15" HEIGHT="8">{inside}</TextLine>'
    (folder / "p1.xml").write_text(alto_xml(line), "utf-8")
    return opened(folder).texts[0]


@pytest.mark.parametrize(
    ("written", "text", "counted"),
    [
        ("\n     alpha\n     beta\n   ", "alpha beta", True),
        ("alpha\u00a0beta", "alpha beta", True),
        ("alpha\t\tbeta", "alpha beta", True),
        ("alpha\u2028beta\u3000gamma\u2009delta", "alpha beta gamma delta", True),
        ("\n  alpha beta\r\n", "alpha beta", False),
        ("a\u200bb", "a\u200bb", False),  # no white space
        ("\u00a0", None, False),
    ],
)
def test_white_space_is_one_space(
    tmp_path: Path, written: str, text: str | None, counted: bool, caplog: pytest.LogCaptureFixture
) -> None:
    assert page_text(tmp_path, equiv(written)) == text
    assert (f"{COLLAPSED}: 1 (p1/a)" in caplog.text) == counted
    content = written.replace("\n", "&#10;").replace("\r", "&#13;").replace("\t", "&#9;")
    assert alto_line(tmp_path, string(content)) == text


@pytest.mark.parametrize(
    ("readings", "text"),
    [
        (equiv("none") + equiv("one", 1), "one"),
        (equiv("none") + equiv("two", 2) + equiv("zero", 0) + equiv("one", 1), "zero"),
        (equiv("first") + equiv("second"), "first"),
        ('<TextEquiv index="x"><Unicode>wrong</Unicode></TextEquiv>' + equiv("three", 3), "three"),
        ('<TextEquiv index=" 1 "><Unicode>one</Unicode></TextEquiv>' + equiv("five", 5), "one"),
        (equiv("ten", 10) + equiv("nine", 9) + equiv("last"), "nine"),
        ("<TextEquiv><Unicode>al<!-- no text -->p<hi>h</hi>a</Unicode></TextEquiv>", "alpha"),
        ("<TextEquiv><PlainText>p</PlainText></TextEquiv>", None),
    ],
)
def test_a_stated_index_comes_before_none(tmp_path: Path, readings: str, text: str | None) -> None:
    assert page_text(tmp_path, readings) == text


def test_words_and_glyphs_stand_in_for_the_text_of_a_line(tmp_path: Path) -> None:
    def word(inside: str) -> str:
        return f'<Word id="w"><Coords points="0,0 1,0 1,1"/>{inside}</Word>'

    glyphs = "".join(f"<Glyph>{equiv(letter)}</Glyph>" for letter in "und")
    assert page_text(tmp_path, word(equiv("Haus")) + word(glyphs) + word("")) == "Haus und"
    assert page_text(tmp_path, word(equiv("日本")) + word(equiv("語"))) == "日本語"


def test_lines_of_regions_in_regions_are_lines_of_the_page(tmp_path: Path) -> None:
    page_image(tmp_path)
    first, second, third = (text_line(name, BOX, equiv(name)) for name in ("first", "second", "third"))
    inner = f"<TextRegion>{second}</TextRegion><ImageRegion><TextRegion>{third}</TextRegion></ImageRegion>"
    for lines, texts in ((first + inner, ["first", "second", "third"]), (inner, ["second", "third"])):
        (tmp_path / "p1.xml").write_text(page_xml(lines), "utf-8")
        assert opened(tmp_path).texts == texts


def test_points_of_page_2010_are_elements(tmp_path: Path) -> None:
    page_image(tmp_path)
    corners = [(15, 36), (30, 36), (30, 44), (15, 44)]
    points = "".join(f'<Point x="{x}" y="{y}"/>' for x, y in corners)
    line = f'<TextLine id="a"><Coords>{points}</Coords>{equiv("old")}</TextLine>'
    for version in ("2010-01-12", "2010-03-19"):
        (tmp_path / "p1.xml").write_text(page_xml(line, namespace=PAGE.replace("2019-07-15", version)))
        contents = opened(tmp_path)
        assert contents.texts == ["old"]
        assert contents.fetch(0)
    (tmp_path / "p1.xml").write_text(page_xml(line).replace("PcGts", "pcGts"))
    with pytest.raises(DataError, match=r"p1\.xml: <pcGts> is PAGE from before 2010, which is not read; write it as"):
        opened(tmp_path)


def test_a_text_of_a_region_alone_is_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert page_text(tmp_path, f"</TextLine>{equiv('of the region')}<TextLine>") is None
    assert "regions with a text that none of their lines has, not used: 1 (p1/r)" in caplog.text


@pytest.mark.parametrize(
    ("strings", "text"),
    [
        (string("Die") + string("Zahl"), "Die Zahl"),
        (string("Kö", 'STYLE="bold"') + string("nig") + "<SP/>" + string("lebt"), "König lebt"),
        (string("a") + "<SP/><SP/>" + string("b") + "<SP/>", "a b"),
        (string("a b") + "<SP/>" + string("") + string("c"), "a b c"),
        (string("Die", "", 10, 40) + string("Zahl", "", 48, 90), "Die Zahl"),
        (string("Kö", 'STYLE="bold"', 10, 30) + string("nig", "", 31, 50), "König"),
        (string("Kö", 'STYLEREFS="f1"', 10, 30) + string("nig", 'STYLEREFS="f2"', 30, 50), "König"),
        (string("Kö", 'STYLE="bold"') + string("nig"), "Kö nig"),  # no place shows that they touch
        (string("Kö", "", 10, 30) + string("nig", "", 30, 50) + string("lebt", "", 58, 90), "König lebt"),
        (string("Die", "", 10, 40) + string("Zahl", "", 40, 80), "Die Zahl"),  # a box for each word, without gaps
        (string("of", "", 60, 90) + string("end", "", 10, 52), "of end"),  # from right to left
        ("".join(map(string, "日本語")), "日本語"),
        (string("東京は") + string("2020") + string("年、"), "東京は2020年、"),
        (string("สวัส") + string("ดี"), "สวัสดี"),
        (string("한국") + string("사람"), "한국 사람"),
        ("".join(map(string, "abc")), "abc"),
        (string("a", "", 10, 20) + string("b", "", 21, 30) + string("c", "", 36, 46), "ab c"),
        (string("A") + string("1"), "A 1"),
    ],
)
def test_spaces_stand_where_alto_says_so_or_between_words(tmp_path: Path, strings: str, text: str) -> None:
    assert alto_line(tmp_path, strings) == text


def test_strings_put_together_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    alto_line(tmp_path, string("Die") + string("Zahl"))
    assert not caplog.records
    alto_line(tmp_path, "".join(map(string, "日本語")))
    assert f"{APART}: 1 (p1/a)" in caplog.text


PART = 'SUBS_TYPE="HypPart1" SUBS_CONTENT="Täydellisempää"'


@pytest.mark.parametrize(
    ("strings", "text", "counted"),
    [
        (string("Täydellisem", PART) + '<HYP CONTENT="\u00ad"/>', "Täydellisem-", "with a soft hyphen at the end"),
        (string("Täydellisem\u00ad", PART), "Täydellisem-", "with a soft hyphen at the end"),
        (string("quin-", PART) + '<HYP CONTENT=""/>', "quin-", ""),
        (string("quin-", PART) + '<HYP CONTENT="-"/>', "quin-", ""),
        (string("quin", PART) + "<HYP/>", "quin-", "with a hyphen of no character"),
        (string("quin", PART) + '<HYP CONTENT=""/>', "quin-", "with a hyphen of no character"),
        (string("quin", PART) + '<SP/><HYP CONTENT="\u2e17"/>', "quin\u2e17", ""),
        (string("tal", PART.replace("1", "2")) + "<SP/>" + string("ist"), "tal ist", ""),
        ('<HYP CONTENT="-"/>', None, ""),
    ],
)
def test_a_line_has_the_part_of_a_word_that_it_shows_and_its_hyphen(
    tmp_path: Path, strings: str, text: str | None, counted: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert alto_line(tmp_path, strings) == text
    assert (counted in caplog.text) if counted else not caplog.records


def test_xml_in_another_encoding_or_of_another_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    page_image(tmp_path)
    xml = page_xml(text_line("a", BOX, equiv("größe"))).replace("UTF-8", "UTF-16")
    (tmp_path / "p1.xml").write_bytes(xml.encode("utf-16"))
    (tmp_path / "mets.xml").write_text("<mets/>")
    (tmp_path / "list.xml").write_text("<!DOCTYPE plist><plist/>")
    assert opened(tmp_path).texts == ["größe"]
    assert "XML files neither PAGE nor ALTO, not used: 2 (" in caplog.text


def test_emoji_are_words_among_words_and_no_script_without_spaces() -> None:
    assert joined(["well", "😀", "then"]) == "well 😀 then"
    assert joined(["日本", "語", "。"]) == "日本語。"
