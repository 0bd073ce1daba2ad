"""The command that takes a recogniser that others made and writes a teacher's file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from distill.commands import Commands, add, reports, show
from distill.data.formats.contents import counted

WORST_CER = 0.5  # of rendered words, from which a person should look at real lines


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    about = "an ONNX recogniser that others made (PaddleOCR, ddddocr, one's own) becomes a teacher's file"
    adopt = add(commands, "adopt", _adopt, about)
    adopt.add_argument(
        "model", metavar="MODEL", help="ONNX file, or ppocr-v6-small from the installed package rapidocr"
    )
    adopt.add_argument("--out", type=Path, required=True, metavar="FILE.onnx", help="file to write")
    adopt.add_argument(
        "--preset",
        choices=["ppocr", "easyocr", "ddddocr", "onnxtr"],
        help="what models of this kind want (default: find out)",
    )
    adopt.add_argument(
        "--charset", type=Path, metavar="FILE", help="characters: one a line, YAML, JSON or a Python list"
    )
    adopt.add_argument("--describe", type=Path, metavar="YAML", help="what is known, key by key (docs/adopt.md)")
    adopt.add_argument(
        "--lines",
        action="append",
        default=[],
        metavar="DATA",
        help="lines to read: twenty become a picture next to the file, and a model that reads nothing right is refused",
    )
    reports(adopt)


def _adopt(options: argparse.Namespace) -> int:
    from distill.adoption.adopt import adopt, described_by, summary, write
    from distill.adoption.settings import Settings
    from distill.delivery.target import expect_target
    from students.model_file import ONNX_SUFFIX

    expect_target(options.out, [Path(options.model)], ONNX_SUFFIX)
    if options.lines:
        from distill.evaluation.evaluate import sources_of

        sources_of(options.lines)  # a place that is not there is told before minutes of adoption
    described = described_by(options.describe) if options.describe else None
    charset = options.charset
    if charset is None and described is not None and described.charset:
        charset = options.describe.parent / described.charset
    adopted = adopt(options.model, options.out, options.preset, charset, described)
    seen = None
    if options.lines:
        from distill.adoption.lines import look, other_colour

        seen = look(adopted, options.lines, options.out.with_suffix(".lines.png"))
        if (colour := other_colour(adopted, seen)) is not None:
            described = Settings(colour=colour).over(described or Settings())
            adopted = adopt(options.model, options.out, options.preset, charset, described)
            seen = look(adopted, options.lines, options.out.with_suffix(".lines.png"))
    result = summary(adopted, options.out) | ({} if seen is None else {"lines": seen})
    write(adopted, options.out)
    rows = [f"{options.out}: {result['bytes'] / 1e6:.1f} MB, {result['characters']:,} characters"]
    rows += [f"  {f['what']}: {f['value']} ({f['why']})" for f in result["found"]]
    words = result["rendered_words"]
    rows.append(f"  rendered words: {words['cer']:.0%} of the characters wrong: {' '.join(words['texts'][:8])} ...")
    if words["cer"] > WORST_CER and "lines" not in result:
        rows.append("  it hardly reads these English words: see with --lines whether it reads lines of its own kind")
    if "lines" in result:
        rows.append(_of_lines(result["lines"]))
    show(result, options, "\n".join(rows))
    return 0


def _of_lines(seen: dict[str, Any]) -> str:
    """What was seen on real lines."""
    scored = (
        f"exact {seen['exact']:.2%}, CER {seen['cer']:.2%} ({seen['protocol']})" if seen["labelled"] else "no labels"
    )
    words = f"  lines: {seen['lines']:,} read, {scored}; {seen['picture']} shows some"
    if seen["refused"]:
        words += f"\n  refused: {counted(seen['refused'], 'line')}, the first: {seen['first_refused']}"
    return words + (f"\n  {seen['colour']['words']}" if "colour" in seen else "")
