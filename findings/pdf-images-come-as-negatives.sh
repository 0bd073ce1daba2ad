#!/bin/sh
# pikepdf 10.18.0, pypdf 7.1.1, PyMuPDF 2.0, pypdfium2 5.15.2 and pdfminer.six 20260107 take the pictures out of a PDF, and
# each gives some scans white on black whose pages every viewer, and PDFium and MuPDF of the same packages, draw black on
# white. A stencil (ImageMask), as programs write the ink of a page that they part from its paper: the masks of PDFium and
# MuPDF. One bit with Decode [1 0]: extract() of pypdfium2 and pdfminer; fax the same way: pdfminer. A grey JPEG with
# Decode [1 0]: extract() of pypdfium2, pikepdf, extract_image of PyMuPDF, pdfminer. A palette: pdfminer; one with Decode
# [1 0]: pikepdf, which warns of this one, and pypdf. Both honour Decode elsewhere, so a try with one file tells little.
# Nothing else is said; one book's pages differ by the program that scanned them. One expects of a picture what the page
# shows. Draw the page instead. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet pikepdf==10.18.0 pypdf==7.1.1 pypdfium2==5.15.2 \
    pdfminer.six==20260107 pillow==13.0.0
"$folder/venv/bin/python" -m pip install --quiet --no-deps pymupdf==2.0
"$folder/venv/bin/python" - "$folder" << 'PYTHON'
import io
import sys
import tempfile
import zlib
from importlib.metadata import version
from pathlib import Path

import pdfminer.high_level
import pdfminer.image
import pdfminer.layout
import pikepdf
import pymupdf
import pypdf
import pypdfium2
from pikepdf import Array, Dictionary, Name, PdfImage, Stream
from PIL import Image, ImageChops, ImageDraw

print(*(f"{name} {version(name)}" for name in ("pikepdf", "pypdf", "pymupdf", "pypdfium2", "pdfminer.six")))
FOLDER, WIDTH, HEIGHT = Path(sys.argv[1]), 64, 24
INK, PAPER = (12, 8), (1, 1)
grey = Image.new("L", (WIDTH, HEIGHT), 255)
ImageDraw.Draw(grey).rectangle([8, 4, 15, 11], fill=0)
bits, negative = grey.convert("1"), ImageChops.invert(grey)


def jpeg(image):
    image.save(held := io.BytesIO(), "JPEG", quality=95)
    return held.getvalue()


def fax(image):
    """The bits of a page in CCITT group 4, without the TIFF about them."""
    image.save(held := io.BytesIO(), "TIFF", compression="group4", tiffinfo={262: 0})
    tags = Image.open(io.BytesIO(held.getvalue())).tag_v2
    return held.getvalue()[tags[273][0] :][: tags[279][0]]


FLATE, TURNED = {"Filter": Name.FlateDecode}, {"Decode": Array([1, 0])}
GREY = {"ColorSpace": Name.DeviceGray}
PALETTE = {"ColorSpace": Array([Name.Indexed, Name.DeviceGray, 1, pikepdf.String(b"\xff\x00")])}
FAX = {"Filter": Name.CCITTFaxDecode, "DecodeParms": Dictionary(K=-1, Columns=WIDTH, Rows=HEIGHT, BlackIs1=True)}
stored, turned = (zlib.compress(image.tobytes()) for image in (bits, negative.convert("1")))
KINDS = {  # bytes, bits of a pixel, entries, and who gives a negative of it
    "one bit": (stored, 1, GREY | FLATE, set()),
    "stencil": (stored, 1, {"ImageMask": True} | FLATE, {"PDFium", "PDFium extract", "MuPDF", "MuPDF extract"}),
    "one bit, Decode": (turned, 1, GREY | FLATE | TURNED, {"PDFium extract", "pdfminer"}),
    "fax, Decode": (fax(bits), 1, GREY | FAX | TURNED, {"pdfminer"}),
    "JPEG": (jpeg(grey), 8, GREY | {"Filter": Name.DCTDecode}, set()),
    "JPEG, Decode": (
        jpeg(negative),
        8,
        GREY | {"Filter": Name.DCTDecode} | TURNED,
        {"PDFium extract", "pikepdf", "pikepdf extract", "MuPDF extract", "pdfminer"},
    ),
    "palette": (turned, 1, PALETTE | FLATE, {"pdfminer"}),
    "palette, Decode": (stored, 1, PALETTE | FLATE | TURNED, {"pikepdf", "pikepdf extract", "pypdf"}),
}


def pdf_of(data, n_bits, entries):
    """A PDF whose one page is the picture."""
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=(WIDTH, HEIGHT))
    form = {"Type": Name.XObject, "Subtype": Name.Image, "Width": WIDTH, "Height": HEIGHT, "BitsPerComponent": n_bits}
    image = pdf.make_indirect(Stream(pdf, data, **form, **entries))
    pdf.pages[0].Resources = Dictionary(XObject=Dictionary(Im0=image))
    pdf.pages[0].Contents = Stream(pdf, f"q {WIDTH} 0 0 {HEIGHT} 0 0 cm /Im0 Do Q".encode())
    pdf.save(held := io.BytesIO())
    return held.getvalue()


def by_pikepdf(data, extract=False):
    with pikepdf.open(io.BytesIO(data)) as pdf:
        image = PdfImage(pdf.pages[0].Resources.XObject.Im0)
        if not extract:
            return image.as_pil_image()
        image.extract_to(stream=(held := io.BytesIO()))
        return Image.open(held)


def by_pdfium(data, extract=False):
    document = pypdfium2.PdfDocument(data)
    (image,) = document[0].get_objects()
    if not extract:
        return image.get_bitmap().to_pil()
    image.extract(held := io.BytesIO())
    return Image.open(held)


def by_mupdf(data, extract=False):
    document = pymupdf.open(stream=data, filetype="pdf")
    number = document[0].get_images()[0][0]
    image = document.extract_image(number)["image"] if extract else pymupdf.Pixmap(document, number).tobytes("png")
    return Image.open(io.BytesIO(image))


def drawn_by_mupdf(data):
    return Image.open(io.BytesIO(pymupdf.open(stream=data, filetype="pdf")[0].get_pixmap().tobytes("png")))


def by_pdfminer(data):
    written = Path(tempfile.mkdtemp(dir=FOLDER))
    (page,) = pdfminer.high_level.extract_pages(io.BytesIO(data))
    for figure in page:
        for image in figure:
            assert isinstance(image, pdfminer.layout.LTImage)
            pdfminer.image.ImageWriter(str(written)).export_image(image)
    return Image.open(next(written.iterdir()))


READERS = {
    "PDFium's page": lambda data: pypdfium2.PdfDocument(data)[0].render().to_pil(),
    "MuPDF's page": drawn_by_mupdf,
    "PDFium": by_pdfium,
    "PDFium extract": lambda data: by_pdfium(data, extract=True),
    "MuPDF": by_mupdf,
    "MuPDF extract": lambda data: by_mupdf(data, extract=True),
    "pikepdf": by_pikepdf,
    "pikepdf extract": lambda data: by_pikepdf(data, extract=True),
    "pypdf": lambda data: pypdf.PdfReader(io.BytesIO(data)).pages[0].images[0].image,
    "pdfminer": by_pdfminer,
}
as_seen = []
for kind, (data, n_bits, entries, negatives) in KINDS.items():
    found = set()
    for name, read in READERS.items():
        image = read(pdf_of(data, n_bits, entries)).convert("L")
        ink, paper = (image.getpixel(place) for place in (INK, PAPER))
        found |= {name} if ink > paper else set()
        as_seen.append(image.size == (WIDTH, HEIGHT) and {ink, paper} == {0, 255})
    print(f"{kind}: white on black by {', '.join(sorted(found)) or 'none'} of {len(READERS)}")
    as_seen.append(found == negatives)
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
