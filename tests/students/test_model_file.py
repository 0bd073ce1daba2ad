"""Model files: equal bytes for equal contents, damage that is refused, and names that mean one."""

import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

import students
import teachers
from students.errors import CheckpointError
from students.model_file import read_model, write_model
from students.shipped import SHIPPED, find_model
from tests.samples import SHIPPED_NAMES, png_bytes, write_student


def test_what_was_written_comes_back_and_equal_contents_give_equal_bytes(tmp_path: Path, student_file: Path) -> None:
    description, weights = read_model(student_file)
    again = tmp_path / "again.safetensors"
    write_model(again, description, dict(reversed(weights.items())))
    assert again.read_bytes() == student_file.read_bytes()
    assert stat.S_IMODE(again.stat().st_mode) == 0o644


def test_weights_in_another_order_of_memory_are_written_as_they_are(tmp_path: Path, student_file: Path) -> None:
    """See findings/safetensors-transposed-arrays.sh: the library alone scrambles them."""
    description, weights = read_model(student_file)
    turned = {name: np.asfortranarray(weight) for name, weight in weights.items()}
    assert not all(weight.flags.c_contiguous for weight in turned.values())
    again = tmp_path / "again.safetensors"
    write_model(again, description, turned)
    assert again.read_bytes() == student_file.read_bytes()


def test_weights_come_by_name(student_file: Path) -> None:
    """See findings/safetensors-order-of-loaded-bytes.sh: the library alone gives another order at every call."""
    names = list(read_model(student_file)[1])
    assert len(names) > 10
    assert names == sorted(names)


def test_a_file_cut_anywhere_is_refused_by_name(tmp_path: Path, student_file: Path) -> None:
    whole = student_file.read_bytes()
    cut = tmp_path / "cut.safetensors"
    for length in np.linspace(0, len(whole) - 1, 256).astype(int):
        cut.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=r"cut\.safetensors"):
            students.load(cut)


def test_a_file_with_one_flipped_bit_is_refused_by_name(tmp_path: Path, student_file: Path) -> None:
    whole = student_file.read_bytes()
    generator = np.random.default_rng(0)
    header = 8 + int.from_bytes(whole[:8], "little")
    positions = [*range(0, header, 7), *generator.integers(header, len(whole), 300)]
    flipped = tmp_path / "flipped.safetensors"
    for position in positions:
        altered = bytearray(whole)
        altered[position] ^= 1 << int(generator.integers(8))
        flipped.write_bytes(altered)
        with pytest.raises(CheckpointError, match=r"flipped\.safetensors"):
            students.load(flipped)


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "foreign.safetensors"
    safetensors.numpy.save_file({"weight": np.zeros(3)}, path)
    with pytest.raises(CheckpointError, match="not a model file"):
        students.load(path)


def test_students_load_refuses_a_teacher_and_says_who_opens_it(tmp_path: Path) -> None:
    path = write_student(tmp_path / "big.safetensors", kind="teacher")
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        students.load(path)


def test_teachers_load_opens_students_too(student_file: Path) -> None:
    assert teachers.load(student_file).read(png_bytes()) == students.load(student_file).read(png_bytes())


def test_a_run_folder_means_its_student(tmp_path: Path, student_file: Path) -> None:
    (tmp_path / "run" / "student").mkdir(parents=True)
    shutil.copy(student_file, tmp_path / "run" / "student")
    (tmp_path / "run" / "empty").mkdir()
    assert students.load(tmp_path / "run").description.kind == "student"
    with pytest.raises(CheckpointError, match="has the training finished"):
        students.load(tmp_path / "run" / "empty")


LIMITS_MB = {
    "digits": 1,
    "hanzi": 4,
    "print": 1,
    "print-small": 0.4,
    "receipts": 1,
    "receipts-small": 0.3,
    "scene": 2,
    "scene-small": 1,
}


@pytest.mark.parametrize(("name", "limit_mb"), LIMITS_MB.items())
def test_a_name_means_a_shipped_student_which_is_small(name: str, limit_mb: float) -> None:
    assert find_model(name) == SHIPPED / f"{name}.safetensors"
    assert find_model(name).stat().st_size < limit_mb * 1e6
    reading = students.load(name).read(png_bytes(32, 160))
    assert 0 <= reading.confidence <= 1


def test_a_folder_of_that_name_comes_first_and_other_names_are_refused(
    tmp_path: Path, student_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("sign", "prints"):
        with pytest.raises(CheckpointError, match=f"^{name}: .*no shipped student; there are {SHIPPED_NAMES}"):
            students.load(name)
    (tmp_path / "scene").mkdir()  # pictures, perhaps
    assert find_model("scene") == SHIPPED / "scene.safetensors"
    (tmp_path / "scene" / "student").mkdir()
    shutil.copy(student_file, tmp_path / "scene" / "student")
    assert find_model("scene") == Path("scene/student/model.safetensors")


def test_the_suffix_opens_a_file_in_small_and_capital_letters(onnx_file: Path, tmp_path: Path) -> None:
    capital = shutil.copy(onnx_file, tmp_path / "MODEL.ONNX")
    assert students.load(capital).description == students.load(onnx_file).description
    other = shutil.copy(onnx_file, tmp_path / "model.bin")
    with pytest.raises(CheckpointError, match=r"model\.bin: holds ONNX, .*end its name in \.onnx"):
        students.load(other)


@pytest.mark.parametrize("suffix", [".safetensors", ".onnx"])
def test_what_a_clone_without_git_lfs_has_is_named(tmp_path: Path, suffix: str) -> None:
    pointer = tmp_path / f"model{suffix}"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 34\n")
    with pytest.raises(CheckpointError, match="git lfs pull"):
        students.load(pointer)


def test_a_folder_without_a_student_names_the_models_that_it_has(onnx_file: Path, tmp_path: Path) -> None:
    (tmp_path / "exported" / "models").mkdir(parents=True)
    shutil.copy(onnx_file, tmp_path / "exported" / "models" / "recogniser.onnx")
    with pytest.raises(CheckpointError, match=r"finished\? It holds models/recogniser\.onnx: name the file"):
        students.load(tmp_path / "exported")
