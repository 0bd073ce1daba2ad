"""Three convolutions, then two fully connected layers over each column: for meters, cards and other digits."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt
from torch import nn

from students.parts import Activation, Columns, Convolution, Norm, Recogniser, activation


class DigitsStudent(BaseModel):
    """Three convolutions and two fully connected layers over each column; sees no further than its columns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["digits"] = "digits"
    channels: tuple[PositiveInt, PositiveInt, PositiveInt] = Field(
        (16, 32, 48), description="of the three convolutions"
    )
    kernel: Literal[3, 5, 7] = Field(5, description="side of the convolutions: frames see 15, 29 or 43 pixels")
    hidden: int = Field(96, ge=8, description="width of the first fully connected layer")
    activation: Activation = Field("relu", description="after every layer but the last")
    norm: Norm = Field("batch", description="group: gradients independent of how a batch is split")

    def build(self, n_classes: int, channels: int, height_px: int) -> Recogniser:
        """Return the network for lines of `height_px` rows, with fresh weights."""
        c1, c2, c3 = self.channels
        backbone = nn.Sequential(
            self._convolution(channels, c1, (2, 2)),
            self._convolution(c1, c2, (2, 2)),
            self._convolution(c2, c3, (2, 1)),
        )
        collapse = nn.Sequential(
            Columns(), nn.Linear(c3 * -(-height_px // 8), self.hidden), activation(self.activation)
        )
        return Recogniser(backbone, collapse, nn.Identity(), nn.Linear(self.hidden, n_classes))

    def _convolution(self, inputs: int, outputs: int, stride: tuple[int, int]) -> Convolution:
        return Convolution(inputs, outputs, stride, norm=self.norm, act=self.activation, kernel=self.kernel)
