"""A picture of what the training of a locator sees: crops of the first steps, with the cores to be found."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from distill.evaluation.pages.locating import PreparedPages
from distill.pools.pages import open_page_pools, pages_of
from distill.recipe.pages import PageRecipe
from distill.synthesis.contact import contact_sheet
from distill.training.pages import PageTask
from students.pages.preparation import STRIDE_PX, PagePreparation

COLUMNS = 4
CROP_PX = 320  # of the picture
CORE_RGB, UNWEIGHED_RGB = (220, 40, 40), (60, 90, 230)


def training_crops(recipe: PageRecipe, folder: Path, n: int) -> Image.Image:
    """Return a picture of the first `n` crops of the student's training.

    Cores are red, and pixels that weigh nothing blue; under a crop stands how much of it is text.
    """
    pools = open_page_pools(recipe, folder, on_demand=True)
    task = PageTask(
        role="student",
        recipe=recipe,
        model=recipe.student.model,
        training=recipe.student.training,
        objective=recipe.objective,
        pages=pages_of(recipe.student.sources, pools.train),
        validation=PreparedPages((), recipe.page),
    )
    crops: list[np.ndarray] = []
    captions: list[str] = []
    with closing(task.steps(range(recipe.student.training.steps))) as steps:
        for batch in (batch for step in steps for batch in step.batches):
            shown = zip(batch.images_NCHW, batch.targets_NCHW[:, 0], batch.weights_NHW, strict=True)
            crops += [_painted(*crop, recipe.page) for crop in shown]
            cores_N = batch.targets_NCHW[:, 0].mean((1, 2)).tolist()
            labelled = zip(cores_N, batch.labelled_N.tolist(), strict=True)
            captions += [f"{cores:.0%} text" if marked else "(unmarked)" for cores, marked in labelled]
            if len(crops) >= n:
                break
    return contact_sheet(crops[:n], captions[:n], COLUMNS)


def _painted(image_CHW: Tensor, cores_HW: Tensor, weights_HW: Tensor, preparation: PagePreparation) -> np.ndarray:
    """A crop as RGB, uint8 (CROP_PX, CROP_PX, 3), with its cores and its pixels without weight painted over."""
    grey_CHW = (image_CHW * preparation.std + preparation.mean).clamp(0, 255)
    crop_HWC = grey_CHW.expand(3, -1, -1).permute(1, 2, 0).numpy()
    for colour, places_HW in ((CORE_RGB, cores_HW > 0.5), (UNWEIGHED_RGB, weights_HW == 0)):
        mask_HW1 = np.kron(places_HW.numpy(), np.ones((STRIDE_PX, STRIDE_PX)))[..., None]
        crop_HWC = crop_HWC * (1 - 0.4 * mask_HW1) + 0.4 * mask_HW1 * np.array(colour)
    return cv2.resize(crop_HWC.astype(np.uint8), (CROP_PX, CROP_PX), interpolation=cv2.INTER_AREA)
