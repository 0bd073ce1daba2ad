"""The command that takes a recogniser that others made and writes a teacher's file."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.commands import Commands, add, reports, show


def add_to(commands: Commands) -> None:
    about = "an ONNX recogniser that others made (PaddleOCR, ddddocr, one's own) becomes a teacher's file"
    adopt = add(commands, "adopt", _adopt, about)
    adopt.add_argument(
        "model", metavar="MODEL", help="ONNX file, or ppocr-v6-small from the installed package rapidocr"
    )
    adopt.add_argument("--out", type=Path, required=True, metavar="FILE.onnx", help="file to write")
    adopt.add_argument(
        "--preset", choices=["ppocr", "ddddocr"], help="what models of this kind want (default: find out)"
    )
    adopt.add_argument(
        "--charset", type=Path, metavar="FILE", help="characters: one a line, YAML, JSON or a Python list"
    )
    adopt.add_argument("--describe", type=Path, metavar="YAML", help="what is known, key by key (docs/adopt.md)")
    reports(adopt)


def _adopt(options: argparse.Namespace) -> int:
    from distill.adoption.adopt import adopt, described_by, summary, write

    said = described_by(options.describe) if options.describe else None
    charset = options.charset
    if charset is None and said is not None and said.charset:
        charset = options.describe.parent / said.charset
    adopted = adopt(options.model, options.out, options.preset, charset, said)
    write(adopted, options.out)
    result = summary(adopted, options.out)
    rows = [f"{options.out}: {result['bytes'] / 1e6:.1f} MB, {result['characters']:,} characters"]
    rows += [f"  {f['what']}: {f['value']} ({f['why']})" for f in result["found"]]
    show(result, options, "\n".join(rows))
    return 0
