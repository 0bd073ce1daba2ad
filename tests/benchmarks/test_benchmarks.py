"""Every benchmark, imported and run in small: a name that it uses and that is gone shows here."""

from __future__ import annotations

import importlib
import io
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from accelerate import Accelerator

import students
import teachers
from distill.cluster import here
from distill.data.formats.opening import open_contents, source_at
from distill.pools.lines import Pools
from distill.recipe.file import load_recipe
from distill.records import read_question
from students.image import decode_image
from tests.adopted import write_adopted
from tests.pages import write_small_locator
from tests.samples import png_bytes
from tests.serving import serving

FOLDER = Path(__file__).parent
NAMES = ("accelerator", "adopted", "adopted_cache", "busy", "busy_work", "cache", "importing", "large", "memory")
NAMES += ("cluster", "frontier", "hebrew", "pages", "processes", "reading_order", "serving", "serving_clients")
NAMES += ("thousands", "ways")
CPU = torch.device("cpu")


@pytest.fixture
def benchmark(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """A benchmark as the script that it is: its folder is where it finds the others."""
    threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in NAMES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield importlib.import_module(request.param)
    for name in NAMES:
        sys.modules.pop(name, None)
    torch.set_num_threads(threads)


def of(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("benchmark", names, indirect=True)


def lines_file(path: Path, n: int = 3) -> Path:
    rows = [{"image": {"bytes": png_bytes(32, 60 + i, i), "path": f"{i}.png"}, "text": f"{i}"} for i in range(n)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_every_script_is_named_here() -> None:
    scripts = sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("test_"))
    assert scripts == sorted(NAMES)


@of(*NAMES)
def test_it_is_imported_and_says_how_it_is_called(benchmark: ModuleType) -> None:
    name = "busy" if benchmark.__name__ == "busy_work" else benchmark.__name__
    assert f"{name}.py" in str(benchmark.__doc__)


@of("accelerator", "busy", "frontier", "pages", "processes")
def test_its_options_are_parsed(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        benchmark.main(["--help"])
    assert ended.value.code == 0
    assert "--record" in capsys.readouterr().out


@of("accelerator")
def test_a_training_is_measured(benchmark: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    bench = benchmark.Bench(load_recipe("smoke"), "student", CPU, 2)
    found = benchmark.measured(bench, benchmark.Size((2,), steps=1, warm_steps=1, n_lines=4, workers=0))
    assert found.images_a_second > 0
    benchmark.rehearse_counting(load_recipe("smoke"))
    assert "FLOPs a line" in capsys.readouterr().out
    records = benchmark.question(benchmark.rows("student", 2, found), 1).records
    assert [record.value for record in records][-2:] == ["not measured", 0]


@of("adopted")
def test_texts_are_compared(benchmark: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model, data = write_adopted(tmp_path / "adopted.onnx"), lines_file(tmp_path / "lines.parquet")
    pictures = [row["image"]["bytes"] for row in benchmark.rows_of(str(data))]
    texts = [reading.text for reading in teachers.load(model).read(pictures)]
    (tmp_path / "theirs.json").write_text(json.dumps(["other", *texts[1:]]))
    benchmark.compare(str(data), str(tmp_path / "theirs.json"), str(model))
    assert "3 lines, 66.67% of the texts equal" in capsys.readouterr().out


@of("adopted_cache")
def test_costs_of_an_adopted_teacher(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "ROUNDS", 1)
    monkeypatch.setattr(benchmark.posterior_cache, "PART_LINES", benchmark.PART_LINES)  # it sets it; put back behind
    for name, value in (("N_LINES", 4), ("BATCH", 2)):
        monkeypatch.setattr(benchmark.steps, name, value)
    model = str(write_adopted(tmp_path / "adopted.onnx"))
    lines = benchmark.lines_of(str(lines_file(tmp_path / "lines.parquet")), 2)
    assert len(lines) == 2
    costs = benchmark.processor_s(model, model, lines, [lines[i].image for i in range(2)])
    assert min(*costs, *benchmark.step_ratio(model)) > 0


@of("busy")
def test_figures_of_a_busy_machine(benchmark: ModuleType) -> None:
    cells = [("cache", n) for n in benchmark.HOGS]
    now = {cell: [8.0, 9.0 - cell[1]] for cell in cells}
    found = benchmark.Measured(before={cell: [10.0, 10.0] for cell in cells}, now=now)
    question = benchmark.records(found, ["cache"], ["--quick"])
    assert [record.value for record in question.records] == [100, 100, 100, 85, 80, 65]
    assert question.records[0].command == "python tests/benchmarks/busy.py --quick"


@of("processes")
def test_steps_of_two_processes_are_held_against_one(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(benchmark, "WIDTH_PX", 64)
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n"))
    benchmark.main(["--works", "--lines", "2"])
    assert min(json.loads(capsys.readouterr().out)) > 0
    ratios = [benchmark.Took(3.0, 1.1), benchmark.Took(1.2, 1.0), benchmark.Took(1.3, 1.2)]
    quiet, busy = (benchmark.question(ratios, ["--pairs", "3"], 60, told).records for told in (False, True))
    assert [(record.value, record.interval) for record in quiet] == [(1.3, (1.2, 3.0)), (1.1, (1.0, 1.2))]
    assert [record.value for record in busy] == ["not measured: the machine was busy", 1.1]
    assert quiet[0].command == "python tests/benchmarks/processes.py --pairs 3"


@of("cluster")
def test_workers_are_measured_against_plain_processes(benchmark: ModuleType) -> None:
    pairs = list(benchmark.pairs_of(benchmark.source_of(2), here, 2))
    records = benchmark.question(pairs, 3.0, ["--pairs", "2"], 60).records
    ratio = next(each for each in records if each.columns["side"] == "Ray / plain")
    assert (ratio.what, ratio.interval is not None) == ("lines a second", True)
    assert {"seconds of the processor: this process", "seconds of a first small job"} <= {each.what for each in records}
    assert records[0].command == "python tests/benchmarks/cluster.py --pairs 2"


@of("pages")
def test_readers_of_pages_are_measured_in_turn(
    benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [{"box": [5, 5, 60, 20], "text": "ab"}]
    for number in range(2):
        (tmp_path / f"{number}.png").write_bytes(png_bytes(64, 96, number))
    described = [{"file": f"{number}.png", "width": 96, "height": 64, "lines": lines} for number in range(2)]
    (tmp_path / "pages.json").write_text(json.dumps(described))
    box_42 = np.array([(5, 5), (60, 5), (60, 20), (5, 20)], float)
    knows = benchmark.PagePeer("knows", lambda _: [benchmark.FoundText(box_42, "AB")], 2_500_000)
    monkeypatch.setattr(benchmark, "open_page_peers", lambda: ([knows], {"other": "is not installed"}))
    locator, target = write_small_locator(tmp_path / "locator.safetensors"), tmp_path / "r.json"
    words = [str(tmp_path), "--model", str(locator), "--rounds", "1", "--record", str(target)]
    assert benchmark.main(words) == 0
    told = capsys.readouterr()
    assert [row.split()[0] for row in told.out.splitlines()] == ["pages/s", "locator", "knows"]
    assert "skipped: other: is not installed" in told.err
    records = {(r.what, r.columns["reader"]): r for r in read_question(target).records}
    assert records["end to end F1", "knows"].value == 100.0
    assert records["size", "knows"].value == 2.5
    assert ("end to end F1", "locator") not in records
    assert records["pages a second", "locator"].value > 0
    assert records["H-mean at IoU 0.5", "locator"].command.startswith("python tests/benchmarks/pages.py DATA --model")


@of("frontier")
def test_readers_of_lines_are_measured_in_turn(
    benchmark: ModuleType, student_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set").mkdir()
    data, target = lines_file(tmp_path / "set" / "lines.parquet", 4), tmp_path / "r.json"
    truths = {row["image"]["bytes"]: row["text"] for row in pq.read_table(data).to_pylist()}
    knows = benchmark.Peer("knows", lambda pictures: [truths[each] for each in pictures], 2_500_000)
    monkeypatch.setattr(benchmark, "open_peers", lambda: [knows])
    small = shutil.copy(student_file, tmp_path / "small.safetensors")
    words = [str(data), str(student_file), str(small), "--record", str(target)]
    assert benchmark.main(["exact", *words, "--only", "knows"]) == 0
    assert benchmark.main(["speed", *words, "--every", "2", "--rounds", "1"]) == 0
    records = {(r.what, r.columns["reader"]): r for r in read_question(target).records}
    assert records["exact lines", "knows"].value == 100.0
    assert records["exact lines", "knows"].command.startswith(
        "python tests/benchmarks/frontier.py exact DATA/set/lines"
    )
    assert ("exact lines", "model, torch") not in records
    assert records["size of the model file", "knows"].value == 2.5
    assert records["lines/s", "model, torch"].value > 0
    assert records["the student is faster by", "knows"].value < 1
    assert records["the student is faster by", "small, torch"].value > 0
    assert ("the student is faster by", "model, torch") not in records
    assert benchmark.main(["parts", *words, "--rounds", "1"]) == 0
    parts = {r.what: r.value for r in read_question(target).records if r.unit in ("µs", "times")}
    assert min(parts[name] for name in ("decoding and scaling alone", "preparation", "network", "collapse")) > 0


@of("busy_work")
def test_every_work_is_done(benchmark: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark, "SOME_LINES", 4)
    made = importlib.import_module("cache")
    for name, value in (("N_LINES", 8), ("WIDTH", 128)):
        monkeypatch.setattr(made, name, value)
    lines = made.lines()
    recipe = load_recipe("smoke", ["teacher.training.batch_lines=2"])
    bench = benchmark.Bench(recipe, Pools(lines, lines, lines, made.CHARSET), Accelerator(cpu=True), tmp_path, 0)
    assert next(bench.training(recipe.student.model)) == 2
    works = (bench.caching(), bench.evaluation(), bench.reading(), bench.export())
    assert [next(work) for work in works] == [4, 4, 4, 1]


@of("cache")
def test_an_epoch_with_the_cache(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("N_LINES", 2), ("BATCH", 2), ("WIDTH", 128)):
        monkeypatch.setattr(benchmark, name, value)
    benchmark.main()
    assert "2 lines of 32 x 128 px, 97 classes" in capsys.readouterr().out


@of("large")
@pytest.mark.parametrize("term", ["KL", "blank split"])
@pytest.mark.parametrize("variant", ["fused", "plain", "nothing"])
def test_a_loss_of_many_classes(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, variant: str, term: str
) -> None:
    for name, value in (("N", 2), ("REPEATS", 1)):
        monkeypatch.setattr(benchmark, name, value)
    assert benchmark.measure(variant, term, 64)["ms"] > 0


@of("memory")
def test_steps_are_fed(
    benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("N_LINES", 16), ("BATCH", 1)):
        monkeypatch.setattr(benchmark, name, value)
    benchmark.main(n_steps=100)
    assert "0 workers, 32 lines" in capsys.readouterr().out


@of("importing")
def test_its_sources_are_imported(benchmark: ModuleType, tmp_path: Path) -> None:
    sources = benchmark.write_sources(tmp_path, 500)
    for kind, path in sources.items():
        contents = open_contents(source_at(str(path), kind), Path(), tmp_path)
        assert len(contents.names) == (50 if kind == "pages" else 500)
        assert None not in contents.texts
        assert decode_image(contents.fetch(0), kind).shape[0] in (32, 36)


@of("hebrew")
def test_hebrew_words_are_drawn_and_their_figures_recorded(benchmark: ModuleType, tmp_path: Path) -> None:
    benchmark.write_words(tmp_path, 3)
    contents = open_contents(source_at(str(tmp_path / "train"), "words"), Path(), tmp_path)
    assert len(contents.names) == 3
    assert all(set(str(text)) <= set(benchmark.LETTERS) for text in contents.texts)
    assert decode_image(contents.fetch(0)).shape[0] == 32
    assert load_recipe(str(tmp_path / "hebrew.yaml"), [f"data.root={tmp_path}"]).teacher.training.batch_lines == 32
    question = benchmark.question({"order of the picture": benchmark.Read(88.04, 3.2)}, ["--steps", "2"], 5.4)
    assert [record.value for record in question.records] == [88.0, 3.2]
    assert question.records[0].command == "python tests/benchmarks/hebrew.py --steps 2"


@of("thousands")
def test_thousands_of_classes_in_small(benchmark: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, size in {"LABELS": 40, "CHECKED": 20, "REVIEWED": 2, "ROUNDS": 1, "N_LINES": 2}.items():
        monkeypatch.setattr(benchmark, name, size)
    found = benchmark.measure(120)
    assert len(found) > 20
    assert all(milliseconds >= 0 for milliseconds in found.values())


@of("serving")
def test_a_service_is_loaded_and_its_figures_are_ratios(benchmark: ModuleType, student_file: Path) -> None:
    pictures = benchmark.rendered_lines(2)
    lines = list(zip(pictures, (each.text for each in students.load(student_file).read(pictures)), strict=True))
    with serving(students.load(student_file), max_waiting=8) as served:
        seen = benchmark.asyncio.run(benchmark.together(served.port, lines, 2, 0.2))
        assert benchmark.asyncio.run(benchmark.alone(served.port, lines, 2)) > 0
    assert (seen.lost, seen.wrong) == (0, 0)
    assert len(seen.seconds) >= 2
    reader = {"list": 100.0, "single": 50.0, "list_cpu_s": 0.01, "single_cpu_s": 0.02}
    load = benchmark.Seen([0.1, 0.2, 0.3, 0.4], refused=1)
    figures = benchmark.Figures(reader, 0.1, load, seconds=0.1, cpu_s=0.08)
    figures.rows = benchmark.ratios(figures)
    found = {record.what: record.value for record in benchmark.question(figures, ["--seconds", "1"], 3.2).records}
    assert found["lines/s over one reader's, one by one"] == 0.8
    assert found["the same in seconds of the processor, of lists"] == 0.5
    assert found["p99 over one client's time"] == 4.0
