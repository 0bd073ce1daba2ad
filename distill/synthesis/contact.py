"""Pictures of lines on one sheet, each with its text, for a person to look at."""

from __future__ import annotations

from PIL import Image, ImageDraw

from distill.data.augment import Pixels
from distill.synthesis.captions import caption, in_words


def contact_sheet(images: list[Pixels], texts: list[str], columns: int) -> Image.Image:
    """Return all pictures on one sheet, row by row, each with its text beneath, in a font that has its characters.

    A character that no installed font has is a square, and its code stands at the end of the sheet. Raises `ValueError`
    for another number of texts.
    """
    if len(images) != len(texts):
        raise ValueError(f"{len(images)} pictures but {len(texts)} texts")
    captions = [caption(text) for text in texts]
    widths = [image.shape[1] for image in images] + [each.width_px for each in captions]
    cell_w = max(widths, default=0) + 24
    cell_h = max([image.shape[0] for image in images], default=0) + 34
    n_rows = -(-len(images) // columns)
    note = caption(in_words(frozenset().union(*(each.undrawn for each in captions))))
    width, height = max(columns * cell_w + 12, note.width_px + 24), n_rows * cell_h + 12
    sheet = Image.new("RGB", (width, height + (24 if note.text else 0)), (238, 240, 243))
    pen = ImageDraw.Draw(sheet)
    note.draw(pen, (12, height), (170, 40, 40))
    for index, (image, each) in enumerate(zip(images, captions, strict=True)):
        x, y = 12 + index % columns * cell_w, 12 + index // columns * cell_h
        sheet.paste(Image.fromarray(image).convert("RGB"), (x, y))
        each.draw(pen, (x, y + image.shape[0] + 4), (70, 78, 92))
    return sheet
