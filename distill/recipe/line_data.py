"""The lines of a recipe: where they come from, which part each is for, and what may be written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from distill.data.characters import NamedSet
from distill.data.east_asian import as_printed
from distill.data.sources import FileSource
from distill.recipe.documents import Cut, Unlabel
from distill.schema import Protocol, Section, expect_distinct, without_unset
from distill.synthesis.source import RenderedSource
from students.charset import Charset, in_one_form

Source = Annotated[FileSource | RenderedSource, Field(discriminator="kind")]

SHOWN = 20  # characters in a message


class CharsetChoice(Section):
    """Which characters the recognisers can write."""

    characters: str | None = Field(None, description="the characters; null: those of the training labels")
    named: tuple[NamedSet, ...] = Field(
        (), description="named sets of characters that can be written besides, whether a label has them or not"
    )
    reorder: bool = Field(
        True,
        description="whether right-to-left lines are learnt in the order of the picture and read back as they are "
        "stored (needs python-bidi); false: labels are learnt and read in the order that they stand in",
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The default is left out, so that older runs keep their digest."""
        return without_unset(self, dump(self), ("reorder", "named"))

    @field_validator("characters")
    @classmethod
    def _a_charset(cls, characters: str | None) -> str | None:
        return None if characters is None else Charset(characters=in_one_form(characters)).characters

    outside: Literal["fail", "drop"] = Field(
        "fail", description="a training label with another character: stop, or leave the line out and name it"
    )


Policy = Literal["drop", "keep", "fail"]


class Policies(Section):
    """What happens to training lines that would mislead. What is dropped is counted and named in `data.json`."""

    empty: Policy = Field("keep", description="a label without characters")
    leaked: Policy = Field("drop", description="a picture that validation or test holds too, byte for byte")
    contradictory: Policy = Field("drop", description="one picture with several labels: none of its lines is used")
    infeasible: Literal["drop", "fail"] = Field("drop", description="a label longer than CTC can write on its frames")


class Data(Section):
    """The lines of a run."""

    root: str = Field(".", description="folder that the paths of sources start from")
    train: tuple[Source, ...] = Field(min_length=1, description="labelled and unlabelled training lines")
    validation: tuple[Source, ...] = Field((), description="lines to choose the best weights on")
    cut: Cut | None = Field(
        None, description="where there is no validation source: cut it from train; left out, a tenth of the files"
    )
    unlabel: Unlabel | None = Field(None, description="documents of train whose labels are not used, as an experiment")
    test: tuple[Source, ...] = Field((), description="lines the report is made on, read once")
    test_cut: Cut | None = Field(
        None, description="where there is no test source: cut it from train, before validation is cut"
    )
    protocol: Protocol = Field("exact", description="how texts are compared")
    normalisation: Literal["nfc", "east_asian"] = Field(
        "nfc",
        description="how labels are rewritten: NFC; or NFC with what Chinese and Japanese print does not tell apart "
        "(full-width letters, radicals, variation selectors, spaces beside Han) written in one way",
    )
    charset: CharsetChoice = Field(CharsetChoice(), description="which characters can be written")
    policies: Policies = Field(Policies(), description="what happens to lines that would mislead")
    licence: str = Field("other", description="what the lines' licences allow a model; for its card")
    origin: str = Field("", description="where the lines come from, and what is to be known of them; for its card")

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("test_cut", "normalisation"))

    @model_validator(mode="before")
    @classmethod
    def _validation_is_cut(cls, given: Any) -> Any:
        """Where nothing is said of validation, a tenth of the labelled lines is cut: each file its own document."""
        if isinstance(given, dict) and not given.get("validation") and "cut" not in given:
            return {**given, "cut": {}}
        return given

    @model_validator(mode="after")
    def _one_validation_and_distinct_names(self) -> Data:
        if bool(self.validation) == (self.cut is not None):
            raise ValueError("give either validation sources or a cut, and not both")
        if bool(self.test) == (self.test_cut is not None):
            raise ValueError("give either test sources or a test_cut, and not both")
        expect_distinct("sources need distinct names", [source.name for source in self.sources])
        return self

    @model_validator(mode="after")
    def _labels_have_the_characters_of_the_charset(self) -> Data:
        """A character that is rewritten in every label is another of the charset, or none: nobody could learn it."""
        if self.normalisation == "east_asian" and self.charset.characters is not None:
            becomes = [(c, as_printed(c)) for c in self.charset.characters]
            rewritten = [
                f"U+{ord(c):04X} {f'{c} is {printed!r}' if printed else 'is dropped'}"
                for c, printed in becomes
                if printed != c
            ]
            if rewritten:
                more = f" and {len(rewritten) - SHOWN} more" if len(rewritten) > SHOWN else ""
                raise ValueError(
                    "normalisation east_asian rewrites characters of charset.characters in every label; write what "
                    f"they become, each once: {', '.join(rewritten[:SHOWN])}{more}"
                )
        return self

    @property
    def parts(self) -> dict[str, tuple[Source, ...]]:
        """Return the sources by the name of what they are for."""
        return {"train": self.train, "validation": self.validation, "test": self.test}

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return all sources."""
        return (*self.train, *self.validation, *self.test)
