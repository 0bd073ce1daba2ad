"""Files that hold several pictures, of which only the first would be read: pages of a TIFF, an animation."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

from PIL import Image
from PIL.TiffImagePlugin import TiffImageFile

from students.errors import DataError

NEW_SUBFILE_TYPE, NO_PAGE = 254, 1 | 4  # TIFF's tag, and its bits for a smaller copy and for a mask
SUBFILE_TYPE, SMALLER = 255, 2  # its older tag, and the value for a smaller copy
ANIMATED = ("PNG", "WEBP")


def refuse_further_pages(image: Image.Image, key: str) -> None:
    """Raise `DataError` for a TIFF of several pages, or an animation, of which only the first would be read.

    Copies of a page in a lower resolution, and masks, are no pages.
    """
    if image.format in ANIMATED and (n_pictures := getattr(image, "n_frames", 1)) > 1:
        raise DataError(f"{key}: an animation of {n_pictures} pictures; write one of them as a file of its own")
    if not isinstance(image, TiffImageFile) or not image.is_animated:
        return
    n_pages = 1
    with suppress(Exception):  # the end of the file, and what cannot be reached, is no page
        for i in count(1):
            image.seek(i)
            tags = image.tag_v2
            n_pages += not (tags.get(NEW_SUBFILE_TYPE, 0) & NO_PAGE or tags.get(SUBFILE_TYPE) == SMALLER)
    image.seek(0)
    if n_pages > 1:
        raise DataError(f"{key}: a TIFF of {n_pages} pages; write each page as a file of its own")
