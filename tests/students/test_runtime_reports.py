"""What ONNX Runtime would write about whoever reads: findings/onnxruntime-reports-on-linux.sh."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.samples import png_bytes

READS = """
import sys, time
import students
from students.shipped import SHIPPED

students.load(SHIPPED / "receipts-small.onnx").read(sys.argv[1])
time.sleep(1)  # it would write from a thread of its own
"""


def test_reading_leaves_no_reports_in_the_home_folder(tmp_path: Path) -> None:
    line_png = tmp_path / "line.png"
    line_png.write_bytes(png_bytes())
    home = tmp_path / "home"
    home.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run([sys.executable, "-c", READS, str(line_png)], env=environment | {"HOME": str(home)}, check=True)
    assert list(home.rglob("*")) == []
