"""What a run is made of: one frozen model, read from one YAML file, checked whole before anything starts.

YAML 1.2, duplicate keys refused, at most one `extends`, `section.key=value` overrides on top. Every
problem of a recipe is reported at once, each with its key and the nearest valid name.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from distill.data.augment import Augment
from distill.data.sources import Source
from students.charset import Charset, normalise
from students.config import StudentConfig
from students.errors import UserError
from students.image import Preparation
from students.model_file import canonical_json
from teachers.crnn import TeacherConfig

Protocol = Literal["exact", "nospace", "alnum"]
Precision = Literal["fp32", "bf16", "auto"]


class RecipeError(UserError):
    """A recipe that cannot be used; the message lists every problem."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CharsetChoice(_Section):
    """Which characters the recognisers can write."""

    characters: str | None = Field(None, description="the characters; null: those of the training labels")

    @field_validator("characters")
    @classmethod
    def _a_charset(cls, characters: str | None) -> str | None:
        return None if characters is None else Charset(characters=normalise(characters)).characters

    outside: Literal["fail", "drop"] = Field(
        "fail", description="a training label with another character: stop, or leave the line out and name it"
    )


class Cut(_Section):
    """Validation lines taken out of the training lines, whole documents at a time."""

    share: float = Field(0.1, gt=0, lt=1, description="share of the labelled lines")
    document: str = Field(
        r"^(.*)$", description="regular expression over a line's name; its first group names the document"
    )

    @field_validator("document")
    @classmethod
    def _an_expression(cls, document: str) -> str:
        try:
            re.compile(document)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return document


class Data(_Section):
    """The lines of a run."""

    root: str = Field(".", description="folder that the paths of sources start from")
    train: tuple[Source, ...] = Field(min_length=1, description="labelled and unlabelled training lines")
    validation: tuple[Source, ...] = Field((), description="lines to choose the best weights on")
    cut: Cut | None = Field(None, description="where there is no validation source: cut it from train")
    test: tuple[Source, ...] = Field(min_length=1, description="lines the report is made on, read once")
    protocol: Protocol = Field("exact", description="how texts are compared")
    charset: CharsetChoice = Field(CharsetChoice(), description="which characters can be written")

    @model_validator(mode="after")
    def _one_validation_and_distinct_names(self) -> Data:
        if bool(self.validation) == (self.cut is not None):
            raise ValueError("give either validation sources or a cut, and not both")
        names = [source.name for source in (*self.train, *self.validation, *self.test)]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"sources need distinct names; used twice: {', '.join(doubled)}")
        return self


class Training(_Section):
    """Budget and optimiser of one training."""

    steps: int = Field(ge=1, description="optimiser steps")
    batch_lines: int = Field(64, ge=1, description="lines a step, over all processes")
    micro_batch_lines: int | None = Field(
        None, ge=1, description="lines that go through the network at once; null: as many as fit the width"
    )
    learning_rate: float = Field(2e-3, gt=0, description="peak of the schedule")
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the steps over which the rate rises")
    schedule: Literal["cosine", "linear", "constant"] = Field("cosine", description="after the warm-up")
    weight_decay: float = Field(0.01, ge=0, description="on weight matrices only (AdamW)")
    clip_norm: float = Field(5.0, gt=0, description="largest norm of the gradient")
    ema_decay: float = Field(0.0, ge=0, lt=1, description="weights averaged over steps; 0: off")
    validate_every: int = Field(200, ge=1, description="steps between validations; the best weights are kept")
    checkpoint_every: int = Field(200, ge=1, description="steps between checkpoints")
    log_every: int = Field(50, ge=1, description="steps between lines of metrics.jsonl")
    precision: Precision = Field(
        "fp32", description="bf16: autocast; auto: bf16 where the processor computes in it, else fp32"
    )
    augment: Augment = Field(Augment(), description="changes made to a training line")


class Teacher(_Section):
    """The large network."""

    model: TeacherConfig = Field(description="its architecture")
    training: Training = Field(description="how it is trained")


class Student(_Section):
    """The small network, trained twice: alone (the control) and distilled."""

    model: StudentConfig = Field(description="its architecture")
    training: Training = Field(description="how both are trained")
    control: bool = Field(True, description="train the control; without it the report proves nothing")


class FrameKL(_Section):
    """tau^2 KL(teacher || student), frame by frame."""

    weight: float = Field(1.0, ge=0, description="lambda; 0 switches the term off")
    fade: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="how the weight goes to 0 over the steps, or stays"
    )
    temperature: float = Field(1.0, gt=0, description="tau, softens both posteriors")
    frames: Literal["all", "elimination", "symmetric"] = Field(
        "symmetric",
        description="all; those on which the teacher writes a character; those and their neighbours",
    )
    neighbours: int = Field(1, ge=0, le=16, description="frames either side that symmetric adds")


class Objective(_Section):
    """What the distilled student minimises; the control minimises the CTC term alone."""

    ctc_weight: float = Field(1.0, ge=0, description="of CTC on the labelled lines")
    frame_kl: FrameKL = Field(FrameKL(), description="of the teacher's posteriors, on every line")


class Runtime(_Section):
    """How it runs, not what it computes."""

    threads: int | None = Field(None, ge=1, description="threads of torch; null: its own choice")
    workers: int = Field(0, ge=0, description="processes that prepare batches; 0: the trainer does")
    deterministic: bool = Field(False, description="deterministic algorithms on an accelerator too")
    tracker: Literal["none", "tensorboard", "wandb", "mlflow"] = Field(
        "none", description="an Accelerate tracker that gets the metrics beside metrics.jsonl"
    )
    cache_root: str | None = Field(None, description="cache shared between runs; null: inside the run")


class Recipe(_Section):
    """A whole run, from lines to a verdict."""

    name: str = Field(pattern=r"^\w[\w.-]*$", description="names the run folder; by default as the file is named")
    about: str = Field("", description="one line on what it is for")
    seed: int = Field(0, ge=0, description="of weights, order and augmentation")
    data: Data = Field(description="the lines")
    image: Preparation = Field(Preparation(), description="from picture to tensor")
    teacher: Teacher = Field(description="the large network")
    student: Student = Field(description="the small network")
    objective: Objective = Field(Objective(), description="of the distillation")
    runtime: Runtime = Field(Runtime(), description="threads, workers, tracker, cache")


def digest_of(*parts: object) -> str:
    """SHA-256 of the canonical JSON of models and plain values."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    return hashlib.sha256(canonical_json(plain).encode()).hexdigest()


def shipped_recipes() -> dict[str, str]:
    """Name and YAML text of every recipe that comes with the suite."""
    folder = resources.files("recipes")
    return {
        entry.name.removesuffix(".yaml"): entry.read_text("utf-8")
        for entry in sorted(folder.iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".yaml")
    }


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read a shipped recipe or a file, lay `overrides` (`section.key=value`) on top, and check it whole.

    Raises `RecipeError` listing every problem.
    """
    values = _read(name_or_path, extended=False)
    problems: list[str] = []
    for override in overrides:
        problems += _lay_over(values, override)
    try:
        recipe = Recipe.model_validate(values)
    except ValidationError as error:
        problems += [_explain(Recipe, problem) for problem in error.errors() if not _follows(problem)]
        raise RecipeError(_listed(name_or_path, problems)) from None
    if problems:
        raise RecipeError(_listed(name_or_path, problems))
    return recipe


def _listed(where: str, problems: Iterable[str]) -> str:
    lines = list(problems)
    return f"recipe {where}: {len(lines)} problem{'s' * (len(lines) > 1)}\n" + "\n".join(
        f"  - {line}" for line in lines
    )


def _read(name_or_path: str, extended: bool) -> dict[str, Any]:
    """The raw values, those of the recipe it `extends` beneath its own."""
    values = _parse(_text(name_or_path), name_or_path)
    base = values.pop("extends", None)
    values.setdefault("name", Path(name_or_path).stem)
    if base is None:
        return values
    if extended:
        raise RecipeError(f"recipe {name_or_path}: extends {base!r}, but is itself extended; one level at most")
    if not isinstance(base, str):
        raise RecipeError(f"recipe {name_or_path}: extends takes one name or path")
    beside = Path(name_or_path).parent / base
    return _merged(_read(str(beside) if beside.is_file() else base, extended=True), values)


def _text(name_or_path: str) -> str:
    shipped = shipped_recipes()
    if name_or_path in shipped:
        return shipped[name_or_path]
    path = Path(name_or_path)
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(f"recipe {path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        near = difflib.get_close_matches(name_or_path, shipped, 1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise RecipeError(
            f"recipe {name_or_path}: neither a shipped recipe nor a readable file; {hint}shipped: {', '.join(shipped)}"
        ) from error


def _parse(text: str, where: str) -> dict[str, Any]:
    try:
        values = YAML(typ="safe", pure=True).load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" line {mark.line + 1}" if mark else ""
        problem = (error.problem or str(error)).splitlines()[0]
        raise RecipeError(f"recipe {where}:{line} {problem}") from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise RecipeError(f"recipe {where}: {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict):
        raise RecipeError(f"recipe {where}: holds no sections")
    try:
        return dict(json.loads(_bounded_json(values)))
    except (TypeError, ValueError, RecursionError) as error:
        raise RecipeError(f"recipe {where}: {error}") from error


def _bounded_json(values: object) -> str:
    """JSON of plain values: a YAML anchor and its aliases become separate, so that an override meets only one.

    Aliases within aliases can stand for more than memory holds; a megabyte is more than any recipe.
    """
    pieces, length = [], 0
    for piece in json.JSONEncoder(allow_nan=False).iterencode(values):
        pieces.append(piece)
        length += len(piece)
        if length > 2**20:
            raise ValueError("its aliases stand for more than a megabyte")
    return "".join(pieces)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Mappings are merged key by key, unless their `kind` differs; everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        same_kind = (
            isinstance(old, dict)
            and isinstance(value, dict)
            and (old.get("kind") == value.get("kind", old.get("kind")))
        )
        merged[key] = _merged(old, value) if same_kind else value  # type: ignore[arg-type]
    return merged


def _lay_over(values: dict[str, Any], override: str) -> list[str]:
    """Set one `section.key=value`; a number in the key is a position in a list. Returns problems."""
    key, separator, text = override.partition("=")
    if not separator or not key:
        return [f"override {override!r}: write section.key=value"]
    *parents, last = key.split(".")
    try:
        value = YAML(typ="safe", pure=True).load(text) if text else None
        here: Any = values
        for parent in parents:
            here = here[int(parent)] if isinstance(here, list) else here.setdefault(parent, {})
        if isinstance(here, list):
            here[int(last)] = value
        elif last == "kind" and here.get("kind") != value:
            here.clear()  # the keys of another kind mean nothing here
            here[last] = value
        else:
            here[last] = value
    except (YAMLError, ValueError, IndexError, AttributeError, TypeError):
        return [f"override {override!r}: there is no such place, or the value is not YAML"]
    return []


def _follows(problem: Any) -> bool:
    """A list counts as too short once its items are refused: only the items' own problems are worth telling."""
    return problem["type"] == "too_short" and len(problem["input"]) >= problem["ctx"]["min_length"]


def _explain(model: type[BaseModel], problem: Any) -> str:
    """One problem found by pydantic in the words of a recipe."""
    location = problem["loc"]
    key = ".".join(str(part) for part in location if not _is_tag(part, location))
    match problem["type"]:
        case "extra_forbidden":
            known = _keys_at(model, location[:-1])
            near = difflib.get_close_matches(str(location[-1]), known, 1, 0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            return f"{key}: no such key; {hint}"
        case "missing":
            return f"{key}: is missing"
        case "union_tag_invalid":
            return f"{key}.kind: {problem['ctx']['tag']!r} is not one of {problem['ctx']['expected_tags']}"
        case "union_tag_not_found":
            return f"{key}.kind: is missing"
        case _:
            return f"{key or 'recipe'}: {problem['msg'].removeprefix('Value error, ')} (got {_short(problem['input'])})"


def _short(value: object) -> str:
    text = "a section" if isinstance(value, (dict, BaseModel)) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _is_tag(part: str | int, location: tuple[str | int, ...]) -> bool:
    """Pydantic puts the tag of a discriminated union into the location; a reader's key has none."""
    position = location.index(part)
    return isinstance(part, str) and position > 0 and part in _tags_at(Recipe, location[:position])


def _branches(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models an annotation may stand for."""
    origin = get_origin(annotation)
    if origin is Annotated or origin is tuple:
        yield from _branches(get_args(annotation)[0])
    elif origin in (typing.Union, types.UnionType):
        for member in get_args(annotation):
            yield from _branches(member)
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation


def _models_at(model: type[BaseModel], location: Sequence[str | int]) -> list[type[BaseModel]]:
    """The models that the section at `location` may be."""
    models = [model]
    for part in location:
        if isinstance(part, int):
            continue
        tagged = [m for m in models if _tag(m) == part]
        models = tagged or [
            branch for m in models if part in m.model_fields for branch in _branches(m.model_fields[part].annotation)
        ]
    return models


def _tag(model: type[BaseModel]) -> str | None:
    kind = model.model_fields.get("kind")
    return str(kind.default) if kind is not None else None


def _tags_at(model: type[BaseModel], location: Sequence[str | int]) -> set[str | None]:
    models = _models_at(model, location)
    return {_tag(m) for m in models} if len(models) > 1 else set()


def _keys_at(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    return sorted({name for m in _models_at(model, location) for name in m.model_fields})
