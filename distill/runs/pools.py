"""The lines of a run: opened, cut, checked against charset and frames, and everything refused counted.

Nothing is left out silently: what is refused stands with its reason in `data.json` of the run folder.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import torch

from distill.data.documents import document_of
from distill.data.labels import LabelForm, agree, told
from distill.data.lines import Lines, Refusal, joined, open_source
from distill.evaluation.metrics import fold
from distill.processes import Poll, never_stop
from distill.recipe.sections import CharsetChoice, Cut, Documents, Policies, Recipe, Source, Unlabel
from distill.schema import Protocol
from distill.seeds import generator_of
from distill.synthesis.corpus import character_counts
from distill.synthesis.materialise import materialise
from distill.synthesis.opening import open_rendered
from distill.synthesis.source import RenderedSource
from distill.teaching.adopted import adopted
from distill.training.initial import charset_with_starts
from students.charset import Charset
from students.decode import frames_needed
from students.errors import DataError
from students.model_file import read_model

NAMED_REFUSALS = 20
FEW_WIDTHS = 8  # what a compiler of fixed shapes puts up with


@dataclass(frozen=True)
class Pools:
    """What a run learns from (`train`: labelled and unlabelled), chooses on, and is judged by."""

    train: Lines
    validation: Lines
    test: Lines
    charset: Charset
    refused: Mapping[str, list[Refusal]] = field(default_factory=dict)
    set_aside: tuple[str, ...] = ()  # unlabelled lines of validation documents

    def summary(self) -> dict[str, Any]:
        """Counts for `data.json`, with every refused line named."""
        per_part = {"train": self.train, "validation": self.validation, "test": self.test}
        return {
            "charset": self.charset.characters,
            "outside_charset": {name: self._outside(per_part[name]) for name in ("validation", "test")},
            "digest": {name: lines.digest for name, lines in per_part.items()},
            "lines": {
                name: {
                    source: {"lines": n, "unlabelled": _unlabelled(lines)[source]}
                    for source, n in sorted(Counter(lines.sources).items())
                }
                for name, lines in per_part.items()
            },
            "padding": padding(self.train),
            "characters": {name: character_counts(lines.texts) for name, lines in per_part.items()},
            "set_aside": list(self.set_aside),
            "empty_labels": {
                name: [key for key, text in zip(lines.keys, lines.texts, strict=True) if text == ""]
                for name, lines in per_part.items()
            },
            "rewritten_labels": {name: sorted(lines.rewritten) for name, lines in per_part.items()},
            "label_forms": {name: dict(sorted(lines.forms.items())) for name, lines in per_part.items()},
            "refused": {
                part: [{"key": r.key, "reason": r.reason} for r in refusals] for part, refusals in self.refused.items()
            },
        }

    def _outside(self, lines: Lines) -> dict[str, str]:
        """The characters of each line that nobody here can write."""
        missing = ((key, self.charset.missing(text or "")) for key, text in zip(lines.keys, lines.texts, strict=True))
        return {key: "".join(characters) for key, characters in missing if characters}


def cache_of(recipe: Recipe, folder: Path) -> Path:
    """Where a run in `folder` keeps what it can compute again."""
    return Path(recipe.runtime.cache_root or folder / "cache").expanduser()


def open_pools(recipe: Recipe, folder: Path, poll: Poll = never_stop) -> Pools:
    """Open every source of a run in `folder`; raises `DataError` for what the recipe's policies do not allow."""
    cache = cache_of(recipe, folder)
    root = Path(recipe.data.root).expanduser()
    every = (*recipe.data.train, *recipe.data.validation, *recipe.data.test)
    rendered = [source for source in every if isinstance(source, RenderedSource)]
    materialise(rendered, root, recipe.image.height_px, cache, poll)  # all at once, so that no processor waits
    refused: dict[str, list[Refusal]] = {}
    problems: list[str] = []
    train, validation, test = (
        _opened(recipe, sources, root, cache, refused.setdefault(part, []), problems)
        for part, sources in (
            ("train", recipe.data.train), ("validation", recipe.data.validation), ("test", recipe.data.test),
        )
    )  # fmt: skip
    if problems:
        raise DataError("\n".join(problems))
    set_aside: tuple[str, ...] = ()
    if recipe.data.cut is not None:
        train, validation, set_aside = cut_by_document(train, recipe.data.cut, recipe.seed)
    if recipe.data.unlabel is not None:
        train = without_labels(train, recipe.data.unlabel, recipe.seed)
    for name, lines in (("validation", validation), ("test", test)):
        if None in lines.texts or not len(lines):
            raise DataError(f"{name}: every line needs a label, and there must be one; found {len(lines)} lines")
        _assert_comparable(name, lines, recipe.data.protocol)
    if all(text is None for text in train.texts) and (recipe.teacher.needs_labels or recipe.student.needs_labels):
        raise DataError("train: not one labelled line; a teacher that is trained, and a control, need labels")
    texts = train.texts
    if all(text is None for text in texts) and recipe.teacher.file is not None:
        texts = (read_model(adopted(recipe, folder))[0].charset.characters,)
    charset = charset_with_starts(choose_charset(texts, recipe.data.charset), recipe)
    train = _inside_charset(train, charset, recipe.data.charset, refused["train"])
    train = without_misleading(train, joined([validation, test]), recipe.data.policies, refused)
    return Pools(train, validation, test, charset, refused, set_aside)


def _assert_comparable(name: str, lines: Lines, protocol: Protocol) -> None:
    """Raises `DataError` where the protocol leaves nothing of any label."""
    texts = [text or "" for text in lines.texts]
    if protocol != "exact" and not any(fold(told(text, lines.form(i)), protocol) for i, text in enumerate(texts)):
        raise DataError(
            f"{name}: under data.protocol = {protocol} nothing is left of any of the {len(lines)} labels, such as "
            f"{texts[0]!r}; set data.protocol to exact or nospace"
        )


def padding(lines: Lines) -> dict[str, float]:
    """Padded widths of the lines, the share of their pixels that is padding, and the same for at most eight widths."""
    if lines.scaled_width_px is None or lines.preparation is None or not len(lines):
        return {}
    scaled, n = np.unique(lines.scaled_width_px, return_counts=True)

    def padded_by(quantum_px: int) -> tuple[int, float]:
        padded = -(-scaled // quantum_px) * quantum_px
        return len(np.unique(padded)), round(1 - float((scaled * n).sum() / (padded * n).sum()), 4)

    own_px = few_px = lines.preparation.width_quantum_px
    while padded_by(few_px)[0] > FEW_WIDTHS:
        few_px += own_px
    (widths, share), (few_widths, few_share) = padded_by(own_px), padded_by(few_px)
    return {
        "width_quantum_px": own_px, "widths": widths, "share": share,
        "few_widths_quantum_px": few_px, "few_widths": few_widths, "few_widths_share": few_share,
    }  # fmt: skip


def choose_charset(texts: Sequence[str | None], choice: CharsetChoice) -> Charset:
    """The recipe's characters, or those of the labels and the space."""
    if choice.characters is not None:
        return Charset(characters=choice.characters)
    return Charset.of([" ", *(text for text in texts if text)])


def cut_by_document(lines: Lines, cut: Cut, seed: int) -> tuple[Lines, Lines, tuple[str, ...]]:
    """Train, validation, and the keys of what is in neither.

    Whole documents go to validation until it holds its share of the labelled lines; the unlabelled lines of such
    a document are set aside. Unlabelled lines of no document stay in train, and so does every other source than
    those of the cut.
    """
    documents, chosen = choose_documents(lines, cut, "cut", seed)
    stay = [i for i, d in enumerate(documents) if d not in chosen]
    leave = [i for i, d in enumerate(documents) if d in chosen and lines.texts[i] is not None]
    aside = tuple(lines.keys[i] for i, d in enumerate(documents) if d in chosen and lines.texts[i] is None)
    return lines.take(stay), lines.take(leave), aside


def without_labels(lines: Lines, unlabel: Unlabel, seed: int) -> Lines:
    """The same lines, those of whole documents without labels until so large a share of the labelled lines has none."""
    documents, chosen = choose_documents(lines, unlabel, "unlabel", seed)
    texts = tuple(None if d in chosen else text for d, text in zip(documents, lines.texts, strict=True))
    return replace(lines, texts=texts)


def choose_documents(lines: Lines, part: Documents, name: str, seed: int) -> tuple[list[str | None], set[str]]:
    """The document of every line, None outside the sources of `part`, and the documents that make up its share."""
    pattern = re.compile(part.document)
    documents = [
        document_of(pattern, line, name, needed=text is not None)
        if part.sources is None or source in part.sources
        else None
        for line, text, source in zip(lines.names, lines.texts, lines.sources, strict=True)
    ]
    labelled = Counter(d for d, text in zip(documents, lines.texts, strict=True) if d is not None and text is not None)
    order = torch.randperm(len(labelled), generator=generator_of(name, seed)).tolist()
    documents_in_order = sorted(labelled)
    chosen: set[str] = set()
    n_chosen = 0
    for i in order if part.share == 1 else order[:-1]:
        if n_chosen >= part.share * labelled.total():
            break
        chosen.add(documents_in_order[i])
        n_chosen += labelled[documents_in_order[i]]
    if not chosen:
        raise DataError(
            f"{name}: {len(labelled)} documents found by {part.document!r}; at least two are needed, or give "
            + ("validation sources" if name == "cut" else "other sources")
        )
    return documents, chosen


def without_misleading(train: Lines, judged: Lines, policies: Policies, refused: dict[str, list[Refusal]]) -> Lines:
    """Training lines after the policies on empty labels, on pictures of `judged`, and on pictures with several labels.

    What is dropped is added to `refused` under its policy. Raises `DataError` for a policy that says fail.
    """
    elsewhere = dict(zip(judged.image_digests, judged.keys, strict=True))
    labels: dict[str, set[tuple[str, LabelForm]]] = {}
    for i, text in enumerate(train.texts):
        if text is not None:
            labels.setdefault(train.image_digests[i], set()).add((told(text, train.form(i)), train.form(i)))
    torn = {
        digest: sorted({text for text, _ in of_picture})
        for digest, of_picture in labels.items()
        if not all(agree(one, other) for one, other in combinations(of_picture, 2))
    }
    found: dict[str, dict[int, str]] = {"empty": {}, "leaked": {}, "contradictory": {}}
    for i, (key, text, digest) in enumerate(zip(train.keys, train.texts, train.image_digests, strict=True)):
        if digest in elsewhere:
            found["leaked"][i] = f"{key}: the same picture as {elsewhere[digest]}, which the run is judged on"
        if text == "":
            found["empty"][i] = f"{key}: its label is empty"
        if text is not None and digest in torn:
            found["contradictory"][i] = f"{key}: one picture with the labels {torn[digest]}"
    dropped: set[int] = set()
    for name, lines in found.items():
        match getattr(policies, name):
            case "drop" if lines:
                refused[f"train: {name}"] = [Refusal(train.keys[i], reason) for i, reason in lines.items()]
                dropped |= lines.keys()
            case "fail" if lines:
                raise _policy_error(name, list(lines.values()))
    return train.take([i for i in range(len(train)) if i not in dropped]) if dropped else train


def _policy_error(name: str, reasons: list[str]) -> DataError:
    first = "".join(f"\n  - {reason}" for reason in reasons[:NAMED_REFUSALS])
    return DataError(
        f"train: {len(reasons)} lines are refused by data.policies.{name}=fail; mend them, or set it to drop:{first}"
    )


def without_infeasible(
    lines: Lines, n_frames: Mapping[int, int], refused: list[Refusal], policy: str = "drop"
) -> Lines:
    """Labelled lines whose label fits: CTC needs a frame a character and one more between equal neighbours.

    Raises `DataError` where one does not fit and the policy says fail.
    """
    kept = []
    for i, text in enumerate(lines.texts):
        frames = n_frames[int(lines.padded_width_px[i])]
        needed = frames_needed(told(text or "", lines.form(i)))
        if needed <= frames:
            kept.append(i)
        else:
            reason = f"{lines.keys[i]}: label {text!r} needs {needed} frames, the line has {frames}"
            refused.append(Refusal(lines.keys[i], reason))
    if refused and policy == "fail":
        raise _policy_error("infeasible", [refusal.reason for refusal in refused])
    return lines.take(kept)


def _opened(
    recipe: Recipe,
    sources: Sequence[Source],
    root: Path,
    cache: Path,
    refused: list[Refusal],
    problems: list[str],
) -> Lines:
    """The lines of several sources; one that cannot be opened is a problem, and the next is opened all the same."""
    opened = []
    for source in sources:
        try:
            if isinstance(source, RenderedSource):
                lines, unusable = open_rendered(source, root, cache, recipe.image)
            else:
                lines, unusable = open_source(source, root, cache, recipe.image)
        except DataError as error:
            problems.append(str(error))
            continue
        refused += unusable
        opened.append(lines)
    return joined(opened)


def _inside_charset(lines: Lines, charset: Charset, choice: CharsetChoice, refused: list[Refusal]) -> Lines:
    outside = [
        Refusal(key, f"{key}: label {text!r} holds {missing}, which the charset lacks")
        for key, text in zip(lines.keys, lines.texts, strict=True)
        if (missing := charset.missing(text or ""))
    ]
    if not outside:
        return lines
    if choice.outside == "fail":
        first = "".join(f"\n  - {r.reason}" for r in outside[:NAMED_REFUSALS])
        raise DataError(
            f"train: {len(outside)} labels hold characters outside data.charset; add the characters, or set "
            f"data.charset.outside=drop to leave these lines out:{first}"
        )
    refused += outside
    dropped = {refusal.key for refusal in outside}
    return lines.take([i for i, key in enumerate(lines.keys) if key not in dropped])


def _unlabelled(lines: Lines) -> Counter[str]:
    return Counter(s for s, text in zip(lines.sources, lines.texts, strict=True) if text is None)
