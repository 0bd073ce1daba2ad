"""Every look of the doctor: a case in which it speaks, and one in which it is silent."""

from __future__ import annotations

import html
import io
import json
import re
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFont

from distill.cli import main
from distill.data.labels import LabelForm
from distill.data.lines import Lines
from distill.evaluation.doctor import labels as looks
from distill.evaluation.doctor.alike import disagreements, leaks, near_pairs
from distill.evaluation.doctor.diagnosis import Diagnosis, aligned, in_table
from distill.evaluation.doctor.doubts import doubts_of, most_suspicious, turned_over
from distill.evaluation.doctor.findings import Finding
from distill.evaluation.doctor.labels import class_counts, findings_in_charset, findings_in_labels
from distill.evaluation.doctor.page import Album, page, write_pages
from distill.evaluation.doctor.pictures import COPY_SHAPE, HASH_SHAPE, Pictures, findings_in_pictures, look_at
from distill.evaluation.doctor.profile import profiles, shared_documents
from distill.recipe.file import load_recipe
from distill.runs.check import _fonts
from students.charset import Charset
from students.image import Preparation
from students.parts import Outputs
from students.reader import open_student, reader_of
from students.reading import Reader
from tests.samples import write_student


def lines_of(
    pictures: Sequence[np.ndarray], texts: Sequence[str | None], source: str = "mine", form: LabelForm = "exact"
) -> Lines:
    """Lines in memory: grey pictures and their labels."""
    encoded = []
    for picture in pictures:
        buffer = io.BytesIO()
        Image.fromarray(picture).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    names = tuple(f"{i:03d}_0.png" for i in range(len(texts)))
    widths = [Preparation().padded_width_px(*picture.shape[:2]) for picture in pictures]
    keys = tuple(f"{source}/{name}" for name in names)
    fetch = tuple((encoded.__getitem__, i) for i in range(len(texts)))
    digests = tuple(str(hash(data)) for data in encoded)
    sources = (source,) * len(texts)
    padded, forms = np.array(widths, np.int64), {source: form}
    return Lines(keys, names, tuple(texts), sources, padded, digests, fetch, forms, preparation=Preparation())


def labelled(*texts: str) -> Lines:
    return lines_of([np.full((32, 64), 200, np.uint8)] * len(texts), texts)


def written(text: str, height: int = 32) -> np.ndarray:
    """Dark letters on light paper."""
    font = ImageFont.load_default(24)
    image = Image.new("L", (int(font.getlength(text)) + 16, 32), 220)
    ImageDraw.Draw(image).text((8, 2), text, fill=30, font=font)
    return np.asarray(image.resize((image.width * height // 32, height)))


def kinds(findings: list[Finding]) -> set[str]:
    return {finding.kind for finding in findings}


SPEAKS = [
    ("mixed-scripts", "p\N{CYRILLIC SMALL LETTER A}per", "paper и бумага, κ or k"),
    ("mixed-scripts", "\N{GREEK CAPITAL LETTER ALPHA}BC", "10 µm"),
    ("width-forms", "Ｔotal", "Total"),
    ("width-forms", "a，b", "你好，世界"),
    ("invisible", "ze\u200bro", "zero"),
    ("invisible", "soft\u00adly", "soft-ly"),
    ("invisible", "\ufefffirst", "first"),
    ("invisible", "a\u200fb", "a b"),
    ("invisible", "a\tb", "naïve é"),
    ("no-character", "caf\ufffd", "café"),
    ("no-character", "a\ue000", "a☎"),
    ("wrong-encoding", "cafÃ©", "café"),
    ("odd-spaces", "1\u00a0000", "1 000"),
    ("odd-spaces", "1\u2009000", "é 1"),
    ("loose-spaces", "a  b", "a b"),
    ("loose-spaces", " a", "a"),
    ("loose-marks", "x\u0301", "é"),
    ("loose-marks", "\u0301x", "กี่"),
]


@pytest.mark.parametrize(("kind", "bad", "good"), SPEAKS)
def test_a_label_is_noted_and_a_plain_one_is_not(kind: str, bad: str, good: str) -> None:
    found = [f for f in findings_in_labels("train", labelled("plain", bad, good)) if f.kind == kind]
    assert [f.keys for f in found] == [("mine/001_0.png",)]
    assert not findings_in_labels("train", labelled("plain", good))


def test_every_check_of_a_label_has_a_case() -> None:
    assert {kind for kind, _, _ in SPEAKS} == {kind for kind, *_ in looks.CHECKS}


def test_plain_and_typographic_signs_of_one_meaning_are_noted_once() -> None:
    def found(*texts: str) -> list[str]:
        charset = Charset.of(texts)
        findings = findings_in_charset(charset, class_counts({"train": labelled(*texts)}, charset))
        return [f.message for f in findings if f.kind == "spellings"]

    assert found("it's", "it’s", "it‘s") == [
        "plain and typographic single quotes or apostrophes both occur, in lines: ' (1), ‘ (1), ’ (1)"
    ]
    assert len(found('"a"', "“a”", "1-2", "1–2")) == 2
    assert not found("it’s", "1-2", "«a»")


def test_classes_are_counted_by_line_and_rare_ones_named() -> None:
    parts = {"train": labelled(*["aab"] * 10, "ac"), "test": labelled("az")}
    charset = Charset(characters="abc ")
    counts = class_counts(parts, charset)
    assert counts["a"] == {"train": 11, "test": 1}
    assert counts["z"] == {"train": 0, "test": 1}
    (rare,) = findings_in_charset(charset, counts)
    assert "2 characters" in rare.message
    assert rare.message.endswith("U+0020:0 c:1")
    assert not findings_in_charset(Charset(characters="ab"), counts)


@pytest.fixture(scope="module")
def words() -> list[str]:
    generator = np.random.default_rng(3)
    return ["".join(generator.choice(list("abcdefghiklmnoprstuvw"), 6)) for _ in range(30)]


@pytest.mark.parametrize("kind", ["turned", "blank", "tiny", "narrow", "wide"])
def test_an_odd_picture_is_noted_and_usual_ones_are_not(kind: str, words: list[str]) -> None:
    usual = [written(word) for word in words]
    height, width = usual[0].shape
    odd = {
        "turned": np.rot90(usual[0]),
        "blank": np.full((32, 100), 200, np.uint8),
        "tiny": written(words[0], 8),
        "narrow": np.asarray(Image.fromarray(usual[0]).resize((width * 2 // 5, height))),
        "wide": np.pad(usual[0], ((0, 0), (0, 4 * width)), constant_values=220),
    }[kind]
    lines = lines_of([*usual, np.ascontiguousarray(odd)], [*words, words[0]])
    found = findings_in_pictures("train", look_at("train", lines), Preparation())
    assert kinds(found) == {kind}
    assert found[0].keys == (lines.keys[-1],)
    plain = lines_of(usual, words)
    assert not findings_in_pictures("train", look_at("train", plain), Preparation())


def test_a_blank_picture_labelled_as_empty_is_as_it_should_be() -> None:
    blank = lines_of([np.full((32, 100), 200, np.uint8)], [""])
    assert not findings_in_pictures("train", look_at("train", blank), Preparation())


def saved_again(picture: np.ndarray) -> np.ndarray:
    """Smaller, darker, compressed."""
    image = Image.fromarray((picture * 0.8 + 10).astype(np.uint8))
    buffer = io.BytesIO()
    image.resize((image.width * 4 // 5, image.height * 4 // 5)).save(buffer, "JPEG", quality=60)
    return np.asarray(Image.open(buffer))


def textured(word: str, seed: int) -> np.ndarray:
    """A word as a photograph has it: with the light and the grain of its own."""
    generator = np.random.default_rng(seed)
    light = np.asarray(Image.fromarray(generator.uniform(0, 120, (3, 6)).astype(np.float32)).resize((150, 32)))
    base = np.asarray(Image.fromarray(written(word)).resize((150, 32)), np.float32)
    return np.clip(base * 0.6 + light + generator.normal(0, 4, base.shape), 0, 255).astype(np.uint8)


def test_a_picture_saved_again_is_a_leak_and_other_words_are_not(words: list[str]) -> None:
    train = [textured(word, seed) for seed, word in enumerate(words)]
    test = [textured(word[::-1], 100 + seed) for seed, word in enumerate(words)]
    looked_at = {
        "train": look_at("train", lines_of(train, words)),
        "test": look_at("test", lines_of([*test, saved_again(train[7])], [*words, words[7]], "theirs")),
    }
    (leak,) = leaks(looked_at)
    assert (leak.severity, leak.kind, leak.part) == ("problem", "leak", "train")
    assert (leak.keys, leak.beside) == (("mine/007_0.png",), ("theirs/030_0.png",))
    looked_at["test"] = look_at("test", lines_of(test, words, "theirs"))
    assert not leaks(looked_at)


def test_blank_pictures_are_not_alike() -> None:
    blank = look_at("train", lines_of([np.full((32, 90), grey, np.uint8) for grey in (90, 200)], ["a", "b"]))
    assert not near_pairs(blank, blank)


def test_equal_pictures_must_agree_as_far_as_their_labels_tell(words: list[str]) -> None:
    picture = textured(words[0], 1)
    pictures = [picture, saved_again(picture), textured(words[1], 2)]
    (found,) = disagreements("train", look_at("train", lines_of(pictures, ["Total", "total", "x"])))
    assert (found.keys, found.beside) == (("mine/000_0.png",), ("mine/001_0.png",))
    assert not disagreements("train", look_at("train", lines_of(pictures, ["Total", "total", "x"], form="caseless")))
    assert not disagreements("train", look_at("train", lines_of(pictures, ["Total", None, "x"])))


def random_pictures(n: int, seed: int) -> Pictures:
    """Measurements as of unrelated lines of like proportions."""
    generator = np.random.default_rng(seed)
    hashes = generator.choice(np.array([-1, 1], np.int8), (n, HASH_SHAPE[0] * HASH_SHAPE[1]))
    copies = generator.integers(0, 255, (n, *COPY_SHAPE), np.uint8)
    width_px = generator.integers(60, 400, n)
    names = tuple(f"{seed}-{i}" for i in range(n))
    none = (None,) * n
    lines = Lines(names, names, none, ("s",) * n, width_px, names, ())
    return Pictures(lines, np.full(n, 32), width_px, np.full(n, 99.0), hashes, copies)


def test_near_pairs_are_those_of_a_slow_search_and_ten_thousand_take_seconds() -> None:
    one, other = random_pictures(10_000, 1), random_pictures(5_000, 2)
    for row in range(0, 5_000, 50):
        twin = 2 * row
        other.hashes_NB[row] = one.hashes_NB[twin]
        other.hashes_NB[row, : row % 100] *= -1  # of 256 bits; more than 64 are too many
        other.copies_NHW[row] = one.copies_NHW[twin]
        other.width_px[row] = one.width_px[twin] * (1.3 if row % 200 == 0 else 1.05)
    started = time.perf_counter()
    found = {(pair.left, pair.right) for pair in near_pairs(one, other)}
    assert time.perf_counter() - started < 10
    slow = set()
    for row in range(0, 5_000, 50):
        bits = int((one.hashes_NB[2 * row] != other.hashes_NB[row]).sum())
        proportion = abs(np.log(one.width_px[2 * row] / other.width_px[row]))
        if bits <= 64 and proportion <= 0.15:
            slow.add((2 * row, row))
    assert found == slow
    assert 20 < len(slow) < 100


def test_check_looks_at_all_of_it(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One folder with a fault of every kind, and `distill check` names each line."""

    def folder(name: str, pictures: dict[str, np.ndarray], labels: dict[str, str]) -> str:
        (tmp_path / name).mkdir()
        for file, picture in pictures.items():
            Image.fromarray(picture).save(tmp_path / name / file)
        (tmp_path / name / "labels.tsv").write_text("".join(f"{file}\t{text}\n" for file, text in labels.items()))
        return f"{{kind: folder, name: {name}, path: {tmp_path / name}}}"

    labels = {f"{i:02d}.png": word for i, word in enumerate(words)}
    pictures = {file: textured(word, i) for i, (file, word) in enumerate(labels.items())}
    faulty = {
        "03.png": "far more letters than frames " * 5,
        "04.png": "p\u0430per",
        "06.png": "cafe\u0301",
        "08.png": "",
    }
    train = folder("train", pictures, labels | faulty)
    (tmp_path / "train" / "05.png").write_bytes(b"no picture")
    odd = {"again.png": saved_again(pictures["07.png"]), "blank.png": np.full((32, 100), 200, np.uint8)}
    others = {f"{i}.png": textured(word[::-1], 100 + i) for i, word in enumerate(words)}
    test = folder("test", others | odd, dict.fromkeys((*others, *odd), "abc") | {"9.png": "a\u017e"})
    choices = [
        f"data.train=[{train}]",
        f"data.validation=[{test.replace('test,', 'validation,')}]",
        f"data.test=[{test}]",
    ]
    assert main(["check", "smoke", *choices, "--run", str(tmp_path / "run"), "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["findings"]
    named = {(finding["kind"], key) for finding in found for key in finding["keys"]}
    assert {
        ("left-out", "train/05.png"),
        ("left-out", "train/03.png"),
        ("mixed-scripts", "train/04.png"),
        ("leak", "train/07.png"),
        ("blank", "test/blank.png"),
        ("rewritten", "train/06.png"),
        ("empty", "train/08.png"),
        ("unlearnt", "test/9.png"),
        ("unlearnt", "validation/9.png"),
    } <= named


def test_documents_in_two_parts_are_noted() -> None:
    one, other = labelled("a", "b", "c").take([0, 1]), labelled("a", "b", "c").take([1, 2])
    (found,) = shared_documents({"train": one, "test": other}, r"^(\d+)_")
    assert found.keys == ("mine/001_0.png",)
    assert not shared_documents({"train": one, "test": other}, r"^(x\d+)_")


def test_sources_are_measured_and_labels_known_from_train_counted(words: list[str]) -> None:
    pictures = {
        "train": look_at("train", lines_of([written(w) for w in words], words)),
        "test": look_at("test", lines_of([written(words[0]), written("other", 64)], [words[0].upper(), "other"], "t")),
    }
    train, test = profiles(pictures, {})
    assert (train.lines, train.height_px, train.seen_labels) == (30, 32, None)
    assert (test.seen_labels, test.height_px, test.characters, test.read_exactly) == (0.5, 48, 5.5, None)


class _Certain(torch.nn.Module):
    """Reads the dark columns of a picture: one frame for each four, `a` where dark is above, else `b`."""

    def __init__(self) -> None:
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images_NCHW: torch.Tensor) -> Outputs:
        above, below = ((images_NCHW[:, 0, half] < 0).float().mean(1) for half in (slice(0, 16), slice(16, 32)))
        frames = torch.stack([above, below])[..., ::4]
        logits_NTC = torch.stack([1.5 - frames.sum(0) * 3, frames[0] * 3, frames[1] * 3, frames[0] * 0 - 3], -1) * 4
        n, t, _ = logits_NTC.shape
        return Outputs(logits_NTC, torch.full((n,), t), ())


def certain_reader(tmp_path: Path) -> Reader:
    reader = open_student(write_student(tmp_path / "model.safetensors"))
    description = reader.description.model_copy(update={"charset": Charset(characters="abc")})
    return reader_of(_Certain(), description, reader.path)  # type: ignore[arg-type]


def bars(text: str) -> np.ndarray:
    """Dark blocks of four columns above for `a`, below for `b`, each behind a gap."""
    picture = np.full((32, 64), 255, np.uint8)
    for i, c in enumerate(text):
        picture[slice(0, 16) if c == "a" else slice(16, 32), 4 + 8 * i : 8 + 8 * i] = 0
    return picture


def test_a_teacher_doubts_wrong_labels_and_lines_that_are_upside_down(tmp_path: Path) -> None:
    reader = certain_reader(tmp_path)
    pictures = [bars("abba"), bars("aabb"), np.ascontiguousarray(np.rot90(bars("abbb"), 2)), bars("ab"), bars("ab")]
    lines = lines_of(pictures, ["abba", "abbb", "abbb", "zz", None])
    doubts = doubts_of("train", lines, reader, 0)
    assert doubts.unknown == (lines.keys[3],)
    assert doubts.n_labelled == 4
    worst = most_suspicious({"train": doubts}, 60)
    assert {doubt.key for doubt in worst} == {lines.keys[1], lines.keys[2]}
    assert all(doubt.nats > 1 for doubt in worst)
    assert {d.key: d.reading for d in worst}[lines.keys[1]] == "aabb"
    (turned,) = turned_over("train", lines, worst, reader)
    assert turned.keys == (lines.keys[2],)
    assert "by 180 degrees" in turned.remarks[0]
    assert not turned_over("train", lines, [d for d in worst if d.key == lines.keys[1]], reader)
    right = doubts_of("train", lines.take([0]), reader, 0)
    assert not most_suspicious({"train": right}, 60)
    assert len(most_suspicious({"train": doubts}, 1)) == 1


def test_a_teacher_is_asked_about_a_sample_that_depends_on_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distill.evaluation.doctor.doubts.READ_LINES", 3)
    reader, lines = certain_reader(tmp_path), lines_of([bars("ab")] * 9, ["ab"] * 9)
    samples = [[d.key for d in doubts_of("train", lines, reader, seed).doubts] for seed in (1, 1, 2)]
    assert samples[0] == samples[1] != samples[2]
    assert len(samples[0]) == 3


EVIL = "<script>alert('1')</script>\"&"


def test_font_families_of_both_train_and_test_are_noted() -> None:
    apart = load_recipe("quick")
    assert not _fonts(apart)
    (drawn, *_), (test, *_) = apart.data.train, apart.data.test
    mixed = test.model_copy(update={"fonts": (*test.fonts, drawn.fonts[0])})
    (found,) = _fonts(apart.model_copy(update={"data": apart.data.model_copy(update={"test": (mixed,)})}))
    assert (found.severity, found.kind) == ("note", "fonts")
    assert drawn.fonts[0] in found.message
    chosen_on = apart.data.validation[0].model_copy(update={"fonts": test.fonts[:1]})
    (found,) = _fonts(apart.model_copy(update={"data": apart.data.model_copy(update={"validation": (chosen_on,)})}))
    assert "1 font families are in lines of validation and of test" in found.message


def test_the_page_escapes_all_data_and_names_what_it_leaves_out(tmp_path: Path) -> None:
    lines = lines_of([bars("ab")] * 3, [EVIL] * 3, EVIL)
    finding = Finding("problem", "leak", EVIL, EVIL, lines.keys, (EVIL,) * 3, lines.keys, EVIL)
    recipe = load_recipe("smoke").model_copy(update={"about": EVIL, "name": "n"})
    charset = Charset.of([EVIL])
    parts = {part: lines if part == "train" else lines.take([]) for part in ("train", "validation", "test")}
    doubts = doubts_of("train", lines_of([bars("ab")], ["aa"], EVIL), certain_reader(tmp_path), 0)
    pictures = {part: look_at(part, some) for part, some in parts.items()}
    found = Diagnosis((finding,), parts, class_counts(parts, charset), tuple(profiles(pictures, {})), doubts.doubts)
    said = page(recipe, found, Album(lines))
    assert "<script" not in said
    assert html.escape(EVIL) in said
    assert not re.search(r"(src|href)=\"(?!data:)", said)
    assert said.count("data:image/jpeg") == 7  # three pairs and a doubt
    assert "left out" not in said
    assert "7 pictures left out" in page(recipe, found, Album(lines, limit_bytes=10))
    written = {path.name for path in write_pages(tmp_path, recipe, found)}
    assert written == {"check.html", "check.json", "suspicious.png"}


def test_the_table_is_aligned_and_counts() -> None:
    assert aligned([("a", "1"), ("bcd", "20")], right=(1,)) == "a     1\nbcd  20"
    assert in_table(Diagnosis(())).endswith("no problems, no notes")
    table = in_table(Diagnosis((Finding("problem", "k", "train", "m", ("x",), ("x: why",)),)))
    assert "problem  train  k  m; the first: x: why" in table
    assert table.endswith("1 problem, no notes")
