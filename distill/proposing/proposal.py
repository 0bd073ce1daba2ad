"""From what was seen to a recipe: each choice with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from distill.data.labels import LabelForm
from distill.proposing.budget import BATCH, Plan
from distill.proposing.looks import Looks
from distill.proposing.survey import OWN, Survey, documents_in
from distill.proposing.teaching import TEACHER, Beginning, Teaching
from distill.proposing.texts import Fonts, fonts_for, needed_characters, texts_like
from students.errors import UserError
from students.image import Preparation

Size = Literal["small", "medium", "large"]
LEAST_LABELLED, LEAST_WITH_TEACHER = 60, 10
MANY_CHARACTERS, HEAD_RANK = 1000, 64  # from which a head of one matrix would be most of a student
HAN = "CJK"  # as Unicode names its characters
LONG_LINE = 12.0  # width over height
NOISIEST = 40.0  # standard deviation of the noise of synthetic lines, in grey levels
GEOMETRY = {
    "probability": 0.9,
    "rotation_deg": 1.5,
    "shrink_x": 0.2,
    "shrink_y": 0.2,
    "shear": 0.15,
    "perspective": 0.1,
}
LIGHT = {"crop_jitter": 0.06, "contrast": 0.4, "brightness": 0.15, "blur_probability": 0.3, "blur_sigma_px": 1.2}
AUGMENT = GEOMETRY | LIGHT | {"noise_probability": 0.3, "noise_sigma": 12, "jpeg_probability": 0.2}
UNTOUCHED = dict.fromkeys(
    ("probability", "contrast", "brightness", "blur_probability", "noise_probability", "jpeg_probability"), 0
)


@dataclass(frozen=True)
class Decisions:
    """What a recipe is written by: what the user asked for, whom the networks learn from, and what they begin with."""

    name: str
    size: Size
    budget_s: float
    label_form: LabelForm
    teaching: Teaching = field(default_factory=Teaching)
    student_begins: Beginning | None = None  # a shipped student whose weights both students begin with
    fonts: Path | None = None

    @property
    def height_px(self) -> int:
        """Return the height of the lines: that of the weights the student begins with, if any."""
        return self.student_begins.height_px if self.student_begins else Preparation().height_px

    def student_model(self, n_characters: int) -> Mapping[str, Any]:
        """Return the architecture of the student for so many characters: that of the weights it begins with, if any."""
        if self.student_begins:
            return self.student_begins.model
        head = {"head_rank": HEAD_RANK} if n_characters >= MANY_CHARACTERS else {}
        return {"kind": "recurrent", "size": self.size} | head


@dataclass(frozen=True)
class Seen:
    """The lines that were found: labelled ones, and where they were given unlabelled ones, a validation and a test."""

    lines: Survey
    unlabelled: Survey | None = None
    validation: Survey | None = None
    test: Survey | None = None

    @property
    def n_real(self) -> int:
        """Return how many lines there are to learn from."""
        return len(self.lines.texts) + (len(self.unlabelled.texts) if self.unlabelled else 0)


def refuse_too_few(seen: Seen, decisions: Decisions) -> None:
    """Raise `UserError` where there are too few labels to learn from, to choose weights by and to judge on."""
    n, least = len(seen.lines.labels), LEAST_WITH_TEACHER if decisions.teaching.file else LEAST_LABELLED
    if n >= least:
        return
    found = f"{n} labelled lines are too few to train, to choose weights by and to judge on; "
    with_teacher = (
        f"or give a finished --teacher NAME|FILE, which needs only {LEAST_WITH_TEACHER} and teaches by unlabelled lines"
    )
    raise UserError(f"{found}label at least {least}{'' if decisions.teaching.file else f', {with_teacher}'}")


def texts_and_fonts(seen: Seen, decisions: Decisions, corpus_file: str) -> tuple[dict[str, Any], Fonts, str]:
    """Return the text section of the synthetic lines, their fonts, and why they are so."""
    labels, characters = seen.lines.labels, "".join(seen.lines.characters)
    fonts = fonts_for(characters, decisions.fonts)
    text, why = texts_like(labels, decisions.label_form, fonts.lacking, corpus_file)
    if needed_characters(text, characters) != characters:
        fonts = fonts_for(needed_characters(text, [c for c in characters if c not in fonts.lacking]), decisions.fonts)
    if lacking := fonts.lacking:
        text["alphabet"] = "".join(sorted(c for c in characters if c not in lacking))
        why += f"; no font has {lacking!r}: texts with these characters are not rendered"
    return text, fonts, why


def recipe_of(
    seen: Seen, decisions: Decisions, plan: Plan, text: dict[str, Any], fonts: Fonts
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the sections of the recipe, and the reasons by their keys."""
    sections: dict[str, Any] = {"name": decisions.name, "about": f"lines of {seen.lines.source.path}"}
    data, reasons = _data(seen, decisions, plan, text, fonts)
    teacher, student = _networks(seen, decisions, plan)
    sections |= {"data": data, "image": {"width_quantum_px": 64 if seen.lines.looks.aspect > LONG_LINE else 32}}
    if decisions.student_begins and decisions.height_px != Preparation().height_px:
        sections["image"]["height_px"] = decisions.height_px
        reasons["image"] = f"lines are as high as the shipped {decisions.student_begins.name} reads them"
    sections |= {"teacher": teacher, "student": student}
    if plan.views:
        sections["objective"] = {"cache": {"views": plan.views}}
        reasons["objective.cache"] = "posteriors of the teacher are computed once, each line in so many views"
    if "head_rank" in student["model"]:
        reasons["student.model"] = "a head of two matrices: one for so many characters would be most of the network"
    return sections, reasons | _reasons_of_networks(decisions, plan)


def _data(
    seen: Seen, decisions: Decisions, plan: Plan, text: dict[str, Any], fonts: Fonts
) -> tuple[dict[str, Any], dict[str, str]]:
    lines, reasons = seen.lines, dict[str, str]()
    form = {} if decisions.label_form == "exact" else {"label_form": decisions.label_form}
    train: list[dict[str, Any]] = [_source(lines, "mine") | form]
    if seen.unlabelled and plan.views:
        train.append(_source(seen.unlabelled, "unlabelled") | {"drop_labels": True})
        reasons["data.train.1"] = "lines without labels teach the student through the teacher"
    rendered: dict[str, Any] = {
        "kind": "rendered",
        "name": "drawn",
        "lines": plan.synthetic,
        "fonts": list(fonts.families),
    }
    if fonts.folders:
        rendered["font_folders"] = list(fonts.folders)
    reasons[f"data.train.{len(train)}"] = "synthetic lines with the texts and in the looks of yours"
    train.append(rendered | {"text": text, "look": look_like(lines.looks), "augment": UNTOUCHED})
    document, why = documents_in([n for n, t in zip(lines.names, lines.texts, strict=True) if t is not None])
    n = len(lines.labels)
    share = round(min(0.4, max(0.1, 40 / n)), 2)
    cut = {"share": share, "document": document, "sources": ["mine"]}
    data: dict[str, Any] = {"train": train}
    if seen.validation:
        data["validation"] = [_source(seen.validation, "validation") | form]
    else:
        data["cut"] = cut
        reasons["data.cut"] = f"validation, whole documents at a time: {why}"
    if seen.test:
        data["test"] = [_source(seen.test, "test") | form]
    else:
        data["test_cut"] = cut | {"share": round(min(0.4, max(0.15, 60 / n)), 2)}
        reasons["data.test_cut"] = "no test was given, so one is cut from your lines, and read once"
    if document == OWN and (first := next((key for key in ("data.cut", "data.test_cut") if key in reasons), None)):
        reasons[first] += ". Lines of one document on both sides flatter the figures"
    if HAN in lines.scripts:
        data |= {"normalisation": "east_asian", "protocol": "nfkc"}
        reasons["data.normalisation"] = "full-width and half-width forms, in labels and in what counts, are one"
    data |= {"origin": f"lines of {lines.source.path}, and synthetic ones"}
    return data, reasons


def _source(survey: Survey, name: str) -> dict[str, Any]:
    settings = survey.source.model_dump(mode="json", exclude_defaults=True)
    return {"kind": survey.source.kind} | settings | {"name": name}


def look_like(looks: Looks) -> dict[str, Any]:
    """Return the appearance of synthetic lines like these pictures: greys, noise, and how a line fills its picture."""
    paper, ink = looks.range("paper"), looks.range("ink")
    light, dark = (paper, ink) if looks.inverted < 0.5 else (ink, paper)
    least = max(10.0, min(90.0, 0.6 * looks.range("contrast")[0]))
    rows = looks.range("ink_rows")
    return {
        "height_share": [round(min(0.9, max(0.3, rows[0])), 2), round(min(1.0, max(0.4, rows[1] + 0.02)), 2)],
        "tightness": [0, 0.9],
        "margin": [0, 0.4],
        "stretch": [0.7, 1.3],
        "spacing_probability": 0.2,
        "ink_spread": [0.45, 1.6],
        "paper_grey": [round(max(light[0] - 20, dark[0] + least)), 255],
        "ink_grey": [max(0, round(dark[0] - 20)), max(0, round(min(dark[1] + 20, light[1] - least)))],
        "min_contrast": round(least),
        "invert_probability": round(looks.inverted, 2),
        "noise_sigma": [0.5, round(min(NOISIEST, max(3.0, 2 * looks.range("noise")[1])), 1)],
        "low_resolution_probability": 0.3,
        "blur_probability": 0.4,
        "blur_sigma_px": [0.3, 1.3],
        "jpeg_probability": 0.3,
        "neighbour_probability": 0.1,
        "ragged_probability": 0.2,
        "fade_probability": 0.15,
    }


def _networks(seen: Seen, decisions: Decisions, plan: Plan) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    every = ["mine", *(["unlabelled"] if seen.unlabelled and plan.views else [])]
    student: dict[str, Any] = {"model": dict(decisions.student_model(len(seen.lines.characters)))}
    student |= _begun(decisions.student_begins, plan.student_steps, first=0.2)
    student["mix"] = {"weights": {**dict.fromkeys(every, 2), "drawn": 1}}
    return _teacher(decisions.teaching, plan), student


def _teacher(teaching: Teaching, plan: Plan) -> dict[str, Any] | None:
    if teaching.file:
        return {"model": dict(TEACHER), "file": teaching.file, "training": {"steps": 1}}
    if teaching.model is None:
        return None
    learning = {"mix": {"weights": {"mine": 2, "drawn": 1}}, "sources": ["mine", "drawn"]}
    return {"model": dict(teaching.model)} | _begun(teaching.begins, plan.teacher_steps, first=0.25) | learning


def _begun(shipped: Beginning | None, steps: int, first: float) -> dict[str, Any]:
    """A training from shipped weights, or from fresh ones that begin with a share `first` on synthetic lines alone."""
    if shipped:
        return {"init": shipped.name, "training": _training(steps, 1e-2)}
    return {"stages": [_first_stage(round(steps * first))], "training": _training(round(steps * (1 - first)), 1e-2)}


def _first_stage(steps: int) -> dict[str, Any]:
    training = {k: v for k, v in _training(max(1, steps), 1e-2).items() if k not in ("augment", "weight_decay")}
    return {"name": "drawn", "sources": ["drawn"], "training": training | {"ema_decay": 0.99}}


def _training(steps: int, rate: float) -> dict[str, Any]:
    every = max(1, min(500, -(-steps // 8)))
    budget = {"steps": steps, "batch_lines": BATCH, "learning_rate": rate, "weight_decay": 0.05, "precision": "auto"}
    kept = {"ema_decay": 0.998 if steps > 1500 else 0.99, "validate_every": every, "checkpoint_every": every}
    return {**budget, **kept, "augment": AUGMENT}


def _reasons_of_networks(decisions: Decisions, plan: Plan) -> dict[str, str]:
    minutes = {what: f"{taken_s / 60:.0f}" for what, taken_s in plan.seconds.items()}
    once = f"trained once, about {minutes['student']} minutes"
    twice = f"trained twice, alone and distilled, about {minutes['student']} minutes each"
    teaching = decisions.teaching
    if teaching.model is None:
        taught = "a finished teacher: none is trained" if teaching.file else "nobody teaches; one can be named later"
    else:
        taught = f"about {minutes['teacher']} minutes on this machine{_known(teaching.begins)}"
    return {"teacher": taught, "student": (twice if plan.views else once) + _known(decisions.student_begins)}


def _known(shipped: Beginning | None) -> str:
    return (
        f", from the weights of the shipped {shipped.name}, which reads much of your lines already" if shipped else ""
    )
