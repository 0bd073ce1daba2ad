"""A sink before another: pages that a person is to look at are collected for the review page as well."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from distill.delivery.page_input import PageFile, name_of_page
from distill.delivery.page_output.sinks import Sink
from distill.delivery.page_review import PageReview
from students.pages.page import Page


class ReviewSink(Sink):
    """Hands every page on. `documents`: pages that have no picture file which a `pages.json` could name."""

    def __init__(self, sink: Sink, review: PageReview, doubtful: bool) -> None:
        """Collect into a review all pages, or with `doubtful` those without lines or with one to look at."""
        self.notes = sink.notes
        self.documents: list[str] = []
        self._sink, self.review, self._doubtful = sink, review, doubtful

    @override
    def wants(self, file: PageFile, number: int) -> bool:
        """Return what the other sink wants."""
        return self._sink.wants(file, number)

    @override
    def add(self, file: PageFile, number: int, pixels_HWC: np.ndarray, page: Page) -> None:
        """Hand a page on, then collect it."""
        self._sink.add(file, number, pixels_HWC, page)
        if self._doubtful and page.lines and not any(line.review for line in page.lines):
            return
        if file.document:
            self.documents.append(name_of_page(file, number))
        else:
            self.review.add_found(file.path, pixels_HWC, page)

    @override
    def end(self, file: PageFile, stopped: bool = False) -> None:
        """Hand it on."""
        self._sink.end(file, stopped)
