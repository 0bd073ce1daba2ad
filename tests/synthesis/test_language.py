"""Texts have the same pixels in every locale: findings/pillow-draws-by-the-users-language.sh."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import features

NEUTRAL = Path("/usr/lib/locale/C.utf8")  # of glibc; a copy under another name is a locale of that language
DRAWN = """
import hashlib
import locale

import numpy as np

from distill.synthesis.contact import contact_sheet
from distill.synthesis.fonts import find_faces
from distill.synthesis.letters import advance_px, render_letters

face = find_faces(("dejavu-sans",), "x")[0]
letters, _ = render_letters("бгд\\u0301", face, 48, 0.0, 0.0)
sheet = np.asarray(contact_sheet([np.zeros((9, 9, 3), np.uint8)], ["бгдпт"], 1))
print(locale.setlocale(locale.LC_CTYPE), advance_px("бгд\\u0301", face, 48, 0.0))
print(*(hashlib.sha256(pixels.tobytes()).hexdigest() for pixels in (letters, sheet)))
"""


def _drawn(name: str, locales: Path) -> tuple[str, list[str]]:
    """The locale and the letters' width in a process of its own; digests of their pixels and a caption's."""
    settings = {**os.environ, "LOCPATH": str(locales), "LC_ALL": name}
    done = subprocess.run([sys.executable, "-c", DRAWN], env=settings, capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    return first, second.split()


@pytest.mark.skipif(not features.check("raqm"), reason="Pillow has no Raqm here, and knows no languages")
@pytest.mark.skipif(not NEUTRAL.is_dir(), reason="no glibc with C.utf8, of which to make a locale")
def test_the_users_locale_changes_no_pixel(tmp_path: Path) -> None:
    for name in ("en_GB.UTF-8", "sr_RS.UTF-8"):
        shutil.copytree(NEUTRAL, tmp_path / name)
    english, serbian = (_drawn(name, tmp_path) for name in ("en_GB.UTF-8", "sr_RS.UTF-8"))
    assert serbian[0].startswith("sr_RS.UTF-8 ")
    assert english[0].split()[1] == serbian[0].split()[1]
    assert english[1] == serbian[1]
