"""Where pages with the places of their lines come from. Opening them is in `opening.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from distill.schema import Section, SourceName


class PageFileSource(Section):
    """Page images with what marks their lines: pages.json, PAGE XML, ALTO, PaddleOCR's lists, COCO, labelme; or none.

    Which of them it is shows their content. A folder of images that nothing marks is one of unmarked pages.
    """

    kind: Literal["pages"] = "pages"
    name: SourceName = Field(description="shown in reports and part of every page's key")
    path: str = Field(description="folder, or one file that marks pages, relative to data.root")
    drop_labels: bool = Field(False, description="use the pictures only, as pages that nobody marked")
