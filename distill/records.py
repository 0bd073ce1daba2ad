"""Measured figures as small files: one file answers one question, one record holds one figure.

`docs/results/*.json` are such files, and `docs/build.py` makes RESULTS.md of them. Commands write them with
`--record FILE.json`. A record may hold seconds: it lies outside of the run folder, whose files know no clock but one.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shlex
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from distill.schema import problem_in_words
from distill.waiting import available_cores
from students.errors import UserError
from students.model_file import write_whole

_PLAIN_WORD = re.compile(r"[\w@%+=:,./~-]+")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Hardware(_Frozen):
    """The machine that a figure was measured on."""

    processor: str = Field(description="model of the processor, as the system names it")
    cores: int = Field(ge=1, description="cores that the process could use")
    accelerator: str | None = Field(None, description="model of the accelerator that was there; null: none")


class Origin(_Frozen):
    """Where a figure comes from."""

    command: str = Field(description="what was typed; DATA stands for the folder of the lines")
    commit: str | None = Field(description="of the suite; null: it was not noted")
    hardware: Hardware = Field(description="the machine")
    packages: Mapping[str, str] = Field(description="versions of Python and of the packages that matter")


class Record(Origin):
    """One figure."""

    what: str = Field(description="what was measured, for example exact lines")
    value: float | int | str = Field(description="the figure, in its unit; or a word, for example a verdict")
    interval: tuple[float, float] | None = Field(None, description="95 % interval; null: there is none")
    unit: str = Field("", description="%, points, times, s and so on; empty for a count or a word")
    seeds: tuple[int, ...] = Field((), description="of the trainings that the figure is a mean of")
    seconds: float | None = Field(None, ge=0, description="that it took to measure; null: not noted")
    columns: Mapping[str, str] = Field({}, description="what sets it apart from others: recipe, network, setting")

    @property
    def key(self) -> tuple[str, ...]:
        """Return what a later record must have in common with this one to replace it."""
        return (self.what, *(f"{name}={value}" for name, value in sorted(self.columns.items())))


class Question(_Frozen):
    """One question, the figures that answer it, and how they stand in a table."""

    section: str = Field("", description="heading under which the question stands")
    title: str = Field(description="the question, in a few words")
    finding: str = Field("", description="the answer, in one sentence")
    rows: tuple[str, ...] = Field(description="columns of the records that name a row of the table")
    across: tuple[str, ...] = Field(("what",), description="columns of the records that name a column of the table")
    notes: tuple[str, ...] = Field((), description="what else is to be known, a sentence or two each")
    records: tuple[Record, ...] = Field((), description="the figures, in the order of the table")


def read_question(path: Path) -> Question:
    """Read the question in a file. Raises `UserError` for a file that holds none."""
    try:
        return Question.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path}: holds no records: {problem_in_words(error.errors()[0])}") from error


def write_question(path: Path, question: Question) -> None:
    """Write the file, one record a line."""
    head = question.model_copy(update={"records": ()}).model_dump_json(indent=1, exclude={"records"})
    records = ",\n".join(f"  {record.model_dump_json()}" for record in question.records)
    body = f' "records": [\n{records}\n ]' if records else ' "records": []'
    write_whole(path, f"{head.removesuffix('}').rstrip()},\n{body}\n}}\n".encode())


def put_records(path: Path, new: Question) -> None:
    """Write the records of `new` into a file: in the place of those with an equal key, or behind the others.

    Title, finding, notes and layout of a file that exists stay as they are.
    """
    question = read_question(path) if path.exists() else new.model_copy(update={"records": ()})
    records = {record.key: record for record in (*question.records, *new.records)}
    write_question(path, question.model_copy(update={"records": tuple(records.values())}))


def check_target(path: Path) -> None:
    """Raise `UserError` for a file that records cannot be put into, before anything is measured."""
    if path.suffix != ".json":
        raise UserError(f"--record {path}: records are written as .json")
    if not path.absolute().parent.is_dir():
        raise UserError(f"--record {path}: there is no folder {path.parent}")
    if path.exists():
        read_question(path)


def measured_here(words: Sequence[str]) -> Origin:
    """Return the origin of figures that this process measures, after the command line `words`."""
    from distill.runtime import PACKAGES, commit

    versions = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return Origin(command=command_line(words), commit=commit() or None, hardware=this_machine(), packages=versions)


def command_line(words: Sequence[str]) -> str:
    """Return a command as documents write it: without `--record`, DATA for the folder of the lines, ~ for home."""
    kept: list[str] = []
    skipped = False
    for word in words:
        if skipped or word == "--record" or word.startswith("--record="):
            skipped = word == "--record" and not skipped
            continue
        kept.append(word)
    roots = [word.partition("=")[2].rstrip("/") for word in kept if word.startswith("data.root=")]
    short = {root: "DATA" for root in roots if root} | {os.path.expanduser("~"): "~"}
    return as_text(" ".join(["distill", *(_quoted(_shortened(word, short)) for word in kept)]))


def as_text(words: str) -> str:
    """Return words that a file can hold: what is no text, as the name of a file can be, by its number."""
    return words.encode(errors="backslashreplace").decode()


def _shortened(word: str, short: Mapping[str, str]) -> str:
    for long, name in short.items():
        word = re.sub(rf"(?:^|(?<=[=,\[])){re.escape(long)}(?=$|[/,\]])", name, word)
    return word


def _quoted(word: str) -> str:
    return word if _PLAIN_WORD.fullmatch(word) else shlex.quote(word)


def this_machine() -> Hardware:
    """Return what this process runs on."""
    import torch

    accelerator = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Hardware(processor=_processor(), cores=available_cores(), accelerator=accelerator)


def _processor() -> str:
    try:
        named = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        named = None
    return named[1].strip() if named else platform.processor() or platform.machine()
