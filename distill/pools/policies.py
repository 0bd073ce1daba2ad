"""Training lines that mislead, that no alignment fits, or that the charset cannot write: dropped or refused.

What is dropped is named with its reason; a policy set to fail raises `DataError`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations

from distill.data.formats.contents import counted
from distill.data.labels import LabelForm, agree, fold_label
from distill.data.lines import Lines, Refusal
from distill.recipe.line_data import CharsetChoice, Policies
from students.alignments import frames_needed
from students.charset import Charset, numbered
from students.errors import DataError

NAMED_REFUSALS = 20


def without_misleading(train: Lines, held_out: Lines, policies: Policies, refused: dict[str, list[Refusal]]) -> Lines:
    """Return training lines after the policies on empty labels, pictures of `held_out`, and contradictory labels.

    What is dropped is added to `refused` under its policy. Raises `DataError` for a policy set to fail.
    """
    elsewhere = dict(zip(held_out.image_digests, held_out.keys, strict=True))
    contradictory = _contradictory(train)
    found: dict[str, dict[int, str]] = {"empty": {}, "leaked": {}, "contradictory": {}}
    for i, (key, text, digest) in enumerate(zip(train.keys, train.texts, train.image_digests, strict=True)):
        if digest in elsewhere:
            found["leaked"][i] = f"{key}: the same picture as {elsewhere[digest]}, a line of validation or test"
        if text == "":
            found["empty"][i] = f"{key}: its label is empty"
        if text is not None and digest in contradictory:
            found["contradictory"][i] = f"{key}: one picture with the labels {contradictory[digest]}"
    dropped: set[int] = set()
    for name, lines in found.items():
        match getattr(policies, name):
            case "drop" if lines:
                refused[f"train: {name}"] = [Refusal(train.keys[i], reason) for i, reason in lines.items()]
                dropped |= lines.keys()
            case "fail" if lines:
                raise _policy_error(name, list(lines.values()))
    return train.take([i for i in range(len(train)) if i not in dropped]) if dropped else train


def _contradictory(lines: Lines) -> dict[str, list[str]]:
    """The labels of every picture, by its digest, that has labels which do not agree."""
    labels: dict[str, set[tuple[str, LabelForm]]] = {}
    for i, text in enumerate(lines.texts):
        if text is not None:
            labels.setdefault(lines.image_digests[i], set()).add((fold_label(text, lines.form(i)), lines.form(i)))
    return {
        digest: sorted({text for text, _ in of_picture})
        for digest, of_picture in labels.items()
        if not all(agree(one, other) for one, other in combinations(of_picture, 2))
    }


def without_infeasible(
    lines: Lines,
    n_frames: Mapping[int, int],
    refused: list[Refusal],
    policy: str = "drop",
    in_order: Callable[[str], str] = str,
) -> Lines:
    """Return unlabelled lines and those whose label fits: CTC needs a frame a character, one more between equal ones.

    `n_frames` are the network's frames by padded width in pixels, `in_order` puts a label in the order of its classes.
    What does not fit is added to `refused`; raises `DataError` instead where the policy is fail.
    """
    kept = []
    for i, text in enumerate(lines.texts):
        frames = n_frames[int(lines.padded_width_px[i])]
        needed = frames_needed(fold_label(in_order(text or ""), lines.form(i)))
        if needed <= frames:
            kept.append(i)
        else:
            reason = f"{lines.keys[i]}: label {text!r} needs {needed} frames, the line has {frames}"
            refused.append(Refusal(lines.keys[i], reason))
    if refused and policy == "fail":
        raise _policy_error("infeasible", [refusal.reason for refusal in refused])
    return lines.take(kept)


def inside_charset(lines: Lines, charset: Charset, choice: CharsetChoice, refused: list[Refusal]) -> Lines:
    """Return unlabelled lines and those whose label the charset can write; the others are added to `refused`.

    Raises `DataError` instead where data.charset.outside is fail.
    """
    outside = [
        Refusal(key, f"{key}: label {text!r} holds {numbered(missing)}, which the charset lacks")
        for key, text in zip(lines.keys, lines.texts, strict=True)
        if (missing := charset.missing(text or ""))
    ]
    if not outside:
        return lines
    if choice.outside == "fail":
        raise DataError(
            f"train: {counted(len(outside), 'label holds', 'labels hold')} characters "
            "outside data.charset; add the characters, or set "
            f"data.charset.outside=drop to leave these lines out:{_first([refusal.reason for refusal in outside])}"
        )
    refused += outside
    dropped = {refusal.key for refusal in outside}
    return lines.take([i for i, key in enumerate(lines.keys) if key not in dropped])


def _policy_error(name: str, reasons: list[str]) -> DataError:
    return DataError(
        f"train: {counted(len(reasons), 'line')} refused by data.policies.{name}=fail; mend them, or set it to drop:"
        f"{_first(reasons)}"
    )


def _first(reasons: list[str]) -> str:
    """The first of many reasons, each on a row of its own."""
    return "".join(f"\n  - {reason}" for reason in reasons[:NAMED_REFUSALS])
