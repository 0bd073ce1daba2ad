"""What every part of a recipe is made of, and the choices that several packages share."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeGuard, TypeVar, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from typing_extensions import Self

Protocol = Literal["exact", "nospace", "alnum", "nfkc", "variants"]
PROTOCOLS: tuple[Protocol, ...] = get_args(Protocol)
Precision = Literal["fp32", "bf16", "auto"]


AnyModel = TypeVar("AnyModel", bound=BaseModel)


class Section(BaseModel):
    """A part of a recipe: frozen, and no key is unknown."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def is_model(annotation: Any, of: type[AnyModel]) -> TypeGuard[type[AnyModel]]:
    """Return whether an annotation is a model of that kind: `tuple[int, ...]`, a type for Python 3.10, is none."""
    return get_origin(annotation) is None and isinstance(annotation, type) and issubclass(annotation, of)


def without_unset(section: Section, dumped: dict[str, Any], later: Collection[str]) -> dict[str, Any]:
    """Return what a section dumps without those of its `later` keys that are not set, so that older digests stay."""
    fields = type(section).model_fields
    unset = {name for name in later if getattr(section, name) == fields[name].default}
    return {name: value for name, value in dumped.items() if name not in unset}


def plain_name(text: str, instead: str) -> str:
    """Return a text as a name of a source, `_` for each character that none has; `instead` of an empty one.

    Python takes numbers such as ² for letters, pydantic does not.
    """
    plain = (each if each in "._-" or (each.isalnum() and unicodedata.category(each) != "No") else "_" for each in text)
    return "".join(plain) or instead


def _refused_in_words(rule: str) -> WrapValidator:
    """Tell a text that the pattern refuses by a rule in plain words: pydantic would show the regular expression."""

    def told(given: Any, check: ValidatorFunctionWrapHandler) -> Any:
        try:
            return check(given)
        except ValidationError as error:
            if error.errors()[0]["type"] != "string_pattern_mismatch":
                raise
            better = plain_name(str(given), "data").lstrip(".-") or "data"
            raise ValueError(rule.format(better=better)) from None

    return WrapValidator(told)


SourceName = Annotated[
    str,
    Field(pattern=r"^[\w.-]+$"),
    _refused_in_words("a name is made of letters, digits, '.', '_' and '-'; write {better}, for example"),
]
FolderName = Annotated[
    str,
    Field(pattern=r"^\w[\w.-]*$"),
    _refused_in_words(
        "a name that a folder gets begins with a letter, a digit or '_', and has these, '.' and '-' behind it; "
        "write {better}, for example"
    ),
]
HubAddress = Annotated[
    str,
    Field(pattern=r"^hf://[\w.-]+/[\w.-]+$"),
    _refused_in_words("an address on the hub is hf://user/name; that is what the page of the data set shows above it"),
]
_FOLDER_NAME: TypeAdapter[str] = TypeAdapter(FolderName)


def expect_folder_name(name: str) -> None:
    """Raise `ValueError` with the rule where a name is none that a folder gets."""
    try:
        _FOLDER_NAME.validate_python(name)
    except ValidationError as error:
        raise ValueError(message_of(error.errors()[0])) from None


def message_of(problem: Mapping[str, Any]) -> str:
    """Return what a problem found by pydantic says, without what pydantic puts before our own words."""
    return str(problem["msg"]).removeprefix("Value error, ")


def problem_in_words(problem: Mapping[str, Any]) -> str:
    """Return a problem found by pydantic with its key before it; one of the whole has none."""
    key = ".".join(map(str, problem["loc"]))
    return f"{key}: {message_of(problem)}" if key else message_of(problem)


class Span(Section):
    """A part of the steps of a training."""

    begin: float = Field(0.0, ge=0, lt=1, description="share of the steps after which it sets in")
    end: float = Field(1.0, gt=0, le=1, description="share of the steps after which it is over")

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.begin >= self.end:
            raise ValueError(f"begin {self.begin} must come before end {self.end}")
        return self


def expect_distinct(rule: str, names: Sequence[str]) -> None:
    """Raise `ValueError` with the rule and the names that occur more than once."""
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"{rule}; used twice: {', '.join(doubled)}")
