"""What a reader read by a rule, clipped or left without a label: counted, named, and said once for a source."""

from __future__ import annotations

import logging

from distill.data.formats.contents import first_of

log = logging.getLogger(__name__)


class Notes:
    """The names of lines, pages or files by what happened to them."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {}

    def add(self, what: str, name: str) -> None:
        """Note that this happened to what bears the name: `lines clipped` to a line."""
        self.names.setdefault(what, []).append(name)

    def say(self, where: object) -> None:
        """Warn of everything noted, one warning a rule."""
        for what, names in self.names.items():
            log.warning("%s: %s: %s (%s)", where, what, f"{len(names):,}", first_of(names))
