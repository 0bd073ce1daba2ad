#!/bin/sh
# pypdfium2 5.15.2: in the text of a PDF a hyphen that ends a line behind a letter is no hyphen. get_text_range gives
# U+FFFE for it, a code point that no text may hold for interchange, get_text_bounded of the same page gives U+0002; both
# leave out the line break behind it, so that the two lines become one: "well-" and "known" are "well<U+FFFE>known". A
# hyphen behind a digit, and one inside a line, stay, so "10-" and "20" are two lines and "model A-" and "B" are one.
# Whoever takes labels of lines from PDFs that were born digital trains classes that no picture shows, and counts lines
# short. One expects "-" and a line break, or the word joined. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pypdfium2==5.15.2 pikepdf==10.18.0 lxml==6.1.3 packaging==26.4
"$folder/venv/bin/python" - << 'PYTHON'
import io
from importlib.metadata import version

import pikepdf
import pypdfium2

print(*(f"{name} {version(name)}" for name in ("pypdfium2", "pikepdf")), "with PDFium", pypdfium2.PDFIUM_INFO)


def page_of(lines):
    """A PDF with one page, on which the lines stand one below the other in Helvetica."""
    document = pikepdf.new()
    page = document.add_blank_page(page_size=(300, 200))
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica", "/Encoding": "/WinAnsiEncoding"}
    names = pikepdf.Dictionary({key: pikepdf.Name(value) for key, value in font.items()})
    page.obj.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F1=document.make_indirect(names)))
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    page.obj.Contents = document.make_stream(f"BT /F1 12 Tf 14 TL 20 180 Td {shown} ET".encode())
    document.save(blob := io.BytesIO())
    return blob.getvalue()


CASES = {  # lines: what get_text_range gives, with "#" for the character that get_text_bounded gives otherwise
    ("well-", "known"): "well#known",
    ("model A-", "B"): "model A#B",
    ("10-", "20"): "10-\r\n20",
    ("co-op", "shop"): "co-op\r\nshop",
}
as_seen = []
for lines, expected in CASES.items():
    text = pypdfium2.PdfDocument(page_of(lines))[0].get_textpage()
    ranged, bounded = text.get_text_range(), text.get_text_bounded()
    print(f"{lines}: get_text_range {ranged!a}, get_text_bounded {bounded!a}")
    as_seen += [ranged == expected.replace("#", "\ufffe"), bounded == expected.replace("#", "\x02")]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
