"""The command that looks at a folder of lines and writes a recipe for them."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from distill.commands import Commands, add, reports, show
from students.errors import UserError


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    new = add(commands, "new", _new, "look at your lines and write a recipe for them, with its reasons")
    new.add_argument("name", metavar="NAME", help="of the recipe: NAME.yaml is written")
    new.add_argument(
        "--from", dest="lines", required=True, metavar="DATA", help="labelled lines, or some of them; or a set"
    )
    new.add_argument("--unlabelled", metavar="DATA", help="more lines like these, without labels")
    new.add_argument(
        "--validation",
        metavar="DATA",
        help="labelled lines to choose weights by; without them some of the lines are cut",
    )
    new.add_argument(
        "--test", metavar="DATA", help="labelled lines kept apart; without them a test is cut from the lines"
    )
    new.add_argument("--fonts", type=Path, metavar="FOLDER", help="font files to render synthetic lines with")
    new.add_argument("--teacher", metavar="NAME|FILE", help="a finished teacher; none is trained")
    new.add_argument("--size", choices=["small", "medium", "large"], default="medium", help="of the student")
    new.add_argument("--budget", default="30m", metavar="TIME", help="for the whole run on this machine (default 30m)")
    new.add_argument("--label-form", choices=FORMS, help="what labels record; without it the labels themselves tell")
    new.add_argument("--yes", action="store_true", help="ask nothing, and write over NAME.yaml")
    reports(new)


FORMS = ["exact", "caseless", "no_punctuation", "caseless_no_punctuation"]


def _new(options: argparse.Namespace) -> int:
    from distill.proposing.proposing import corpus_of, propose
    from distill.proposing.wishes import Wishes

    target = Path(f"{options.name.removesuffix('.yaml')}.yaml")
    for path in (target, corpus_of(target)):
        if path.exists() and not (options.yes or _agreed(f"{path} is there already; write over it?", False)):
            raise UserError(f"{path}: is there already; choose another NAME, or --yes to write over it")
    if not os.access(target.parent, os.W_OK):  # told before minutes are spent on a look at the lines
        raise UserError(f"{target}: cannot be written: {target.parent.absolute()} is missing or may not be written in")
    with tempfile.TemporaryDirectory() as cache:
        wishes = Wishes(
            target=target,
            lines=options.lines,
            unlabelled=options.unlabelled,
            validation=options.validation,
            test=options.test,
            fonts=options.fonts,
            teacher=options.teacher,
            size=options.size,
            budget=options.budget,
            label_form=options.label_form,
        )
        proposal = propose(wishes, Path(cache))
        form = proposal.label_form
        if (
            form != "exact"
            and options.label_form is None
            and not (options.yes or _agreed(f"{proposal.why_form}: right?", True))
        ):
            proposal = propose(wishes.with_form("exact"), Path(cache))
    proposal.write()
    result: dict[str, Any] = {"recipe": str(target), "seen": proposal.seen, "chosen": proposal.chosen}
    rows = [*(f"seen     {row}" for row in proposal.seen), *(f"chosen   {row}" for row in proposal.chosen)]
    show(
        result,
        options,
        "\n".join(
            [*rows, f"\nwrote {target}; next: distill run {target} (distill check {target} looks at the lines before)"]
        ),
    )
    return 0


def _agreed(question: str, otherwise: bool) -> bool:
    """Ask on a terminal; elsewhere the answer is `otherwise`."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return otherwise
    print(f"{question} [{'Y/n' if otherwise else 'y/N'}] ", end="", file=sys.stderr, flush=True)
    answer = sys.stdin.readline().strip().lower()
    return otherwise if not answer else answer.startswith("y")
