"""A graph that somebody else made as a teacher: its classes, its padding, its frames, its digest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import teachers
from distill.data.batch import Others
from distill.data.lines import Lines
from distill.data.prepared import OtherImages, PreparedLines
from distill.data.sampler import in_width_order
from distill.teaching.graph import batch_lines, network_of, parameters_of
from distill.teaching.slicing import sliced
from distill.teaching.teacher import FrozenTeacher, member_of
from students.charset import Charset
from students.errors import CheckpointError
from students.image import Preparation
from students.model_file import read_onnx
from tests.adopted import FRAME_PX, PREPARATION, Form, write_adopted
from tests.samples import png_bytes, write_student

CPU = torch.device("cpu")
OWN = Preparation()
RUN = Charset(characters="9a5xy0")  # x and y are no characters of the file's


def lines_of(widths: list[int]) -> Lines:
    pictures = [png_bytes(32, width, seed) for seed, width in enumerate(widths)]
    keys = tuple(f"line/{i}" for i in range(len(widths)))
    padded = np.array([OWN.padded_px(width) for width in widths])
    fetch = tuple((pictures.__getitem__, i) for i in range(len(widths)))
    return Lines(keys, keys, (None,) * len(keys), ("made",) * len(keys), padded, keys, fetch, preparation=OWN)


def teacher_of(path: Path, charset: Charset = RUN, temperature: float = 1.0) -> FrozenTeacher:
    reader = teachers.load(path)
    calibration = reader.description.calibration.model_copy(update={"temperature": temperature})
    reader.description = reader.description.model_copy(update={"calibration": calibration})
    return FrozenTeacher([member_of(reader, 1.0, True, charset, OWN)], CPU, "fp32")


def images(n: int, width_px: int) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, (n, 3, 48, width_px)).astype(np.float32)


PRODUCTS: tuple[Form, ...] = ("product", "time first", "rows")


@pytest.mark.parametrize("form", [*PRODUCTS, "no product"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_a_graph_writes_the_classes_of_the_run_and_one_rest(
    form: Form, temperature: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.teaching.slicing.BLOCK", 7)
    path = write_adopted(tmp_path / "adopted.onnx", form=form)
    teacher = teacher_of(path, temperature=temperature)
    pictures = images(3, 240)
    got_NTC = teacher.members[0].model(torch.from_numpy(pictures)).logits_NTC.numpy()
    all_NTC = _all_scores(path, pictures) / temperature
    log_p_NTC = all_NTC - np.log(np.exp(all_NTC).sum(-1, keepdims=True))
    column = {c: 2 * i + 1 for i, c in enumerate("0123456789abcdefghij", 1)}
    known = [1, column["9"], column["a"], column["5"], column["0"]]
    assert got_NTC[..., [0, 1, 2, 3, 6]] == pytest.approx(log_p_NTC[..., known], abs=1e-4)
    rest_NT = 1 - np.exp(log_p_NTC[..., known]).sum(-1)
    assert np.exp(got_NTC[..., 4:6]) == pytest.approx(np.stack([rest_NT / 2] * 2, -1), rel=1e-3)
    assert np.exp(got_NTC).sum(-1) == pytest.approx(1, abs=1e-4)


def _all_scores(path: Path, pictures: np.ndarray) -> np.ndarray:
    """Every score of the graph, computed apart from the code under test."""
    import onnxruntime

    model = onnx.load(path)
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info("raw_scores"))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["raw_scores"], {"images": pictures})[0])


@pytest.mark.parametrize("form", PRODUCTS)
def test_no_tensor_of_all_classes_is_left_in_a_sliced_product(form: Form, tmp_path: Path) -> None:
    path = write_adopted(tmp_path / "adopted.onnx", n_foreign=18_710, form=form)
    blob, n_columns = sliced(read_onnx(path)[1], np.arange(5), 21, 1.0)
    model = onnx.load_from_string(blob)
    widest = max(max(weight.dims, default=0) for weight in model.graph.initializer)
    assert widest == 4096
    assert n_columns == 4096 + 5
    assert [node.op_type for node in model.graph.node].count("MatMul") == 1 + 5


def test_an_exported_student_teaches_as_its_torch_network_does(tmp_path: Path) -> None:
    from distill.delivery.export.graph import graph_of, signed

    reader = teachers.load(write_student(tmp_path / "model.safetensors", "student"))
    path = tmp_path / "exported.onnx"
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    pictures = torch.from_numpy(images(5, 96)[:, :1, :32].copy())
    for charset in (RUN, reader.description.charset):
        by_torch, by_graph = (teacher_of(p, charset)(pictures) for p in (reader.path, path))
        assert torch.allclose(by_torch.logits_NTC.log_softmax(-1), by_graph.logits_NTC.log_softmax(-1), atol=1e-4)
        assert torch.equal(by_torch.lengths_N, by_graph.lengths_N)


def test_a_line_is_padded_as_its_makers_did_whatever_the_quantum_of_the_run(tmp_path: Path) -> None:
    """The same outputs as the file alone gives on each line, cut to the frames that the run's width covers."""
    path = write_adopted(tmp_path / "adopted.onnx")
    teacher, reader = teacher_of(path, Charset(characters="0123456789abcdefghij")), teachers.load(path)
    lines = lines_of([20, 30, 97, 100, 104, 112, 150])
    prepared = PreparedLines(lines, OWN, teacher.preparations)
    n_cut = 0
    for group in in_width_order(lines.padded_width_px, 64):
        images_NCHW, others = prepared.stacked(group)
        outputs = teacher(images_NCHW, others)
        frames = round(group.width_px * 48 / 32 / FRAME_PX)
        assert outputs.lengths_N.tolist() == [frames] * len(group.indices)
        for i, got_TC in zip(group.indices, outputs.logits_NTC.log_softmax(-1).numpy(), strict=True):
            alone_TC = reader.log_probabilities(PREPARATION.prepare(lines[i].image)[None])[0]
            n_cut += len(alone_TC) > frames
            shared = min(frames, len(alone_TC))
            assert got_TC[:shared] == pytest.approx(alone_TC[:shared], abs=1e-4)
            assert (got_TC[shared:].argmax(-1) == 0).all()
    assert n_cut


def test_a_batch_and_a_line_alone_are_the_same_to_it(tmp_path: Path) -> None:
    teacher = teacher_of(write_adopted(tmp_path / "adopted.onnx"))
    lines = lines_of([97, 100, 104, 112])
    prepared = PreparedLines(lines, OWN, teacher.preparations)
    (group,) = in_width_order(lines.padded_width_px, 64)
    together = teacher(*prepared.stacked(group)).logits_NTC
    for i in range(len(lines)):
        (alone,) = in_width_order(lines.padded_width_px, 64, np.array([group.indices[i]]))
        assert torch.equal(teacher(*prepared.stacked(alone)).logits_NTC[0], together[i])


def test_lines_without_the_runs_own_preparation(tmp_path: Path) -> None:
    teacher = teacher_of(write_adopted(tmp_path / "adopted.onnx"))
    assert not teacher.wants_own
    lines = lines_of([97, 100])
    prepared = PreparedLines(lines, OWN, teacher.preparations)
    (group,) = in_width_order(lines.padded_width_px, 64)
    both, without = (teacher(*prepared.stacked(group, None, own)).logits_NTC for own in (True, False))
    assert torch.equal(both, without)


def test_its_digest_is_that_of_its_file(tmp_path: Path) -> None:
    one, same, other = (
        teacher_of(write_adopted(tmp_path / name / "adopted.onnx", scale=scale))
        for name, scale in (("one", 1.0), ("same", 1.0), ("other", 1.1))
    )
    assert one.digest == same.digest != other.digest
    one.assert_unchanged()


def test_a_file_that_was_altered_is_refused(tmp_path: Path) -> None:
    path = write_adopted(tmp_path / "adopted.onnx")
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 3] ^= 1
    path.write_bytes(blob)
    with pytest.raises(CheckpointError):
        teachers.load(path)


def test_an_ensemble_of_a_graph_and_a_network(tmp_path: Path) -> None:
    graph, network = write_adopted(tmp_path / "adopted.onnx"), write_student(tmp_path / "model.safetensors")
    charset = Charset(characters="0123456789")
    members = [member_of(teachers.load(path), 1.0, False, charset, OWN) for path in (graph, network)]
    lines = lines_of([97, 100])
    (group,) = in_width_order(lines.padded_width_px, 64)

    def posteriors_of(*some: int) -> torch.Tensor:
        teacher = FrozenTeacher([members[i] for i in some], CPU, "fp32")
        return teacher(*PreparedLines(lines, OWN, teacher.preparations).stacked(group)).logits_NTC.softmax(-1)

    both, first = posteriors_of(0, 1), posteriors_of(0)
    assert both.shape == first.shape
    assert not torch.allclose(both, first, atol=0.01)


def test_many_classes_are_read_a_few_lines_at_a_time(tmp_path: Path) -> None:
    assert batch_lines(97) == 64
    assert batch_lines(18_710) == 14
    reader = teachers.load(write_adopted(tmp_path / "adopted.onnx"))
    network = network_of(reader)
    network.lines_a_call = 2
    pictures = images(5, 160)
    assert network(torch.from_numpy(pictures)).logits_NTC.numpy() == pytest.approx(reader.logits_of(pictures), abs=1e-5)
    assert parameters_of(reader) == reader.description.architecture["parameters"]


def test_others_hold_padding_of_their_own() -> None:
    lines = lines_of([97, 150])
    prepared = PreparedLines(lines, OWN, [PREPARATION, PREPARATION.model_copy(update={"least_width_px": 0})])
    others: Others = prepared.stacked(in_width_order(lines.padded_width_px, 1).__iter__().__next__())[1]
    alone, as_the_run = others.values()
    assert isinstance(alone, OtherImages)
    assert (alone.widths_N.tolist(), alone.extent_px) == ([160], 168)
    assert (as_the_run.widths_N.tolist(), as_the_run.extent_px) == ([168], 168)
