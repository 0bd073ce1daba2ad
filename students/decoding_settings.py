"""How posteriors become text, as settings: they stand in the model file and can be chosen anew when it is opened."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

DIGITS = "digits"


class Greedy(BaseModel):
    """The best class of each frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["greedy"] = "greedy"
    alphabet: str | None = Field(None, description="the only characters that may be read; `digits` for the digits")


class Beam(BaseModel):
    """The likeliest text, over all its alignments, among those that the rules allow."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    kind: Literal["beam"] = "beam"
    alphabet: str | None = Field(None, description="the only characters that may be read; `digits` for the digits")
    width: int = Field(8, ge=1, description="prefixes that are kept")
    n_best: int = Field(1, ge=1, description="texts of a reading, the best and its alternatives")
    pattern: str | None = Field(None, description="regular expression that the whole line matches")
    words: tuple[str, ...] | None = Field(None, description="the words of a line")
    unlisted_word_penalty: float | None = Field(
        None, ge=0, description="nats that a word outside `words` costs; none: there are no others"
    )
    language: str | None = Field(
        None, description="file of a language model, from `distill lm`, or the name of a shipped one"
    )
    language_weight: float = Field(0.2, ge=0, description="alpha: log P(text) of the language model counts so much")
    length_bonus: float = Field(
        1.0, description="beta: nats a character, against the short texts a language model likes"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> Beam:
        if self.pattern is not None and self.words is not None:
            raise ValueError("a pattern and a word list cannot be followed together; choose one")
        return self


Decoding = Annotated[Greedy | Beam, Field(discriminator="kind")]
