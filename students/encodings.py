"""Text that is not UTF-8: which encoding it seems to be in, for the message that refuses it."""

from __future__ import annotations

import codecs

OTHERS = ("gb18030", "big5", "shift_jis", "cp1252")
LOOKED_AT = 2**16  # bytes from the row on that is not UTF-8
SIGNS = frozenset("、。，．：；！？（）「」『』《》〈〉【】“”‘’—…·々〇～℃")


def saved_as_utf8(error: UnicodeDecodeError) -> str:
    """Return what to do about a text that could not be decoded, and in which encoding it seems to be."""
    seems = seems_to_be(bytes(error.object), error.start) if error.encoding == "utf-8" else None
    return "save it as UTF-8" + (f"; it seems to be {seems}: `iconv -f {seems} -t UTF-8`" if seems else "")


def seems_to_be(data: bytes, at: int = 0) -> str | None:
    """Return the encoding in which most of what is not ASCII is common Chinese, Japanese or Latin; None: in none.

    Of `data` the row that holds the byte `at` is looked at, and what follows.
    """
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "UTF-16"
    start = data.rfind(b"\n", 0, at) + 1
    scores = {}
    for encoding in OTHERS:
        try:  # the last character may be cut through
            text = codecs.getincrementaldecoder(encoding)().decode(data[start : start + LOOKED_AT])
        except UnicodeDecodeError:
            continue
        beyond = [c for c in text if not c.isascii()]
        familiar = sum(c.isalpha() if encoding == "cp1252" else _is_common(c) for c in beyond)
        scores[encoding] = familiar / max(len(beyond), 1)
    best = max(scores, key=lambda encoding: scores[encoding], default=None)
    return best.upper() if best is not None and scores[best] > 0.5 else None


def _is_common(character: str) -> bool:
    """Whether a character is kana, a Chinese sign, or one of the common half of GB 2312 or of Big5."""
    if "\u3041" <= character <= "\u30fe" or character in SIGNS:
        return True
    first, in_big5 = (character.encode(codec, "ignore")[:1] for codec in ("gb2312", "big5"))
    return b"\xb0" <= first <= b"\xd7" or b"\xa4" <= in_big5 <= b"\xc6"
