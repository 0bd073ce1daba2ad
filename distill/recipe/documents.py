"""Sections of a recipe that choose whole documents: what is cut out of train, and what loses its labels."""

from __future__ import annotations

import re
from typing import Any

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer

from distill.schema import Section, without_unset


class WholeDocuments(Section):
    """A share of what is labelled, whole documents at a time."""

    share: float = Field(0.1, gt=0, lt=1, description="share of what is labelled")
    document: str = Field(
        r"^(.*)$", description="regular expression over an item's name; its first group names the document"
    )

    sources: tuple[str, ...] | None = Field(
        None, description="names of the training sources it is taken from; null: all"
    )

    @field_validator("document")
    @classmethod
    def _an_expression(cls, document: str) -> str:
        try:
            re.compile(document)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return document


class Documents(WholeDocuments):
    """A share of the labelled training lines, whole documents at a time."""

    together: int | None = Field(
        None,
        ge=1,
        description="documents stay on one side that share two labels of at least so many characters, or one of them "
        "with six digits: receipts of one shop; null: documents go one by one",
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("together",))


class Cut(Documents):
    """Validation lines taken out of the training lines."""


class Unlabel(Documents):
    """Training lines that lose their labels once validation is cut: what do fewer labels cost?"""

    share: float = Field(0.5, gt=0, le=1, description="share of the labelled lines")
