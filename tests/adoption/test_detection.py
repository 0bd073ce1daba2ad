"""What is found out about a foreign recogniser, and that the file that is written reads as the recogniser does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import students
import teachers
from distill.adoption.adopt import Adopted, adopt, write
from distill.adoption.settings import Settings
from distill.adoption.trial import pictures
from students.errors import CheckpointError
from students.reader import Reader
from tests.foreign_models import NAME, Form, characters, write_foreign

METADATA = {"character": "\n".join(characters())}


def found(adopted: Adopted) -> dict[str, str]:
    return {fact.what: fact.value for fact in adopted.detected.facts}


def opened(adopted: Adopted, out: Path) -> Reader:
    write(adopted, out)
    return teachers.load(out)


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        (Form(), {"output": "logits", "blank": "first", "layout": "NTC", "colour": "grey", "levels": "-1 to 1"}),
        (Form(kind="probabilities"), {"output": "probabilities"}),
        (Form(kind="log_probabilities"), {"output": "log-probabilities"}),
        (Form(time_first=True), {"layout": "TNC"}),
        (Form(kind="probabilities", time_first=True), {"layout": "TNC", "output": "probabilities"}),
        (Form(blank_last=True), {"blank": "last"}),
        (Form(blank_last=True, kind="probabilities"), {"blank": "last"}),
        (Form(channels_last=True), {"height": "32 px"}),
        (Form(colours=True), {"colour": "rgb"}),
        (Form(colours=True, levels="0 to 1"), {"levels": "0 to 1"}),
        (Form(levels="0 to 1"), {"levels": "0 to 1"}),
        (Form(half=True), {"output": "logits"}),
        (Form(one_line=True), {"lines": "one at a time"}),
        (Form(one_line=True, time_first=True, kind="probabilities"), {"lines": "one at a time", "layout": "TNC"}),
        (Form(opened=False), {"frames": "one for 4 px"}),
    ],
    ids=str,
)
def test_every_form_is_found_and_reads_as_the_network_does(
    form: Form, expected: dict[str, str], tmp_path: Path
) -> None:
    adopted = adopt(str(write_foreign(tmp_path / "m.onnx", form, METADATA)), tmp_path / "out.onnx")
    assert expected.items() <= found(adopted).items()
    images = [picture for _, picture in pictures()[:6]]
    reader, original = opened(adopted, tmp_path / "out.onnx"), students.load(NAME)
    alone = [reader.read(image).text for image in images]
    assert alone == [reading.text for reading in reader.read(images)]
    same = original.description.preparation.model_copy(update={"width_quantum_px": 4})
    expected_texts = [original.decode(original.logits_of(same.prepare(image)[None])[0]).text for image in images]
    assert alone == expected_texts


def test_the_graph_gives_log_probabilities_and_the_raw_scores_of_all_classes(tmp_path: Path) -> None:
    import onnx

    adopted = adopt(str(write_foreign(tmp_path / "m.onnx", Form(kind="probabilities"), METADATA)), tmp_path / "o.onnx")
    reader = opened(adopted, tmp_path / "o.onnx")
    image = reader.description.preparation.prepare(pictures()[0][1])[None]
    sums = np.exp(reader.logits_of(image)).sum(-1)
    assert np.allclose(sums, 1, atol=1e-4)
    nodes = onnx.load(tmp_path / "o.onnx").graph.node
    assert "raw_scores" in {name for node in nodes for name in node.output}
    assert not [node for node in nodes if node.op_type == "Softmax"], "the softmax at the end is cut off"


def test_an_entry_that_the_charset_cannot_hold_is_counted_and_its_mass_is_missing(tmp_path: Path) -> None:
    entries = [*characters()]
    at = entries.index("T")
    entries[at] = "TT"
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(entries)})
    reader = opened(adopt(str(path), tmp_path / "o.onnx"), tmp_path / "o.onnx")
    assert any("left out: 1 entries" in sentence for sentence in reader.description.training["adopted"])
    assert "T" not in reader.description.charset.characters
    word, picture = pictures()[0]
    assert word.startswith("T")
    log_p_NTC = reader.logits_of(reader.description.preparation.prepare(picture)[None])
    assert np.exp(log_p_NTC).sum(-1).min() < 0.5


def test_characters_that_the_network_was_never_taught_are_counted_and_named(tmp_path: Path) -> None:
    """See findings/ppocr-classes-never-learnt.sh: a quarter of some makers' dictionaries."""
    import onnx
    from onnx import numpy_helper

    path, untaught = write_foreign(tmp_path / "m.onnx", Form(), METADATA), "JQVXZjqvxz"
    assert "never taught" not in found(adopt(str(path), tmp_path / "o.onnx"))
    model = onnx.load(path)
    n_classes = len(characters()) + 1
    (layer,) = (t for t in model.graph.initializer if n_classes in t.dims and len(t.dims) == 2)
    weights = numpy_helper.to_array(layer).copy()
    at = [characters().index(c) + 1 for c in untaught]
    vectors = weights if layer.dims[0] == n_classes else weights.T
    vectors[at] = -vectors[:1] * (1 + 0.01 * np.arange(len(at), dtype=np.float32)[:, None])
    layer.CopyFrom(numpy_helper.from_array(weights, layer.name))
    onnx.save(model, path)
    adopted = adopt(str(path), tmp_path / "o.onnx")
    assert found(adopted)["never taught"] == f"{len(untaught)} characters"
    (sentence,) = (s for s in adopted.description.training["adopted"] if s.startswith("never taught"))
    assert " J Q V X Z j q v" in sentence


@pytest.mark.parametrize("suffix", [".txt", ".yaml", ".json", ".py"])
def test_the_charset_may_be_text_yaml_json_or_python(suffix: str, tmp_path: Path) -> None:
    entries = list(characters())
    quoted = ", ".join(repr(entry) for entry in entries)
    text = {
        ".txt": "\n".join(entries) + "\n",
        ".yaml": "PostProcess:\n  character_dict:\n" + "".join(f"  - {_yaml(e)}\n" for e in entries),
        ".json": __import__("json").dumps({"charset": entries}),
        ".py": f"raise SystemExit('never run')\nCHARSET = [{quoted}]\n",
    }[suffix]
    (tmp_path / f"dictionary{suffix}").write_text(text, "utf-8")
    path = write_foreign(tmp_path / "elsewhere.onnx")
    for charset in (tmp_path / f"dictionary{suffix}", None):  # given, and lying next to the model
        adopted = adopt(str(path), tmp_path / "o.onnx", charset=charset)
        assert adopted.description.charset.characters == characters()


def _yaml(entry: str) -> str:
    return "'" + entry.replace("'", "''") + "'"


def test_a_space_behind_the_entries_is_found_by_their_number(tmp_path: Path) -> None:
    entries = [c for c in characters() if c != " "]
    moved = [*entries, " "]
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(entries)})
    adopted = adopt(str(path), tmp_path / "o.onnx")
    assert adopted.description.charset.characters == "".join(moved)
    assert "a space behind them" in " ".join(adopted.description.training["adopted"])


def test_a_blank_among_the_entries_is_found_by_their_number(tmp_path: Path) -> None:
    path = write_foreign(tmp_path / "m.onnx", Form(), {"character": "\n".join(["<blank>", *characters()])})
    assert adopt(str(path), tmp_path / "o.onnx").description.charset.characters == characters()


def test_of_two_lists_that_fit_the_one_that_reads_is_taken(tmp_path: Path) -> None:
    entries = list(characters())
    turned = [*entries[7:], *entries[:7]]
    (tmp_path / "lists.py").write_text(f"OLD = {turned!r}\nNEW = {entries!r}\n", "utf-8")
    adopted = adopt(str(write_foreign(tmp_path / "m.onnx")), tmp_path / "o.onnx")
    assert adopted.description.charset.characters == characters()
    assert found(adopted)["charset"].endswith("line 2")


def test_what_is_described_is_not_looked_for(tmp_path: Path) -> None:
    described = Settings(
        mean=(100.0,), deviation=(50.0,), padding_value=9, least_width_px=80, licence="MIT", origin="a shop"
    )
    adopted = adopt(str(write_foreign(tmp_path / "m.onnx", Form(), METADATA)), tmp_path / "o.onnx", described=described)
    preparation, training = adopted.description.preparation, adopted.description.training
    assert (preparation.mean, preparation.std) == (100.0, 50.0)
    assert (preparation.padding_value, preparation.least_width_px) == (9, 80)
    assert (training["licence"], training["origin"]) == ("MIT", "a shop")
    assert "public test sets" in training["public_data"]


def test_a_value_for_each_channel_becomes_nodes_of_the_graph(tmp_path: Path) -> None:
    described = Settings(mean=(120.0, 125.0, 130.0), deviation=(60.0, 61.0, 62.0), colour="bgr")
    path = write_foreign(tmp_path / "m.onnx", Form(colours=True), METADATA)
    adopted = adopt(str(path), tmp_path / "o.onnx", described=described)
    pixels = adopted.detected.pixels()
    levels = np.random.default_rng(0).integers(0, 256, (32, 64, 3)).astype(np.uint8)
    given = pixels.given(pixels.preparation.prepare(levels)[None])[0]
    wanted = (levels[..., ::-1].transpose(2, 0, 1) - np.array([120, 125, 130])[:, None, None]) / np.array([60, 61, 62])[
        :, None, None
    ]
    assert np.allclose(given, wanted, atol=1e-4)


def test_students_refuses_the_file_as_a_teacher(tmp_path: Path) -> None:
    write(adopt(str(write_foreign(tmp_path / "m.onnx", Form(), METADATA)), tmp_path / "o.onnx"), tmp_path / "o.onnx")
    with pytest.raises(CheckpointError, match=r"teachers\.load"):
        students.load(tmp_path / "o.onnx")


def test_equal_files_give_equal_bytes(tmp_path: Path) -> None:
    path = str(write_foreign(tmp_path / "m.onnx", Form(kind="probabilities", blank_last=True), METADATA))
    assert adopt(path, tmp_path / "a.onnx").blob == adopt(path, tmp_path / "b.onnx").blob
