"""Rendered lines as a source of a run: how many, of which fonts, with which texts, in which appearance."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from distill.data.sources import AnySource
from distill.schema import without_unset
from distill.synthesis.appearance import Appearance
from distill.synthesis.text import TextMix


class RenderedSource(AnySource):
    """Lines rendered from fonts, once, into the cache."""

    kind: Literal["rendered"] = "rendered"
    lines: int = Field(ge=1, description="how many lines are rendered")
    seed: int = Field(0, ge=0, description="other seeds give other lines")
    fonts: tuple[str, ...] = Field(min_length=1, description="font families, as their packages name them")
    font_folders: tuple[str, ...] = Field((), description="folders of font files, relative to data.root")
    coverage: float = Field(
        1.0,
        gt=0,
        le=1,
        description="share of the characters of its texts that a font must have; a line takes one that has its own",
    )
    text: TextMix = Field(TextMix(), description="which texts the lines have")
    look: Appearance = Field(Appearance(), description="appearance of the lines: letters, paper, degradation")

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("coverage",))
