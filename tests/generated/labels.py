"""Files of labels, and texts beside their images: each format that a folder may have, in unusual but valid forms."""

from __future__ import annotations

import csv
import io
import json
from pathlib import PurePosixPath

from hypothesis import strategies as st

from distill.data.formats.label_files import FILE_COLUMNS, TEXT_COLUMNS
from tests.generated.texts import Made, lines, named_pictures

BOM = b"\xef\xbb\xbf"
bits = st.booleans()
unlabelled_too = st.one_of(lines, lines, lines, st.none())


def encoded(draw: st.DrawFn, rows: list[str]) -> bytes:
    """Rows as bytes: with a byte order mark or without, either line break, the last one or none, empty rows behind."""
    end = draw(st.sampled_from(["\n", "\r\n"]))
    behind = draw(st.sampled_from(["", end, end, end * 3]))
    return (BOM if draw(bits) else b"") + (end.join(rows) + behind).encode()


@st.composite
def tabbed(draw: st.DrawFn) -> Made:
    """`labels.tsv` with a heading or without."""
    pictures = draw(named_pictures())
    texts = [draw(lines) for _ in pictures]
    rows = [f"{name}\t{text}" for name, text in zip(pictures, texts, strict=True)]
    heading = ["file\ttext"] if draw(bits) else []
    return Made("tsv", pictures | {"labels.tsv": encoded(draw, heading + rows)}, list(texts), list(pictures))


@st.composite
def paddle_list(draw: st.DrawFn) -> Made:
    """A list of PaddleOCR; a list of files may stand for one."""
    pictures = draw(named_pictures(least=2))
    names = list(pictures)
    texts = [draw(lines) for _ in names]
    rows = [f"{name}\t{text}" for name, text in zip(names, texts, strict=True)]
    if draw(bits):
        texts[1] = texts[0]
        rows[:2] = [json.dumps(names[:2], ensure_ascii=draw(bits)) + f"\t{texts[0]}"]
    file = draw(st.sampled_from(["rec_gt.txt", "rec_gt_train.txt", "rec_gt_test.txt"]))
    return Made("PaddleOCR list", pictures | {file: encoded(draw, rows)}, list(texts), names)


@st.composite
def comma_separated(draw: st.DrawFn) -> Made:
    """`labels.csv` or `metadata.csv`: any order of columns, more of them, any quoting."""
    pictures = draw(named_pictures())
    texts = [draw(lines) for _ in pictures]
    more = draw(st.lists(st.sampled_from(["split", "width", "note", "id"]), max_size=2, unique=True))
    columns = draw(st.permutations([draw(st.sampled_from(FILE_COLUMNS)), draw(st.sampled_from(TEXT_COLUMNS)), *more]))
    buffer = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]))
    writer = csv.writer(buffer, quoting=quoting, lineterminator=draw(st.sampled_from(["\n", "\r\n"])))
    writer.writerow(columns)
    for name, text in zip(pictures, texts, strict=True):
        cells = dict.fromkeys(FILE_COLUMNS, name) | dict.fromkeys(TEXT_COLUMNS, text)
        writer.writerow([cells.get(column, draw(st.sampled_from(["", "x", 'a "b"', "1,5"]))) for column in columns])
    content = (BOM if draw(bits) else b"") + buffer.getvalue().encode()
    file = draw(st.sampled_from(["labels.csv", "metadata.csv"]))
    return Made("csv", pictures | {file: content}, list(texts), list(pictures))


def dumped(draw: st.DrawFn, value: object, on_one_line: bool = False) -> str:
    """JSON in any of its forms."""
    indent = None if on_one_line else draw(st.sampled_from([None, 1, 4, "\t"]))
    separators = draw(st.sampled_from([None, (",", ":"), (" , ", " : ")]))
    return json.dumps(value, ensure_ascii=draw(bits), indent=indent, separators=separators)


def records(draw: st.DrawFn, pictures: dict[str, bytes]) -> list[dict[str, object]]:
    """An object for each picture, with keys that nobody asked for; some without a label."""
    file, text = draw(st.sampled_from(FILE_COLUMNS)), draw(st.sampled_from(TEXT_COLUMNS))
    more = draw(st.sampled_from([{}, {"split": "train"}, {"boxes": [[1, 2], [3, 4]], "by": None}]))
    found = [{file: name, **more, text: draw(unlabelled_too)} for name in pictures]
    return [dict(draw(st.permutations(sorted(each.items(), key=lambda item: item[0])))) for each in found]


def texts_of(found: list[dict[str, object]]) -> list[str | None]:
    """The texts of records."""
    return [next(each[column] for column in TEXT_COLUMNS if column in each) for each in found]  # type: ignore[misc]


@st.composite
def json_file(draw: st.DrawFn) -> Made:
    """`labels.json`: an object of texts, or a list of objects."""
    pictures = draw(named_pictures())
    if draw(bits):
        value: object = (named := {name: draw(unlabelled_too) for name in pictures})
        texts = list(named.values())
    else:
        value = found = records(draw, pictures)
        texts = texts_of(found)
    content = (BOM if draw(bits) else b"") + dumped(draw, value).encode()
    return Made("json", pictures | {"labels.json": content}, texts, list(pictures))


@st.composite
def json_lines(draw: st.DrawFn) -> Made:
    """`metadata.jsonl`."""
    pictures = draw(named_pictures())
    found = records(draw, pictures)
    rows = [dumped(draw, each, on_one_line=True) for each in found]
    return Made("jsonl", pictures | {"metadata.jsonl": encoded(draw, rows)}, texts_of(found), list(pictures))


@st.composite
def beside(draw: st.DrawFn) -> Made:
    """`name.gt.txt` next to each image, or to some of them."""
    pictures = draw(named_pictures())
    texts = {name: draw(unlabelled_too) for name in pictures}
    first = next(iter(texts))
    texts[first] = texts[first] or "one"
    ends = st.sampled_from(["", "\n", "\r\n"])
    files = {
        str(PurePosixPath(name).with_suffix(".gt.txt")): (BOM if draw(bits) else b"") + (text + draw(ends)).encode()
        for name, text in texts.items()
        if text is not None
    }
    names = sorted(pictures)
    return Made("texts beside images", pictures | files, [texts[name] for name in names], names)
