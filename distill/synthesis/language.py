"""The language that a text is set in: none, whoever runs the program.

Where Pillow is told none, HarfBuzz takes that of the process's locale, and letters of fonts change with it
(findings/pillow-draws-by-the-users-language.sh).
"""

from PIL import ImageFont

_UNDETERMINED = "und"  # ISO 639-2


def no_language(font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str | None:
    """Return the `language` to hand Pillow with a text in `font`; None for basic layout, which takes none."""
    raqm = isinstance(font, ImageFont.FreeTypeFont) and font.layout_engine == ImageFont.Layout.RAQM
    return _UNDETERMINED if raqm else None
