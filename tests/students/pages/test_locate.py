"""Reading maps: torch and ONNX Runtime alike, tiles as the whole page, teachers as the network that was trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import teachers
from distill.delivery.export.graph import graph_of_locator, signed
from students.errors import CheckpointError
from students.pages.locate import TILE_STEP_PX, LocatorReader, open_locator, spans
from students.pages.model_file import read_locator, write_locator
from students.pages.preparation import PagePreparation
from tests.pages import Kind, build_small_locator, write_small_locator


def page_of(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture
def locator_file(tmp_path: Path) -> Path:
    return write_small_locator(tmp_path / "locator.safetensors")


def onnx_of(path: Path) -> Path:
    reader = teachers.load_locator(path)
    target = path.with_suffix(".onnx")
    target.write_bytes(signed(graph_of_locator(reader), reader.description, target))
    return target


@pytest.mark.parametrize("kind", ["locator", "locator_teacher"])
def test_a_file_gives_the_maps_of_the_network_that_was_written(tmp_path: Path, kind: Kind) -> None:
    preparation = PagePreparation(channels=3, pixels=20_000)
    path = write_small_locator(tmp_path / "model.safetensors", kind, preparation)
    reader = teachers.load_locator(path)
    maps, prepared = reader.maps(page_of(150, 210))
    with torch.inference_mode():
        want = build_small_locator(kind, 3)(torch.from_numpy(prepared.tensor_CHW[None])).maps_NCHW[0].numpy()
    assert maps.core.shape == (prepared.tensor_CHW.shape[1] // 4, prepared.tensor_CHW.shape[2] // 4)
    np.testing.assert_allclose(np.stack(maps[:3]), want[:3], atol=1e-4)
    np.testing.assert_allclose(np.hypot(maps.cosine, maps.sine), 1, atol=1e-5)
    assert want.std((1, 2)).min() > 1e-3


@pytest.mark.parametrize("kind", ["locator", "locator_teacher"])
def test_torch_and_onnx_give_the_same_maps_for_pages_of_any_size(tmp_path: Path, kind: Kind) -> None:
    path = write_small_locator(tmp_path / "model.safetensors", kind)
    want, got = teachers.load_locator(path), teachers.load_locator(onnx_of(path))
    assert got.description == want.description
    for n, height_px, width_px in ((1, 32, 96), (2, 128, 64), (3, 160, 160)):
        images_NCHW = np.random.default_rng(n).uniform(-1, 1, (n, 1, height_px, width_px)).astype(np.float32)
        np.testing.assert_allclose(got.maps_of(images_NCHW), want.maps_of(images_NCHW), rtol=0, atol=1e-4)
    with pytest.raises(CheckpointError, match="holds a graph to read with and no torch network"):
        _ = got.model


@pytest.mark.parametrize(("height", "width"), [(416, 384), (32, 640)])
def test_tiles_give_the_maps_of_the_whole_page(locator_file: Path, height: int, width: int) -> None:
    reader = open_locator(locator_file)
    tensor_CHW = reader.description.preparation.to_tensor(page_of(height, width)[..., :1])
    whole_CHW = reader.output(tensor_CHW)
    np.testing.assert_allclose(reader.output(tensor_CHW, whole_px=1, tile_px=128), whole_CHW, rtol=0, atol=1e-4)
    narrow = LocatorReader(
        reader.description.model_copy(update={"receptive_px": 32}), reader.path, reader.maps_of, reader.model
    )
    assert np.abs(narrow.output(tensor_CHW, whole_px=1, tile_px=128) - whole_CHW).max() > 1e-3


@pytest.mark.parametrize(("side_px", "tile_px", "margin_px"), [(640, 128, 40), (128, 128, 40), (96, 128, 0)])
def test_every_place_is_kept_of_one_tile_that_sees_what_it_depends_on(
    side_px: int, tile_px: int, margin_px: int
) -> None:
    kept: list[int] = []
    for span in spans(side_px, tile_px, margin_px):
        places = list(range(side_px // 4))[span.kept]
        seen = list(range(side_px))[span.seen]
        assert [seen[0] // 4 + i for i in range(len(seen) // 4)][span.inside] == places
        assert seen[0] <= max(0, 4 * places[0] - margin_px)
        assert seen[-1] >= min(side_px - 1, 4 * places[-1] + 3 + margin_px)
        assert seen[0] % TILE_STEP_PX == len(seen) % TILE_STEP_PX == 0
        kept += places
    assert kept == list(range(side_px // 4))


def test_a_teacher_is_refused_where_a_locator_is_wanted_in_either_format(tmp_path: Path) -> None:
    path = write_small_locator(tmp_path / "teacher.safetensors", "locator_teacher")
    with pytest.raises(CheckpointError, match=r"teacher\.safetensors: .*teachers\.load_locator"):
        open_locator(path)
    with pytest.raises(CheckpointError, match=r"teacher\.onnx: .*teachers\.load_locator"):
        open_locator(onnx_of(path))


def test_weights_and_description_that_do_not_match_are_refused_by_name(locator_file: Path) -> None:
    description, weights = read_locator(locator_file)
    write_locator(locator_file, description.model_copy(update={"receptive_px": 8}), weights)
    with pytest.raises(CheckpointError, match=r"locator\.safetensors: says that its maps depend on pixels 8 px away"):
        open_locator(locator_file)
    weights.pop("head.bias")
    write_locator(locator_file, description, weights)
    with pytest.raises(CheckpointError, match=r"locator\.safetensors: weights and architecture do not match"):
        open_locator(locator_file)
