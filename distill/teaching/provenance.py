"""Where a teacher comes from that others made, and what is not known of it: for records, reports and model cards."""

from __future__ import annotations

from typing import Any

from students.model_file import Description

ADOPTED = "adopted"
NOT_KNOWN = "it is not known whether this model saw public test sets in training"


def provenance_of(description: Description) -> dict[str, Any] | None:
    """Return licence, origin and digest of the file of a model that was adopted from elsewhere; None for any other."""
    if description.architecture.get("kind") != ADOPTED:
        return None
    training = description.training
    return {
        "licence": training.get("licence", "other"),
        "origin": training.get("origin", ""),
        "public_data": training.get("public_data", NOT_KNOWN),
        "sha256": description.architecture.get("sha256"),
    }


def in_words(found: dict[str, Any]) -> str:
    """Return one sentence on it, for wherever its figures stand."""
    origin = f"{found['origin']}, " if found["origin"] else ""
    return f"adopted ({origin}licence {found['licence']}): {found['public_data']}"
