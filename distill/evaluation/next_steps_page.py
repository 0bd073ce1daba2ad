"""What to try next, as a part of the report and as a line in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distill.evaluation.document import Block, Heading, Items, Paragraph, Strong, Text
from distill.evaluation.next_steps import ADVICE, LEAST_POINTS

SHARES = ("train", "validation", "test")


def page(result: Mapping[str, Any]) -> list[Block]:
    """Return the part of the report on what to try next; `result` is `report.json`."""
    items: list[Text] = [
        [Strong(f"{ADVICE[each['what']][0]} ({_at_stake(each)})."), f" {each['evidence']} {ADVICE[each['what']][1]}"]
        for each in result["next"]
    ]
    return [Heading("What to try next"), Items(items) if items else Paragraph(_nothing(result["fit"]["student"]))]


def in_a_line(result: Mapping[str, Any]) -> str:
    """Return the first advice with its evidence, for the terminal."""
    if not result["next"]:
        return _nothing(result["fit"]["student"])
    first = result["next"][0]
    return f"to try next: {ADVICE[first['what']][0].lower()} ({_at_stake(first)}). {first['evidence']}"


def _at_stake(advice: Mapping[str, Any]) -> str:
    return f"up to {100 * advice['points']:.0f} points"


def _nothing(fit: Mapping[str, Any]) -> str:
    """What there is to say where no rule finds anything: what the student reads of each part."""
    shares: Sequence[str] = [f"{fit[part]['exact']:.1%} of {part}" for part in SHARES if fit[part]]
    return (
        f"Nothing stands out: no cause that the figures of this run show costs {100 * LEAST_POINTS:.0f} points of "
        f"exact lines or more. The student reads {', '.join(shares)}."
    )
