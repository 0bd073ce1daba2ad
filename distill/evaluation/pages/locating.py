"""Finding the lines of marked pages with a network: every process its share, every page counted once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import gather_object
from torch import nn

from distill.data.pages.record import PageRecord
from distill.evaluation.pages.matching import within
from distill.runtime import StopFlag
from students.pages.finding import FoundLine, LineFinding, find_lines
from students.pages.maps import Maps
from students.pages.preparation import PagePreparation, PreparedPage


class PreparedPages:
    """Pages as a locator sees them. They are opened once, and then kept in memory at their scaled size."""

    def __init__(self, records: Sequence[PageRecord], preparation: PagePreparation) -> None:
        self.records, self.preparation = tuple(records), preparation
        self._scaled: dict[int, tuple[np.ndarray, tuple[float, float]]] = {}

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, i: int) -> PreparedPage:
        if i not in self._scaled:
            page_HWC = self.records[i].load()
            scaled_HWC = self.preparation.scale(page_HWC)
            height, width = scaled_HWC.shape[:2]
            self._scaled[i] = scaled_HWC, (page_HWC.shape[1] / width, page_HWC.shape[0] / height)
        scaled_HWC, scale_xy = self._scaled[i]
        size_px = (scaled_HWC.shape[1], scaled_HWC.shape[0])
        return PreparedPage(self.preparation.to_tensor(scaled_HWC), size_px, scale_xy)


def lines_found(model: nn.Module, page: PreparedPage, finding: LineFinding, device: torch.device) -> list[FoundLine]:
    """Return the lines that a network, which returns `LocatorOutputs`, finds on a page; it is left as it was."""
    learning = model.training
    model.eval()
    with torch.inference_mode():
        image_1CHW = torch.from_numpy(page.tensor_CHW)[None].to(device, memory_format=torch.channels_last)
        maps_CHW = model(image_1CHW).maps_NCHW[0].float().cpu().numpy()
    model.train(learning)
    return find_lines(Maps.of_output(maps_CHW), page, finding)


def outlines_found(
    model: nn.Module, pages: PreparedPages, finding: LineFinding, accelerator: Accelerator, stop: StopFlag | None = None
) -> list[list[np.ndarray]]:
    """Return the outlines (P, 2) of the lines found on every page, in their order, equal on all processes.

    Raises `Stopped` when asked to.
    """
    mine = []
    for i in range(accelerator.process_index, len(pages), accelerator.num_processes):
        page = pages[i]
        found = lines_found(model, page, finding, accelerator.device)
        page_px = [side * scale for side, scale in zip(page.size_px, page.scale_xy, strict=True)]
        mine.append((i, [within(line.polygon_P2, page_px) for line in found]))
        if stop is not None and accelerator.num_processes == 1:
            stop.raise_if_set()
    outlines = dict(gather_object(mine))
    return [outlines[i] for i in range(len(pages))]
