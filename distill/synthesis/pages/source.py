"""Synthetic pages as a source of a run: how many, in which layouts, fonts and texts, in which appearance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from distill.data.augment import Share
from distill.schema import Section, SourceName
from distill.synthesis.appearance import Range, check_appearance
from distill.synthesis.text import TextMix

LayoutName = Literal[
    "receipt", "letter", "columns", "plain", "form", "table", "sparse", "magazine", "invoice", "ticket"
]

_BOUNDS: dict[str, Range] = {
    "sheet_pixels": (40_000, 16_000_000),
    "letter_scale": (0.5, 2),
    "paper_grey": (0, 255),
    "ink_grey": (0, 255),
    "ink_spread": (0.3, 3),
    "texture": (0, 40),
    "shadow": (0, 0.8),
    "glare": (0, 0.8),
    "bleed": (0, 0.5),
    "fade": (0, 0.9),
    "ragged": (0, 1),
    "low_resolution": (0.3, 1),
    "blur_sigma_px": (0, 3),
    "motion_px": (1, 12),
    "noise_sigma": (0, 40),
    "jpeg_quality": (10, 100),
}


class PageLook(Section):
    """Appearance of drawn pages: ranges are sampled evenly, probabilities are those of each degradation."""

    sheet_pixels: tuple[int, int] = Field((400_000, 900_000), description="size of the sheet in pixels")
    letter_scale: Range = Field((0.85, 1.15), description="size of the letters, share of what a layout has")
    decoration_probability: Share = Field(0.85, description="probability of rules, logos, pictures and the like")
    paper_grey: tuple[int, int] = Field((170, 255), description="grey level of the paper")
    ink_grey: tuple[int, int] = Field((0, 110), description="grey level of the ink")
    min_contrast: int = Field(70, ge=1, le=255, description="least difference of paper and ink")
    invert_probability: Share = Field(0.03, description="probability of light text on a dark page")
    colour_probability: Share = Field(0.2, description="probability of a page in colours; else it is grey")
    ink_spread: Range = Field((0.6, 1.3), description="gamma of the edges: below 1 bolder, above 1 thinner")
    skew_probability: Share = Field(0.6, description="probability of a page that lies askew")
    skew_deg: float = Field(2.5, ge=0, le=15, description="largest rotation")
    perspective_probability: Share = Field(0.3, description="probability of a camera that looks from aside")
    perspective: float = Field(0.05, ge=0, le=0.2, description="how far corners move, share of the sheet's sides")
    curl_probability: Share = Field(0.3, description="probability of paper that bends")
    curl: float = Field(0.012, ge=0, le=0.05, description="how far it bends, share of the sheet's long side")
    surround_probability: Share = Field(0.4, description="probability that what the sheet lies on is to be seen")
    texture_probability: Share = Field(0.25, description="probability of paper with a grain")
    texture: Range = Field((1, 6), description="strength of the grain: standard deviation in grey levels")
    light_probability: Share = Field(0.4, description="probability of uneven light")
    light: float = Field(50.0, ge=0, le=150, description="largest unevenness, in grey levels")
    shadow_probability: Share = Field(0.15, description="probability of a shadow across the page")
    shadow: Range = Field((0.1, 0.45), description="share of the light that it takes")
    glare_probability: Share = Field(0.08, description="probability of a bright spot")
    glare: Range = Field((0.1, 0.4), description="how near the spot comes to white, share of the way")
    fold_probability: Share = Field(0.25, description="probability of folds and creases")
    edge_probability: Share = Field(0.25, description="probability of a sheet that is dark at some of its edges")
    bleed_probability: Share = Field(0.12, description="probability of print that shines through from behind")
    bleed: Range = Field((0.06, 0.2), description="how strong it is, share of the ink")
    fade_probability: Share = Field(0.3, description="probability of ink lost in rows, columns or patches")
    fade: Range = Field((0.2, 0.7), description="largest share of the ink that is lost there")
    ragged_probability: Share = Field(0.25, description="probability of ragged, steep edges")
    ragged: Range = Field((0.1, 0.4), description="their roughness, share of full coverage")
    low_resolution_probability: Share = Field(0.2, description="probability of a scan with too few pixels")
    low_resolution: Range = Field((0.55, 0.9), description="its resolution, share of the page's")
    blur_probability: Share = Field(0.4, description="probability of a Gaussian blur")
    blur_sigma_px: Range = Field((0.3, 1.1), description="sigma of the blur")
    motion_probability: Share = Field(0.05, description="probability of a blur of motion, in any direction")
    motion_px: Range = Field((1.5, 4), description="length of the motion")
    bilevel_probability: Share = Field(0.2, description="probability of a copy with hardly any grey left")
    noise_probability: Share = Field(0.5, description="probability of Gaussian noise")
    noise_sigma: Range = Field((1.0, 10.0), description="sigma of the noise, in grey levels")
    jpeg_probability: Share = Field(0.5, description="probability of JPEG compression")
    jpeg_quality: tuple[int, int] = Field((35, 90), description="lowest and highest JPEG quality")

    @model_validator(mode="after")
    def _sensible(self) -> PageLook:
        check_appearance(self, _BOUNDS)
        return self


class DrawnPagesSource(Section):
    """Pages drawn from fonts and texts: a function of these keys and the page's number."""

    kind: Literal["drawn_pages"] = "drawn_pages"
    name: SourceName = Field(description="shown in reports and part of every page's key")
    drop_labels: bool = Field(False, description="use the pictures only, as pages that nobody marked")
    pages: int = Field(ge=1, description="how many pages are drawn")
    seed: int = Field(0, ge=0, description="other seeds give other pages")
    layouts: tuple[LayoutName, ...] = Field(
        ("receipt", "letter", "form", "columns", "table", "plain", "sparse"),
        min_length=1,
        description="layouts, each equally likely; one that is named twice counts twice",
    )
    fonts: tuple[str, ...] = Field(min_length=1, description="font families, as their packages name them")
    font_folders: tuple[str, ...] = Field((), description="folders of font files, relative to data.root")
    text: TextMix = Field(TextMix(), description="which texts the pages have")
    look: PageLook = Field(PageLook(), description="appearance of the pages: paper, camera, degradation")
