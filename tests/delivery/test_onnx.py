"""The exported graph against the torch network it was made from, and the file that carries it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

import students
import teachers
from distill.delivery.export.graph import graph_of, halved, signed
from distill.delivery.export.quantise import in_int8, weighed_layers
from students.charset import Charset
from students.errors import CheckpointError, ExportError
from students.image import Preparation
from students.model_file import Description
from students.onnx_reader import session
from students.reader import Reader
from students.torch_reader import reader_of
from tests.samples import png_bytes
from tests.students.test_networks import STUDENT_CONFIGS, TEACHER_CONFIGS, build, name

WIDTHS_PX = (32, 96, 208)
BATCHES = (1, 2, 5)
NOWHERE = Path("nowhere.onnx")


def reader_for(config: dict[str, Any]) -> Reader:
    """A reader with random weights, and statistics of normalisation that are not those of a fresh network."""
    model = build(config)
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            for tensor in (module.weight, module.bias, module.running_mean):
                tensor.data += 0.1 * torch.randn(tensor.shape, generator=generator)
    kind = "teacher" if config in TEACHER_CONFIGS else "student"
    charset = Charset(characters="0123456789")
    return reader_of(
        model,
        Description(kind=kind, architecture=config, charset=charset, preparation=Preparation()),
        Path("model.safetensors"),
    )


@pytest.fixture
def onnx_file(tmp_path: Path, student_file: Path) -> Path:
    reader = students.load(student_file)
    path = tmp_path / "model.onnx"
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    return path


def assert_recurrence_is_plain(graph: onnx.ModelProto) -> None:
    """That no runtime drops a part of it: findings/runtimes-drop-parts-of-lstms.sh."""
    for node in graph.graph.node:
        if node.op_type in ("LSTM", "GRU", "RNN"):
            given = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
            assert given.pop("direction", b"forward") in (b"forward", b"bidirectional")
            assert set(given) <= {"hidden_size", "linear_before_reset"}
            assert not any([*node.input[4:5], *node.input[7:8]])  # lengths, peepholes


def assert_no_reduction_loses_its_axes(graph: onnx.ModelProto) -> None:
    """That OpenVINO reduces and normalises as ONNX Runtime does: findings/openvino-reduces-over-all-axes.sh."""
    assert not {node.op_type for node in graph.graph.node} & {"ReduceL1", "ReduceLogSum", "ReduceLogSumExp"}
    assert graph.opset_import[0].version >= 13  # below, Softmax joins axes


def assert_maps_are_not_transposed(graph: onnx.ModelProto) -> None:
    """That only frames are: the columns of a map are collapsed where they lie, which is faster."""
    orders = [list(node.attribute[0].ints) for node in graph.graph.node if node.op_type == "Transpose"]
    assert [0, 3, 2, 1] not in orders


@pytest.mark.parametrize("config", STUDENT_CONFIGS + TEACHER_CONFIGS, ids=name)
def test_the_graph_gives_the_logits_of_torch_for_any_width_and_batch(config: dict[str, Any]) -> None:
    reader = reader_for(config)
    graph = graph_of(reader)
    assert_recurrence_is_plain(graph)
    assert_no_reduction_loses_its_axes(graph)
    assert_maps_are_not_transposed(graph)
    logits_of = session(graph.SerializeToString(), NOWHERE)
    generator = np.random.default_rng(0)
    for width_px in WIDTHS_PX:
        images_NCHW = generator.uniform(-1, 1, (max(BATCHES), 1, 32, width_px)).astype(np.float32)
        for n in BATCHES:
            want = reader.logits_of(images_NCHW[:n])
            assert want.std() > 1e-3
            np.testing.assert_allclose(logits_of(images_NCHW[:n]), want, rtol=0, atol=1e-4)


def test_names_shapes_and_operators_are_plain(onnx_file: Path) -> None:
    graph = onnx.load(onnx_file)
    (images,), (logits,) = graph.graph.input, graph.graph.output
    assert [d.dim_param or d.dim_value for d in images.type.tensor_type.shape.dim] == ["N", 1, 32, "W"]
    assert [d.dim_param or d.dim_value for d in logits.type.tensor_type.shape.dim] == ["N", "T", 11]
    assert (images.name, logits.name) == ("images", "logits")
    assert [(o.domain, o.version) for o in graph.opset_import] == [("", 17)]
    assert {node.domain for node in graph.graph.node} == {""}


def test_torch_and_onnx_read_alike_and_equal_weights_give_equal_bytes(onnx_file: Path, student_file: Path) -> None:
    torch_reader, onnx_reader = students.load(student_file), students.load(onnx_file)
    images = [png_bytes(width=width, seed=seed) for seed, width in enumerate((100, 300, 40, 100, 260))]
    want, got = torch_reader.read(images), onnx_reader.read(images)
    assert [r.text for r in got] == [r.text for r in want]
    assert any(r.text for r in want)
    np.testing.assert_allclose([r.confidence for r in got], [r.confidence for r in want], rtol=1e-3)
    assert [r.text for r in onnx_reader.stream(iter(images), batch_size=2)] == [r.text for r in want]
    assert signed(graph_of(torch_reader), torch_reader.description, onnx_file) == onnx_file.read_bytes()


def test_a_stream_takes_no_more_images_than_it_needs(onnx_file: Path) -> None:
    taken = []
    stream = students.load(onnx_file).stream((taken.append(i) or png_bytes(seed=i) for i in range(100)), batch_size=4)
    for _ in range(5):
        next(stream)
    assert len(taken) == 8


def test_an_unreadable_image_is_named_by_its_place(onnx_file: Path) -> None:
    with pytest.raises(students.DataError, match="image 5"):
        students.load(onnx_file).read([png_bytes()] * 5 + [b"no picture"])
    with pytest.raises(students.DataError, match="image 5"):
        list(students.load(onnx_file).stream([png_bytes()] * 5 + [b"no picture"], batch_size=2))
    with pytest.raises(students.DataError, match="batch_size 0: at least one line"):
        students.load(onnx_file).stream([], batch_size=0)


def test_an_onnx_file_cut_anywhere_is_refused_by_name(tmp_path: Path, onnx_file: Path) -> None:
    whole = onnx_file.read_bytes()
    cut = tmp_path / "cut.onnx"
    for length in np.linspace(0, len(whole) - 1, 256).astype(int):
        cut.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.onnx"):
            students.load(cut)


def test_an_onnx_file_with_one_flipped_bit_is_refused_by_name(tmp_path: Path, onnx_file: Path) -> None:
    whole = onnx_file.read_bytes()
    generator = np.random.default_rng(0)
    description = whole.index(b"crnn-distill")
    flipped = tmp_path / "flipped.onnx"
    for position in [*range(description, len(whole), 23), *generator.integers(0, len(whole), 100)]:
        altered = bytearray(whole)
        altered[position] ^= 1 << int(generator.integers(8))
        flipped.write_bytes(altered)
        with pytest.raises(CheckpointError, match=r"flipped\.onnx"):
            students.load(flipped)


def test_a_foreign_graph_is_refused_and_so_is_an_onnx_file_where_a_network_is_wanted(
    tmp_path: Path, onnx_file: Path
) -> None:
    foreign = tmp_path / "foreign.onnx"
    graph = onnx.load(onnx_file)
    del graph.metadata_props[:]
    onnx.save(graph, foreign)
    with pytest.raises(CheckpointError, match="not an ONNX file of this suite"):
        students.load(foreign)
    with pytest.raises(CheckpointError, match="give the safetensors"):
        _ = teachers.load(onnx_file).model


def test_an_exported_teacher_is_a_teacher(tmp_path: Path) -> None:
    reader = reader_for(TEACHER_CONFIGS[0])
    path = tmp_path / "teacher.onnx"
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        students.load(path)
    opened = teachers.load(path)
    assert opened.description.kind == "teacher"
    assert opened.read(png_bytes()).frames == reader.read(png_bytes()).frames


def test_half_weights_take_half_the_room_and_compute_in_float() -> None:
    reader = reader_for({"kind": "convolutional", "size": "medium"})
    graph = graph_of(reader)
    half = halved(graph)
    assert half.ByteSize() < 0.56 * graph.ByteSize()
    images_NCHW = np.random.default_rng(0).uniform(-1, 1, (2, 1, 32, 64)).astype(np.float32)
    want, got = (session(g.SerializeToString(), NOWHERE)(images_NCHW) for g in (graph, half))
    assert 0 < np.abs(want - got).max() < 0.01 * np.abs(want).max()


@pytest.mark.parametrize("config", [{"kind": "convolutional"}, {"kind": "recurrent", "squeeze_excite": True}], ids=name)
def test_int8_has_unsigned_activations_signed_weights_per_channel_and_little_error(config: dict[str, Any]) -> None:
    reader = reader_for(config)
    graph = graph_of(reader)
    generator = np.random.default_rng(0)
    batches = [generator.uniform(-1, 1, (2, 1, 32, width)).astype(np.float32) for width in (64, 96, 128)]
    int8, float_layers = in_int8(graph, batches, lambda _: 0.0, 0.2)
    assert float_layers == []
    kinds = {weight.name: numpy_helper.to_array(weight) for weight in int8.graph.initializer}
    into = {node.output[0]: node for node in int8.graph.node}
    for layer in (node for node in int8.graph.node if node.name in weighed_layers(graph) and node.op_type == "Conv"):
        activation, weight = (into[layer.input[i]] for i in (0, 1))
        assert (activation.op_type, weight.op_type) == ("DequantizeLinear", "DequantizeLinear")
        assert kinds[activation.input[2]].dtype == np.uint8
        assert kinds[weight.input[0]].dtype == np.int8
        assert kinds[weight.input[1]].shape == kinds[weight.input[0]].shape[:1]
    want, got = (session(g.SerializeToString(), NOWHERE)(batches[0]) for g in (graph, int8))
    assert np.abs(want - got).mean() < 0.1 * want.std()


def test_layers_stay_float_until_the_budget_holds_and_the_most_harmful_is_first() -> None:
    """One layer is made to hurt: a channel a thousand times as large as the rest of its activation."""
    reader = reader_for({"kind": "digits"})
    with torch.no_grad():
        reader.model.backbone[1][0].weight[0] *= 1000
        reader.model.backbone[1][1].running_mean[0] *= 1000
        reader.model.backbone[2][0].weight[:, 0] /= 1000
    graph = graph_of(reader)
    images = [np.random.default_rng(s).uniform(-1, 1, (1, 1, 32, 96)).astype(np.float32) for s in range(4)]
    exact = session(graph.SerializeToString(), NOWHERE)

    def points_lost(logits_of: Any) -> float:
        return max(float(np.square(logits_of(image) - exact(image)).mean() / exact(image).var()) for image in images)

    _, none = in_int8(graph, images, points_lost, 10.0)
    _, some = in_int8(graph, images, points_lost, 0.02)
    assert none == []
    assert 0 < len(some) < len(weighed_layers(graph))
    assert "backbone.1.0" in some[0] or "backbone.2.0" in some[0]  # what writes that activation, and what reads it
    with pytest.raises(ExportError, match="even with"):
        in_int8(graph, images, lambda _: 7.0, 0.2)


def test_another_runtime_loads_it_and_gives_the_same_logits(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed: the smoke test of it is left out")
    reader = reader_for({"kind": "recurrent"})
    path = tmp_path / "model.onnx"
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    for n, width_px in ((1, 64), (3, 128)):
        images_NCHW = np.random.default_rng(n).uniform(-1, 1, (n, 1, 32, width_px)).astype(np.float32)
        np.testing.assert_allclose(compiled(images_NCHW)[0], reader.logits_of(images_NCHW), rtol=0, atol=1e-4)
