"""Where lines come from: one frozen model a kind of source. Opening them is in `formats/`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from distill.data.augment import Augment
from distill.data.labels import LabelForm
from distill.data.pages.jitter import Jitter
from distill.schema import HubAddress, Section, SourceName, without_unset


class AnySource(Section):
    """What every source declares."""

    name: SourceName = Field(description="shown in reports and part of every line's key")
    drop_labels: bool = Field(False, description="use the pictures only, as unlabelled lines")
    label_form: LabelForm = Field(
        "exact", description="what the labels record: exact; caseless: not the case; no_punctuation; or neither"
    )
    augment: Augment | None = Field(
        None, description="changes made to its lines, instead of the training's; null: those of the training"
    )


class ParquetSource(AnySource):
    """A Parquet file with the columns `image` (bytes, path) and `text` (null: unlabelled), or a folder of them."""

    kind: Literal["parquet"] = "parquet"
    path: str = Field(description="file or folder, relative to data.root, or an address in a store (s3://...)")


class ArrowSource(AnySource):
    """An Arrow file (IPC stream or file) with the same columns, or a folder of them."""

    kind: Literal["arrow"] = "arrow"
    path: str = Field(description="file or folder, relative to data.root")


class SavedSource(AnySource):
    """A folder written by `datasets.Dataset.save_to_disk`, same columns."""

    kind: Literal["saved"] = "saved"
    path: str = Field(description="folder, relative to data.root")


class FolderSource(AnySource):
    """A folder of images with a label file, with a text next to each image, or with neither: unlabelled."""

    kind: Literal["folder"] = "folder"
    path: str = Field(
        description="folder, or a label file whose images lie in its folder, relative to data.root, or an address in a "
        "store (s3://...)"
    )
    labels: str | None = Field(
        None,
        description="label file in the folder (.tsv, .txt, .csv, .json, .jsonl), *.gt.txt or *.txt; null: the one that "
        "is there: labels.tsv, .csv, .json, metadata.jsonl, .csv, rec_gt*.txt, Label.txt, *.gt.txt, or else what names "
        "the images",
    )


class LmdbSource(AnySource):
    """A scene-text LMDB: `num-samples`, `image-%09d`, `label-%09d`."""

    kind: Literal["lmdb"] = "lmdb"
    path: str = Field(description="folder or file, relative to data.root")


class WebDatasetSource(AnySource):
    """A tar file of images and texts of one name, as WebDataset writes them, or a folder of such files."""

    kind: Literal["webdataset"] = "webdataset"
    path: str = Field(description="file or folder, relative to data.root, or an address in a store (s3://...)")


class PagesSource(AnySource):
    """Page images with pages.json, PAGE XML, ALTO, PaddleOCR's lists, COCO or labelme: lines are cut out as marked.

    With `jitter` or `locator` they are cut as a page reader cuts them; a locator finds lines on unmarked pages, too.
    """

    kind: Literal["pages"] = "pages"
    path: str = Field(description="folder or one such file, relative to data.root")
    margin_px: int = Field(0, ge=0, le=100, description="pixels of the page kept around a polygon")
    jitter: Jitter | None = Field(
        None, description="cut marked lines with moved boxes, in the place of those as marked; null: not"
    )
    locator: str | None = Field(
        None,
        description="model file, run folder, or name of a shipped model: lines are those that it finds, with the texts "
        "of the marked lines that they match; with jitter, the marked ones with moved boxes as well",
    )
    unmatched: Literal["drop", "keep"] = Field(
        "drop", description="found lines on marked pages that touch no marked line: leave out, or keep without a label"
    )

    @model_serializer(mode="wrap")
    def _digests_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return without_unset(self, dump(self), ("jitter", "locator", "unmatched"))

    @property
    def cut_as_found(self) -> bool:
        """Return whether lines are cut as a page reader cuts them, and not as they are marked."""
        return self.jitter is not None or self.locator is not None

    @model_validator(mode="after")
    def _one_way_to_cut(self) -> PagesSource:
        if self.cut_as_found and self.margin_px:
            raise ValueError(
                "margin_px is for lines that are cut as marked; the margin of a locator stands in its file, "
                "jitter.margin gives one without a locator"
            )
        if self.locator is None and self.unmatched != "drop":
            raise ValueError("unmatched is about lines that a locator finds: name the locator")
        if self.locator is not None and self.jitter is not None:
            if self.jitter.margin is not None:
                raise ValueError("jitter.margin: the locator's file gives the margin; leave one of them out")
            if self.drop_labels:
                raise ValueError("drop_labels leaves no marked lines for jitter to move; leave one of them out")
        return self


class HubSource(AnySource):
    """A data set on the Hugging Face hub, `hf://user/name`, same columns: the one source that uses the network."""

    kind: Literal["hub"] = "hub"
    path: HubAddress = Field(description="hf://user/name")
    split: str = Field("train", description="split of the data set")
    revision: str | None = Field(None, description="commit, tag or branch; null: the newest")
    streaming: bool = Field(False, description="read from the hub line by line, once, into the cache, order kept")
    first_lines: int | None = Field(None, ge=1, description="with streaming: only so many lines; null: all")

    @model_validator(mode="after")
    def _streamed_lines(self) -> HubSource:
        if self.first_lines is not None and not self.streaming:
            raise ValueError("first_lines: set streaming too; else the whole data set is copied all the same")
        return self


FileSource = Annotated[
    ParquetSource | ArrowSource | SavedSource | FolderSource | LmdbSource | WebDatasetSource | PagesSource | HubSource,
    Field(discriminator="kind"),
]
