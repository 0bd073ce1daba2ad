"""Where lines come from: one frozen model a kind of source. Opening them is in `lines.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from distill.data.labels import LabelForm
from distill.data.look import Look
from distill.data.text import TextMix


class _Source(BaseModel):
    """What every source declares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[\w.-]+$", description="shown in reports and part of every line's key")
    drop_labels: bool = Field(False, description="use the pictures only, as unlabelled lines")
    label_form: LabelForm = Field(
        "exact", description="what the labels tell: exact; caseless: not the case; no_punctuation; or neither"
    )


class ParquetSource(_Source):
    """A Parquet file with the columns `image` (bytes, path) and `text` (null: unlabelled)."""

    kind: Literal["parquet"] = "parquet"
    path: str = Field(description="file, relative to data.root")


class SavedSource(_Source):
    """A folder written by `datasets.Dataset.save_to_disk`, same columns."""

    kind: Literal["saved"] = "saved"
    path: str = Field(description="folder, relative to data.root")


class FolderSource(_Source):
    """A folder of images with `labels.tsv` (file name, tab, text); without that file, unlabelled images."""

    kind: Literal["folder"] = "folder"
    path: str = Field(description="folder, relative to data.root")


class HubSource(_Source):
    """A data set on the Hugging Face hub, `hf://user/name`, same columns: the one source that uses the network."""

    kind: Literal["hub"] = "hub"
    path: str = Field(pattern=r"^hf://[\w.-]+/[\w.-]+$", description="hf://user/name")
    split: str = Field("train", description="split of the data set")


class RenderedSource(_Source):
    """Lines drawn from fonts, once, into the cache."""

    kind: Literal["rendered"] = "rendered"
    lines: int = Field(ge=1, description="how many lines are drawn")
    seed: int = Field(0, ge=0, description="other seeds give other lines")
    fonts: tuple[str, ...] = Field(min_length=1, description="font families, as their packages name them")
    font_folders: tuple[str, ...] = Field((), description="folders of font files, relative to data.root")
    text: TextMix = Field(TextMix(), description="what the lines say")
    look: Look = Field(Look(), description="how the lines look")


Source = Annotated[ParquetSource | SavedSource | FolderSource | HubSource | RenderedSource, Field(discriminator="kind")]


def shared_families(train: Iterable[Source], judged: Iterable[Source]) -> list[str]:
    """The font families that draw both lines to learn from and lines to be judged by: their figures flatter."""
    taught, tested = (
        {family for source in sources if isinstance(source, RenderedSource) for family in source.fonts}
        for sources in (train, judged)
    )
    return sorted(taught & tested)
