"""Large CRNNs: a timm backbone, a recurrent neck, a CTC head. A teacher is a reader like any student."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter
from torch import nn

from students.parts import Columns, Neck, Norm, Recogniser, RecurrentKind, reading_along
from teachers.backbone import convnext, n_rows_and_features, resnet

Even = Annotated[int, Field(gt=0, multiple_of=2)]  # the stem has half as many maps as the first stage


class _Neck(BaseModel):
    """What every teacher has behind its backbone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    neck: Literal[RecurrentKind, "none"] = Field("bilstm", description="what reads along the line after the backbone")
    hidden: int = Field(256, ge=16, description="features of the neck, each way")
    layers: int = Field(2, ge=1, le=4, description="recurrent layers in sequence")
    dropout: float = Field(0.1, ge=0, lt=1, description="before every recurrent layer and the head")
    drop_path: float = Field(0.0, ge=0, lt=1, description="share of residual branches dropped in training")


class ResNetTeacher(_Neck):
    """Residual backbone of basic blocks."""

    kind: Literal["resnet"] = "resnet"
    blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = Field(
        (2, 2, 2, 2), description="residual blocks of each stage"
    )
    channels: tuple[Even, PositiveInt, PositiveInt, PositiveInt] = Field(
        (64, 128, 256, 384), description="maps of each stage"
    )
    pool: bool = Field(False, description="halve the rows behind the stem: half the cost, less detail")
    norm: Norm = Field("batch", description="group: gradients independent of how a batch is split")

    def build(self, n_classes: int, channels: int, height_px: int) -> Recogniser:
        """Return the network for lines of `height_px` rows, with fresh weights."""
        backbone = resnet(channels, self.blocks, self.channels, self.pool, self.norm, self.drop_path)
        return _recogniser(self, backbone, n_classes, channels, height_px)


class ConvNeXtTeacher(_Neck):
    """ConvNeXt backbone with an overlapping stem."""

    kind: Literal["convnext"] = "convnext"
    name: Literal["convnext_atto_ols", "convnext_femto_ols", "convnext_pico_ols"] = Field(
        "convnext_femto_ols", description="3.4, 4.8 or 8.6 M parameters"
    )
    pretrained: bool = Field(False, description="start from ImageNet weights: downloads them")

    def build(self, n_classes: int, channels: int, height_px: int) -> Recogniser:
        """Return the network for lines of `height_px` rows, with fresh weights unless they are `pretrained`."""
        backbone = convnext(channels, self.name, self.pretrained, self.drop_path)
        return _recogniser(self, backbone, n_classes, channels, height_px)


TeacherConfig = Annotated[ResNetTeacher | ConvNeXtTeacher, Field(discriminator="kind")]
TEACHERS: TypeAdapter[TeacherConfig] = TypeAdapter(TeacherConfig)


def _recogniser(config: _Neck, backbone: nn.Module, n_classes: int, channels: int, height_px: int) -> Recogniser:
    rows, maps = n_rows_and_features(backbone, channels, height_px)
    collapse = nn.Sequential(Columns(), nn.Linear(rows * maps, config.hidden), nn.ReLU(inplace=True))
    neck = Neck(config.neck, config.hidden, config.layers, config.dropout)
    return reading_along(backbone, collapse, config.hidden, n_classes, neck)
