"""Make the generated documents, and the site of all of them.

`results`: RESULTS.md and docs/frontier.svg of docs/results/*.json. `reliability`: RELIABILITY.md of
docs/reliability/*.json. `docs`: docs/recipe.md of the recipe's sections, docs/architecture.svg of the layers. `site`:
site/html of every document. Tests fail where one of the former is stale.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from distill.records import Question, Record, read_question  # noqa: E402 - the root has to be known first
from docs import website  # noqa: E402
from docs.frontier import frontier_svg  # noqa: E402
from docs.picture import architecture_svg  # noqa: E402
from docs.reference import recipe_page  # noqa: E402

RESULTS = ROOT / "RESULTS.md"
RELIABILITY = ROOT / "RELIABILITY.md"
RECIPE = ROOT / "docs" / "recipe.md"
PICTURE = ROOT / "docs" / "architecture.svg"
FRONTIER = ROOT / "docs" / "frontier.svg"
WIDTH = 110
FIELDS = ("what", "commit", "seeds", "unit")


def results_page() -> str:
    """RESULTS.md: what `about.md` says, then every question, in the order of the file names."""
    return page_of(ROOT / "docs" / "results", "<!-- made by `make results` of docs/results/; edit the files there -->")


def reliability_page() -> str:
    """RELIABILITY.md: the same of the figures that `make reliability` measures."""
    return page_of(ROOT / "docs" / "reliability", "<!-- made by `make reliability`, which writes docs/reliability/ -->")


def page_of(folder: Path, note: str) -> str:
    """A page of the questions in a folder, behind its `about.md`."""
    questions = {path: read_question(path) for path in sorted(folder.glob("*.json"))}
    counted = Counter(_machine(record) for question in questions.values() for record in question.records)
    usual = counted.most_common(1)[0][0] if counted else ""
    parts = [note, (folder / "about.md").read_text()]
    if questions:
        parts += [f"Unless stated otherwise: {usual}.\n", _findings(list(questions.values()))]
    section = ""
    for path, question in questions.items():
        if question.section != section:
            section = question.section
            parts.append(f"## {section}\n")
        parts.append(_question(question, f"docs/{folder.name}/{path.name}", usual))
    return "\n".join(parts)


def _findings(questions: Sequence[Question]) -> str:
    """What was found, a line a question, with links to the tables."""
    rows = ["## In short"]
    section = ""
    for question in questions:
        if question.section != section:
            section = question.section
            rows += ["", f"**{section}**", ""]
        rows.append(f"- [{question.title}](#{anchor_of(question.title)}) {question.finding}")
    return "\n".join([*rows, ""])


def anchor_of(heading: str) -> str:
    """The anchor that the usual viewers make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _question(question: Question, file: str, usual: str) -> str:
    """A heading, the finding, the table, the notes, the commands, and where all of it stands."""
    rows = [f"### {question.title}\n"]
    if question.finding:
        rows.append(f"{question.finding}\n")
    rows += [*table(question), ""]
    if question.notes:
        rows += [*(f"- {note}" for note in question.notes), ""]
    commands = dict.fromkeys(record.command for record in question.records)
    rows += ["```sh", *map(wrapped, commands), "```", "", f"{_origin(question, usual)} [Records]({file}).\n"]
    return "\n".join(rows)


def _origin(question: Question, usual: str) -> str:
    """Commits, where no row names them, seeds, and every machine but the usual one."""
    commits = list(dict.fromkeys(record.commit for record in question.records))
    named = [f"`{commit}`" for commit in commits if commit]
    sentences = []
    if named and "commit" not in question.rows:
        sentences.append(f"Commit{'s' if len(named) > 1 else ''} {', '.join(named)}.")
    if None in commits:
        sentences.append("For some figures no commit was noted." if named else "No commit was noted.")
    seeds = sorted({seed for record in question.records for seed in record.seeds})
    if seeds:
        sentences.append(f"Seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}.")
    machines = dict.fromkeys(_machine(record) for record in question.records)
    return " ".join([*sentences, *(f"{machine}." for machine in machines if machine != usual)])


def _machine(record: Record) -> str:
    """Machine and versions in a few words."""
    hardware = record.hardware
    cores = f"{hardware.cores} core{'s' if hardware.cores > 1 else ''} of {hardware.processor}"
    accelerator = f" and {hardware.accelerator}" if hardware.accelerator else ""
    return f"{cores}{accelerator}, {', '.join(f'{name} {version}' for name, version in record.packages.items())}"


def table(question: Question) -> list[str]:
    """The records as a Markdown table. Raises `ValueError` where two records would stand in one cell."""
    headings = list(dict.fromkeys(_named(record, question.across) for record in question.records))
    cells: dict[tuple[str, ...], dict[str, Record]] = {}
    for record in question.records:
        row = cells.setdefault(tuple(field_of(record, name) for name in question.rows), {})
        heading = _named(record, question.across)
        if heading in row:
            raise ValueError(f"{question.title}: two records for {heading} of {record.columns}")
        row[heading] = record
    units = {h: _shared_unit(row[h] for row in cells.values() if h in row) for h in headings}
    titles = [f"{h} ({unit})" if unit not in (None, "", "%") else h for h, unit in units.items()]
    numbers = {h: all(_is_number(row[h]) for row in cells.values() if h in row) for h in headings}
    rows = [
        _row([name if name != "_" else "" for name in question.rows] + titles),
        _row(["---"] * len(question.rows) + ["---:" if numbers[h] else "---" for h in headings], ""),
    ]
    for names, row in cells.items():
        rows.append(_row([*names, *(_cell(row[h], units[h]) if h in row else "" for h in headings)]))
    return rows


def wrapped(command: str) -> str:
    """A command over as many lines as it needs, broken between words that the shell keeps apart."""
    lines = [""]
    for word in re.findall(r"""(?:"[^"]*"|'[^']*'|\S)+""", command):
        if lines[-1] and len(lines[-1]) + len(word) > WIDTH:
            lines.append("   ")
        lines[-1] += f" {word}" if lines[-1] else word
    return " \\\n".join(lines)


def field_of(record: Record, name: str) -> str:
    """What stands in a column that names a row."""
    if name not in FIELDS:
        return record.columns.get(name, "")
    if name == "seeds":
        return ", ".join(map(str, record.seeds))
    if name == "commit":
        return record.commit or "not noted"
    return str(getattr(record, name))


def _named(record: Record, names: Sequence[str]) -> str:
    return ", ".join(filter(None, (field_of(record, name) for name in names)))


def _shared_unit(records: Iterable[Record]) -> str | None:
    units = {record.unit for record in records}
    return units.pop() if len(units) == 1 else None


def _is_number(record: Record) -> bool:
    return not isinstance(record.value, str) and record.interval is None


def _row(cells: Sequence[str], space: str = " ") -> str:
    return "|" + "|".join(f"{space}{cell.replace('|', '&#124;')}{space}" if cell else " " for cell in cells) + "|"


def _cell(record: Record, shared: str | None) -> str:
    signed = record.unit == "points"
    text = record.value if isinstance(record.value, str) else number(record.value, signed)
    if record.unit and (shared is None or shared == "%"):
        text += f" {record.unit}"
    if record.interval and not isinstance(record.value, str):
        low, high = (number(_as(record.value, bound), signed) for bound in record.interval)
        text += f" ({low} to {high})"
    return text


def _as(value: float | int, bound: float) -> float | int:
    """A bound with no more digits than its figure has, if that is a whole number."""
    return round(bound) if isinstance(value, int) else bound


def number(value: float | int, signed: bool = False) -> str:
    """As people read it: thousands apart, a true minus sign, and a plus where it is a difference."""
    text = f"{value:+,}" if signed else f"{value:,}"
    return text.replace("-", "−")


def main(wanted: Sequence[str]) -> None:
    """Write the documents that are named. Raises `SystemExit` with every broken link of the site."""
    if "results" in wanted:
        RESULTS.write_text(results_page())
        FRONTIER.write_text(frontier_svg())
    if "reliability" in wanted:
        RELIABILITY.write_text(reliability_page())
    if "docs" in wanted:
        RECIPE.write_text(recipe_page())
        PICTURE.write_text(architecture_svg())
    if "site" in wanted:
        try:
            print(website.build() / "index.html")
        except website.SiteError as error:
            raise SystemExit(f"make docs: {error}") from error


if __name__ == "__main__":
    main(sys.argv[1:])
