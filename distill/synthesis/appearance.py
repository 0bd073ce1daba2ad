"""Appearance of rendered lines: the ranges and probabilities that `render.py` samples from.

In a recipe the section is called `look`. A degradation that a new version adds has probability 0 until a recipe asks
for it: the lines of a recipe stay the same.
"""

from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, model_validator

from distill.data.augment import Share

SIZES_PX = (24, 34, 48, 64)

Range = tuple[float, float]


class Appearance(BaseModel):
    """Appearance of rendered lines: ranges are sampled evenly, probabilities are those of each degradation."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    letter_size_px: tuple[int, int] = Field(
        default=(24, 48), description="lowest and highest font size, before scaling"
    )
    height_share: Range = Field(default=(0.55, 0.9), description="height of the letters, share of the picture's")
    tightness: Range = Field(default=(0.0, 0.4), description="0: with room for ascenders; 1: cut to the ink")
    margin: Range = Field(default=(0.05, 0.5), description="margin left and right, share of the height")
    stretch: Range = Field(default=(0.78, 1.08), description="horizontal stretch of the letters")
    spacing_probability: Share = Field(default=0.1, description="probability of widened letter spacing")
    spacing: Range = Field(default=(0.02, 0.15), description="extra letter spacing, share of the font size")
    paper_grey: tuple[int, int] = Field(default=(150, 255), description="grey level of the paper")
    ink_grey: tuple[int, int] = Field(default=(0, 120), description="grey level of the ink")
    min_contrast: int = Field(default=80, ge=1, le=255, description="least difference of paper and ink")
    invert_probability: Share = Field(default=0.08, description="probability of light text on dark paper")
    ink_spread: Range = Field(default=(0.7, 1.35), description="gamma of the edges: below 1 bolder, above 1 thinner")
    rotation_deg: float = Field(default=1.2, ge=0, le=10, description="largest rotation; less for long lines")
    shear: float = Field(default=0.08, ge=0, le=0.5, description="largest slant: sideways shift per height")
    perspective_probability: Share = Field(default=0.15, description="probability of a perspective")
    perspective: float = Field(
        default=0.1, ge=0, le=0.4, description="largest narrowing of one end, share of the height"
    )
    gradient_probability: Share = Field(default=0.3, description="probability of uneven light on the paper")
    gradient: float = Field(default=40.0, ge=0, le=120, description="largest unevenness, in grey levels")
    low_resolution_probability: Share = Field(default=0.15, description="probability of a scan with too few pixels")
    low_resolution: Range = Field(default=(0.5, 0.9), description="its resolution, share of the picture's")
    blur_probability: Share = Field(default=0.3, description="probability of a Gaussian blur")
    blur_sigma_px: Range = Field(default=(0.3, 0.9), description="sigma of the blur")
    noise_probability: Share = Field(default=0.5, description="probability of Gaussian noise")
    noise_sigma: Range = Field(default=(1.0, 12.0), description="sigma of the noise, in grey levels")
    jpeg_probability: Share = Field(default=0.15, description="probability of JPEG compression")
    jpeg_quality: tuple[int, int] = Field(default=(35, 85), description="lowest and highest JPEG quality")
    neighbour_probability: Share = Field(default=0.0, description="probability of strokes of a line above or below")
    neighbour: Range = Field(default=(0.02, 0.15), description="how far they reach in, share of the height")
    fade_probability: Share = Field(default=0.0, description="probability of ink lost in rows, columns or patches")
    fade: Range = Field(default=(0.3, 0.9), description="largest share of the ink that is lost there")
    ragged_probability: Share = Field(default=0.0, description="probability of ragged, steep edges")
    ragged: Range = Field(default=(0.1, 0.5), description="their roughness, share of full coverage")
    curve_probability: Share = Field(default=0.0, description="probability of a baseline that bends: an arc or a wave")
    curve: Range = Field(default=(0.1, 0.6), description="how far it rises or sinks, share of the font size")
    outline_probability: Share = Field(default=0.0, description="probability of hollow letters: their outline only")
    outline: Range = Field(default=(0.03, 0.07), description="thickness of the outline, share of the font size")
    drop_shadow_probability: Share = Field(default=0.0, description="probability of letters with a shadow of their own")
    drop_shadow: Range = Field(default=(0.03, 0.1), description="how far it lies off, share of the height")
    dots_probability: Share = Field(default=0.0, description="probability of letters made of dots, as needles print")
    dots: Range = Field(default=(9, 16), description="dots to the font size; below 9 small letters run together")
    rule_probability: Share = Field(default=0.0, description="probability of rules or a box about the text")
    rule: Range = Field(default=(0.05, 0.25), description="distance of the rule from the ink, share of the height")
    bleed_probability: Share = Field(default=0.0, description="probability of print that shines through from behind")
    bleed: Range = Field(default=(0.1, 0.35), description="how strong it is, share of the ink")
    texture_probability: Share = Field(default=0.0, description="probability of a textured background")
    texture: Range = Field(default=(4, 24), description="strength of the texture: standard deviation in grey levels")
    backgrounds: str | None = Field(default=None, description="folder of photographs, relative to data.root")
    background_probability: Share = Field(default=0.0, description="probability of a photograph as background")
    shadow_probability: Share = Field(default=0.0, description="probability of a shadow that falls across the line")
    shadow: Range = Field(default=(0.2, 0.6), description="share of the light that it takes")
    glare_probability: Share = Field(default=0.0, description="probability of a bright spot")
    glare: Range = Field(default=(0.2, 0.7), description="how near the spot comes to white, share of the way")
    tiny_probability: Share = Field(default=0.0, description="probability of a line seen from afar, then enlarged")
    tiny_px: Range = Field(default=(10, 20), description="its height before it is enlarged")
    motion_probability: Share = Field(default=0.0, description="probability of a blur of motion, in any direction")
    motion_px: Range = Field(default=(2, 5), description="length of the motion")
    defocus_probability: Share = Field(default=0.0, description="probability of a lens out of focus")
    defocus_px: Range = Field(default=(0.7, 2), description="radius of the disc that a point becomes")

    @model_validator(mode="after")
    def _sensible(self) -> "Appearance":
        check_appearance(self, _BOUNDS)
        if self.background_probability and self.backgrounds is None:
            raise ValueError("background_probability needs backgrounds: name a folder of photographs")
        return self


class AnyAppearance(Protocol):
    """What every appearance has: greys of paper and ink that stay apart, and other ranges by name."""

    @property
    def paper_grey(self) -> tuple[int, int]: ...
    @property
    def ink_grey(self) -> tuple[int, int]: ...
    @property
    def min_contrast(self) -> int: ...


def check_appearance(appearance: AnyAppearance, bounds: Mapping[str, Range]) -> None:
    """Raise `ValueError` for a range that does not rise within its bounds, and for greys that cannot stay apart."""
    for name, (least, most) in bounds.items():
        low, high = getattr(appearance, name)
        if not least <= low <= high <= most:
            raise ValueError(f"{name} {low}, {high} must be a rising pair within {least} to {most}")
    if appearance.paper_grey[0] - appearance.min_contrast < appearance.ink_grey[0]:
        raise ValueError(
            f"min_contrast {appearance.min_contrast} cannot be kept between paper_grey {appearance.paper_grey} "
            f"and ink_grey {appearance.ink_grey}: lower it, or move the two apart"
        )


_BOUNDS: dict[str, Range] = {
    "letter_size_px": (SIZES_PX[0], SIZES_PX[-1]),
    "height_share": (0.2, 1),
    "tightness": (0, 1),
    "margin": (0, 4),
    "stretch": (0.5, 2),
    "spacing": (0, 1),
    "paper_grey": (0, 255),
    "ink_grey": (0, 255),
    "ink_spread": (0.3, 3),
    "low_resolution": (0.2, 1),
    "blur_sigma_px": (0, 5),
    "noise_sigma": (0, 80),
    "jpeg_quality": (1, 100),
    "neighbour": (0, 0.3),
    "fade": (0, 1),
    "ragged": (0, 1),
    "curve": (0, 1.5),
    "outline": (0.01, 0.15),
    "drop_shadow": (0, 0.3),
    "dots": (7, 32),
    "rule": (0, 1),
    "bleed": (0, 1),
    "texture": (0, 80),
    "shadow": (0, 0.9),
    "glare": (0, 1),
    "tiny_px": (8, 256),
    "motion_px": (1, 32),
    "defocus_px": (0.5, 16),
}
