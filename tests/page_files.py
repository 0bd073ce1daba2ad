"""Pages that tests make: a drawn page whose pixels are known, and what describes it in PAGE XML, ALTO and lists."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from distill.data.formats.contents import Contents
from distill.data.formats.opening import open_contents, source_at
from students.image import decode_image

PAPER, INK, WIDTH, HEIGHT = 200, 20, 120, 80
SLANTED = "10,10 60,20 60,40 10,30"
BOX = "15,36 30,36 30,44 15,44"
PAGE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"
ALTO = "http://www.loc.gov/standards/alto/ns-v4#"


def drawn_page() -> np.ndarray:
    """Paper, the ink of a slanted line, and of its neighbour below it."""
    page_HW = np.full((HEIGHT, WIDTH), PAPER, np.uint8)
    page_HW[20:28, 15:55] = INK
    page_HW[36:44, 15:30] = INK + 1
    return page_HW


def page_image(folder: Path, name: str = "p1.png", pixels: np.ndarray | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn_page() if pixels is None else pixels).save(folder / name)


def text_line(name: str, points: str, inside: str = "", baseline: str = "") -> str:
    marked = f'<Baseline points="{baseline}"/>' if baseline else ""
    outline = f'<Coords points="{points}"/>' if points else ""
    return f'<TextLine id="{name}">{outline}{marked}{inside}</TextLine>'


def equiv(text: str, index: int | None = None) -> str:
    at = "" if index is None else f' index="{index}"'
    return f"<TextEquiv{at}><Unicode>{text}</Unicode></TextEquiv>"


def page_xml(
    lines: str, image: str = "p1.png", namespace: str = PAGE, size: tuple[int, int] = (WIDTH, HEIGHT), region: str = ""
) -> str:
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><PcGts xmlns="{namespace}"><Metadata/><Page imageFilename="{image}" '
        f'imageWidth="{size[0]}" imageHeight="{size[1]}"><TextRegion id="r" {region}><Coords points="0,0 9,0 9,9"/>'
        f"{lines}</TextRegion></Page></PcGts>"
    )


def alto_xml(
    lines: str,
    namespace: str = ALTO,
    image: str = "/home/x/p1.png",
    unit: str = "pixel",
    size: str = f'WIDTH="{WIDTH}" HEIGHT="{HEIGHT}"',
    block: str = "",
) -> str:
    return (
        f'<alto xmlns="{namespace}"><Description><MeasurementUnit>{unit}</MeasurementUnit><sourceImageInformation>'
        f"<fileName>{image}</fileName></sourceImageInformation></Description><Layout>"
        f"<Page {size}><PrintSpace><TextBlock {block}>{lines}</TextBlock></PrintSpace></Page></Layout></alto>"
    )


def box(text: str, points: Sequence[Sequence[float]], **more: object) -> dict[str, object]:
    return {"transcription": text, "points": [list(point) for point in points], **more}


def box_row(image: str, *boxes: dict[str, object]) -> str:
    return f"{image}\t{json.dumps(boxes, ensure_ascii=False)}\n"


def opened(path: Path, **settings: object) -> Contents:
    return open_contents(source_at(str(path), "mine", **settings), Path(), path)


def read(path: Path, **settings: object) -> tuple[list[str], list[str | None], list[np.ndarray]]:
    """Names, texts and pixels."""
    contents = opened(path, **settings)
    pixels = [decode_image(contents.fetch(row)) for row in range(len(contents.names))]
    return list(contents.names), list(contents.texts), pixels
