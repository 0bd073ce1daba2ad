"""What the configurations of all students that read along the line have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer


class AlongTheLine(BaseModel):
    """A student whose head sees features of a frame that knows its neighbours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    head_rank: int | None = Field(
        None,
        ge=8,
        description="numbers between features and classes, 64 for example: the head is two matrices instead of one, "
        "small for thousands of classes; null: one matrix",
    )

    @model_serializer(mode="wrap")
    def _files_stay(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is not set: model files and digests stay those of the time before there was such a field."""
        unset = {"head_rank": None, "squeeze_excite": False}
        return {name: value for name, value in dump(self).items() if name not in unset or value != unset[name]}
