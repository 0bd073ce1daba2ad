"""The lines of a run: opened, cut, checked against charset and frames, and everything refused counted.

Nothing is left out silently: what is refused stands with its reason in `data.json` of the run folder. How lines are
cut by document is in `cut.py`, which of them mislead in `policies.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from distill.cluster import Spread
from distill.data.characters import characters_of_sets
from distill.data.east_asian import as_printed
from distill.data.formats.contents import counted
from distill.data.formats.opening import open_source
from distill.data.labels import fold_label
from distill.data.lines import Lines, Refusal, joined
from distill.data.padding import padding
from distill.evaluation.metrics import fold
from distill.paths import expanded
from distill.pools.cut import LABEL_SOME, TEST_CUT, cut_by_document, kept_together, without_labels
from distill.pools.parts import open_parts
from distill.pools.policies import inside_charset, without_misleading
from distill.processes import Poll, never_stop
from distill.recipe.file import AnyRecipe
from distill.recipe.line_data import CharsetChoice, Source
from distill.recipe.sections import Recipe
from distill.schema import Protocol
from distill.synthesis.corpus import character_counts
from distill.synthesis.materialise import materialise, problems_of_sources
from distill.synthesis.opening import OnDemand, open_rendered
from distill.synthesis.source import RenderedSource
from distill.teaching.teacher_files import teacher_file
from distill.training.initial import charset_with_starts
from students.charset import Charset, normalise
from students.errors import DataError
from students.model_file import read_description

USED = {"validation": "the best weights are chosen on these lines", "test": "the report is made on these lines"}


@dataclass(frozen=True)
class Pools:
    """The lines that a run learns from (`train`, labelled and unlabelled), chooses weights on, and is tested on."""

    train: Lines
    validation: Lines
    test: Lines
    charset: Charset
    refused: Mapping[str, list[Refusal]] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()  # unlabelled lines of documents that were cut out
    together: Mapping[str, int] | None = None  # documents and groups of the cut, where some are kept together

    @property
    def parts(self) -> dict[str, Lines]:
        """Return the lines by the name of what they are for."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    def summary(self) -> dict[str, Any]:
        """Return the counts for `data.json`, with every refused line named."""
        per_part = self.parts
        return {
            "charset": self.charset.characters,
            "outside_charset": {name: self._outside(per_part[name]) for name in ("validation", "test")},
            "digest": {name: lines.digest for name, lines in per_part.items()},
            "lines": {name: _lines_per_source(lines) for name, lines in per_part.items()},
            "padding": padding(self.train),
            "characters": {name: character_counts(lines.texts) for name, lines in per_part.items()},
            "set_aside": list(self.set_aside),
            **({"together": dict(self.together)} if self.together else {}),
            "empty_labels": {
                name: [key for key, text in zip(lines.keys, lines.texts, strict=True) if text == ""]
                for name, lines in per_part.items()
            },
            "rewritten_labels": {name: sorted(lines.rewritten) for name, lines in per_part.items()},
            "label_forms": {name: dict(sorted(lines.forms.items())) for name, lines in per_part.items()},
            "refused": {
                part: [{"key": r.key, "reason": r.reason} for r in refusals] for part, refusals in self.refused.items()
            },
            **({"read_back_otherwise": self.read_back_otherwise} if self.charset.order == "visual" else {}),
        }

    @cached_property
    def read_back_otherwise(self) -> dict[str, dict[str, str]]:
        """Return, for each part, the lines that are read as another text than their label, and that text.

        Of several texts that are drawn alike a reader can write only one.
        """
        return {name: self._otherwise(lines) for name, lines in self.parts.items()}

    def _otherwise(self, lines: Lines) -> dict[str, str]:
        read = {key: self.charset.read_back(text) for key, text in zip(lines.keys, lines.texts, strict=True) if text}
        return {key: read[key] for key, text in zip(lines.keys, lines.texts, strict=True) if text and read[key] != text}

    def _outside(self, lines: Lines) -> dict[str, str]:
        """The characters of each line that the charset lacks."""
        missing = ((key, self.charset.missing(text or "")) for key, text in zip(lines.keys, lines.texts, strict=True))
        return {key: "".join(characters) for key, characters in missing if characters}


def _lines_per_source(lines: Lines) -> dict[str, dict[str, int]]:
    unlabelled = Counter(s for s, text in zip(lines.sources, lines.texts, strict=True) if text is None)
    counts = sorted(Counter(lines.sources).items())
    return {source: {"lines": n, "unlabelled": unlabelled[source]} for source, n in counts}


def cache_of(recipe: AnyRecipe, folder: Path) -> Path:
    """Return where a run in `folder` keeps what it can compute again."""
    return expanded(recipe.runtime.cache_root or folder / "cache")


def open_pools(
    recipe: Recipe, folder: Path, poll: Poll = never_stop, may_render: bool = True, stand_in: bool = False
) -> Pools:
    """Open every source of a run in `folder`; raises `DataError` for what the recipe's policies do not allow.

    Without `may_render` nothing is rendered: raises `NotMadeError` where a source is, and nothing else is wrong. With
    `stand_in` nothing is rendered either: lines of `OnDemand` stand for those that would be.
    """
    data = recipe.data
    refused: dict[str, list[Refusal]] = {}
    opened = _open_parts(recipe, cache_of(recipe, folder), refused, poll if may_render else None, stand_in)
    train, validation, test = opened
    set_aside: tuple[str, ...] = ()
    together: dict[str, int] | None = None
    if data.test_cut is not None:
        train, test, set_aside = cut_by_document(train, data.test_cut, recipe.seed, TEST_CUT)
    if data.cut is not None:
        together = kept_together(train, data.cut, "cut")
        train, validation, aside = cut_by_document(train, data.cut, recipe.seed)
        set_aside += aside
    if data.unlabel is not None:
        train = without_labels(train, data.unlabel, recipe.seed)
    for name, lines in (("validation", validation), ("test", test)):
        if None in lines.texts or not len(lines):
            without = sum(text is None for text in lines.texts)
            raise DataError(
                f"{name}: every line needs a label, and there must be one; found "
                f"{counted(len(lines), 'line')}, {without:,} of them "
                f"without a label; {USED[name]}. {LABEL_SOME}"
            )
        _assert_comparable(name, lines, data.protocol)
    if all(text is None for text in train.texts) and any(map(recipe.needs_labels, recipe.networks)):
        raise DataError(
            "train: not one labelled line; a teacher that is trained, and a control, need labels. With a finished "
            "teacher (teacher.file) and student.control=false the student learns from the teacher alone"
            if recipe.teacher
            else "train: not one labelled line, and without a teacher nothing else teaches the student"
        )
    charset = _charset(recipe, train, folder)
    train = inside_charset(train, charset, data.charset, refused["train"])
    train = without_misleading(train, joined([validation, test]), data.policies, refused)
    return Pools(train, validation, test, charset, refused, set_aside, together)


def _open_parts(
    recipe: Recipe, cache: Path, refused: dict[str, list[Refusal]], poll: Poll | None, stand_in: bool
) -> tuple[Lines, Lines, Lines]:
    """The training, validation and test lines of a recipe; raises one `DataError` for all sources that do not open.

    What is refused of each part is added to `refused` under its name. `poll` None: nothing is rendered.
    """
    data, root = recipe.data, expanded(recipe.data.root)
    problems = [*_problems_of_protocol(data.protocol), *problems_of_rendered(recipe)]
    found = open_parts(
        data.parts,
        RenderedSource,
        lambda _, source: open_sources(recipe, [source], root, cache, problems, stand_in),
        problems,
        None if poll is None else lambda: None if stand_in else render_sources(recipe, cache, poll),
    )
    refused |= {part: [refusal for _, unusable in of_part for refusal in unusable] for part, of_part in found.items()}
    train, validation, test = (normalised(recipe, joined([lines for lines, _ in each])) for each in found.values())
    return train, validation, test


def normalised(recipe: Recipe, lines: Lines) -> Lines:
    """Return the lines with their labels rewritten as the recipe has it."""
    return lines.relabelled(as_printed) if recipe.data.normalisation == "east_asian" else lines


def render_sources(recipe: Recipe, cache: Path, poll: Poll = never_stop, spread: Spread | None = None) -> list[Path]:
    """Render the lines of all sources of a recipe that are missing in its cache, and return their folders.

    All at once, so that no processor waits; `spread` says where, None: on this machine.
    """
    root = expanded(recipe.data.root)
    return materialise(_rendered(recipe), root, recipe.image.height_px, cache, poll, spread)


def problems_of_rendered(recipe: Recipe) -> list[str]:
    """Return what keeps the sources of a recipe from being rendered: fonts, texts and packages that are not there."""
    return problems_of_sources(_rendered(recipe), expanded(recipe.data.root))


def _rendered(recipe: Recipe) -> list[RenderedSource]:
    return [source for source in recipe.data.sources if isinstance(source, RenderedSource)]


def open_sources(
    recipe: Recipe,
    sources: Sequence[Source],
    root: Path,
    cache: Path,
    problems: list[str],
    stand_in: bool = False,
) -> tuple[Lines, list[Refusal]]:
    """Return the lines of several sources, and those that cannot be used.

    A source that cannot be opened is added to `problems`, and the next is opened all the same. With `stand_in` none is
    rendered.
    """
    opened: list[Lines] = []
    refused: list[Refusal] = []
    for source in sources:
        try:
            if isinstance(source, RenderedSource) and stand_in:
                lines, unusable = OnDemand(source, root, recipe.image).stand_ins, list[Refusal]()
            elif isinstance(source, RenderedSource):
                lines, unusable = open_rendered(source, root, cache, recipe.image)
            else:
                lines, unusable = open_source(source, root, cache, recipe.image)
        except DataError as error:
            problems.append(str(error))
            continue
        opened.append(lines)
        refused += unusable
    return joined(opened), refused


def real_lines(recipe: Recipe, lines: Lines) -> Lines:
    """Return the lines that were not rendered here."""
    return lines.of_sources({source.name for source in recipe.data.sources if not isinstance(source, RenderedSource)})


def _problems_of_protocol(protocol: Protocol) -> list[str]:
    """What a protocol lacks to compare anything."""
    try:
        fold("", protocol)
    except DataError as error:
        return [str(error)]
    return []


def _assert_comparable(name: str, lines: Lines, protocol: Protocol) -> None:
    """Raises `DataError` where the protocol leaves nothing of any label."""
    texts = [text or "" for text in lines.texts]
    if protocol != "exact" and not any(fold(fold_label(text, lines.form(i)), protocol) for i, text in enumerate(texts)):
        raise DataError(
            f"{name}: under data.protocol = {protocol} nothing is left of any of the {len(lines)} labels, such as "
            f"{texts[0]!r}; set data.protocol to exact or nospace"
        )


def _charset(recipe: Recipe, train: Lines, folder: Path) -> Charset:
    """The charset of a run: chosen from labels, or from an adopted teacher's charset where no line has a label."""
    choice = recipe.data.charset
    if recipe.teacher_file is not None and choice.characters is None and all(text is None for text in train.texts):
        theirs = read_description(teacher_file(recipe, folder)).charset
        chosen = Charset.of([" ", theirs.characters])
        return charset_with_starts(chosen.for_lines() if choice.reorder else chosen, recipe)
    return charset_with_starts(choose_charset(train.texts, choice), recipe)


def choose_charset(texts: Sequence[str | None], choice: CharsetChoice) -> Charset:
    """Return the recipe's characters, or those of the labels and the space, and of named sets.

    They are in visual order if any runs right to left.

    Raises `DataError` where python-bidi, which that order needs, is missing.
    """
    named = characters_of_sets(choice.named)
    if choice.characters is not None:
        chosen = Charset(characters="".join(dict.fromkeys(choice.characters + normalise(named))))
        return chosen.for_lines() if choice.reorder else chosen
    return (Charset.of_lines if choice.reorder else Charset.of)([" ", named, *(text for text in texts if text)])
