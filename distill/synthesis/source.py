"""Rendered lines as a source of a run: how many, of which fonts, with which texts, in which appearance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distill.data.sources import AnySource
from distill.synthesis.appearance import Appearance
from distill.synthesis.text import TextMix


class RenderedSource(AnySource):
    """Lines rendered from fonts, once, into the cache."""

    kind: Literal["rendered"] = "rendered"
    lines: int = Field(ge=1, description="how many lines are rendered")
    seed: int = Field(0, ge=0, description="other seeds give other lines")
    fonts: tuple[str, ...] = Field(min_length=1, description="font families, as their packages name them")
    font_folders: tuple[str, ...] = Field((), description="folders of font files, relative to data.root")
    text: TextMix = Field(TextMix(), description="which texts the lines have")
    look: Appearance = Field(Appearance(), description="appearance of the lines: letters, paper, degradation")
