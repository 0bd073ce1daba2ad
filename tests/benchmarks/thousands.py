"""What a recogniser of thousands of classes costs around its network: decoding, labels, charset tables, pages, files.

    python tests/benchmarks/thousands.py            # 100 and 7,000 classes side by side
    python tests/benchmarks/thousands.py 7000       # one of them

The model has random weights and a head of two matrices; posteriors of what it might read are made here: sure frames,
doubtful ones, and noise over all classes. Every figure is processor time, the better of two
rounds, on one thread.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image

import students
from distill.data.batch import targets_of
from distill.data.labels import folding
from distill.data.lines import Lines
from distill.delivery.export.graph import graph_of, signed
from distill.delivery.review import Doubtful, write_review
from distill.evaluation.breakdown import breakdown, page
from distill.evaluation.calibrate import at_each_temperature
from distill.evaluation.ceiling import ceiling
from distill.evaluation.doctor.diagnosis import Diagnosis
from distill.evaluation.doctor.labels import class_counts, findings_in_charset, findings_in_labels
from distill.evaluation.doctor.page import Album, lines_page
from distill.evaluation.metrics import Compared, Truth, compare
from students.calibration import tempered
from students.charset import Charset
from students.config import STUDENTS
from students.decoder import decoder_of
from students.decoding_settings import Beam, Greedy
from students.image import Preparation
from students.language import count_text, write_language
from students.model_file import Description, write_model
from students.reader import Reader

FRAMES, CHARACTERS, N_LINES = 80, 16, 8
LABELS, CHECKED, REVIEWED = 1_000, 1_000, 20
FIRST_HAN, RANK, ROUNDS = 0x4E00, 64, 2
ZIPF = 1.1  # of how often each character occurs


def characters_of(n_classes: int) -> str:
    """The space, letters, digits, and as many Han characters as make the classes."""
    plain = " " + "".join(map(chr, range(0x21, 0x7F)))
    return (plain + "".join(map(chr, range(FIRST_HAN, FIRST_HAN + n_classes))))[: n_classes - 1]


def write_random(path: Path, characters: str) -> Path:
    """A student of the smallest size with random weights and a factorised head."""
    config = STUDENTS.validate_python({"kind": "recurrent", "size": "small", "head_rank": RANK})
    torch.manual_seed(0)
    weights = config.build(len(characters) + 1, 1, 32).state_dict()
    description = Description(
        kind="student",
        architecture=config.model_dump(mode="json"),
        charset=Charset(characters=characters),
        preparation=Preparation(width_quantum_px=32),
    )
    write_model(path, description, {name: t.numpy() for name, t in weights.items()})
    return path


def sampled_texts(characters: str, n: int) -> list[str]:
    """Texts whose characters occur as often as in real ones: few often, most hardly ever."""
    generator = np.random.default_rng(0)
    p = 1 / np.arange(1, len(characters) + 1) ** ZIPF
    picked = generator.choice(len(characters), (n, CHARACTERS), p=p / p.sum())
    order = generator.permutation(len(characters))
    return ["".join(characters[i] for i in order[row]).strip() or "x" for row in picked]


def logits_of(texts: list[str], charset: Charset) -> np.ndarray:
    """Logits (N, T, C) of lines: a spike a character, doubts among five classes at every third, noise everywhere."""
    generator = np.random.default_rng(1)
    logits_NTC = generator.normal(0, 1, (len(texts), FRAMES, charset.n_classes)).astype(np.float32)
    logits_NTC[:, :, 0] += 14
    for row, text in enumerate(texts):
        for i, c in enumerate(charset.encode(text)):
            t = 2 + i * (FRAMES - 4) // CHARACTERS
            logits_NTC[row, t, c] += 18
            if i % 3 == 0:
                logits_NTC[row, t, generator.integers(1, charset.n_classes, 5)] += 16
    return logits_NTC


def lines_of(texts: list[str]) -> Lines:
    """Labelled lines with one picture each, the same one."""
    buffer = io.BytesIO()
    Image.new("L", (320, 32), 200).save(buffer, "PNG")
    n = len(texts)
    return Lines(
        keys=tuple(f"line/{i}" for i in range(n)),
        names=tuple(f"{i}" for i in range(n)),
        texts=tuple(texts),
        sources=("line",) * n,
        padded_width_px=np.full(n, 320),
        image_digests=tuple(f"{i}" for i in range(n)),
        fetch=[(lambda _: buffer.getvalue(), 0)] * n,
        preparation=Preparation(width_quantum_px=32),
    )


def misread(texts: list[str], characters: str) -> list[Compared]:
    """What a role reads that misses a character of every other line."""
    read = {str(i): text if i % 2 else characters[i % len(characters)] + text[1:] for i, text in enumerate(texts)}
    return compare([Truth(str(i), text, "line") for i, text in enumerate(texts)], read, "exact")


def ms(work: Callable[[], object], per: int = 1) -> float:
    """Milliseconds of processor time of the best round, by what is counted."""
    seconds = []
    for _ in range(ROUNDS):
        start = time.process_time()  # of this process alone: others may be busy
        work()
        seconds.append(time.process_time() - start)
    return 1000 * min(seconds) / per


def decoding(reader: Reader, texts: list[str], folder: Path) -> dict[str, float]:
    """Milliseconds a line, each without the network but the first."""
    charset = reader.description.charset
    logits_NTC = logits_of(texts[:N_LINES], charset)
    log_p_NTC = tempered(logits_NTC, 1.2)
    images_NCHW = np.zeros((N_LINES, 1, 32, 320), np.float32)
    write_language(folder / "lm", count_text(texts, 3))
    decoders = {
        "greedy, with confidence": Greedy(),
        "beam 8": Beam(),
        "beam 8, 5 alternatives": Beam(n_best=5),
        "beam 8, language model": Beam(language=str(folder / "lm")),
        "digits alone": Greedy(alphabet="digits"),
    }
    found = {
        "network": ms(lambda: reader.logits_of(images_NCHW), N_LINES),
        "posteriors of logits": ms(lambda: tempered(logits_NTC, 1.2), N_LINES),
    }
    for name, settings in decoders.items():
        # a new one each time, since one that has read remembers
        found[name] = ms(lambda settings=settings: decoder_of(settings, charset)(log_p_NTC), N_LINES)
    classes = [charset.encode(text) for text in texts[:N_LINES]]
    pairs = list(zip(log_p_NTC, classes, strict=True))
    found["fitting the temperature"] = ms(lambda: [at_each_temperature(*pair) for pair in pairs], N_LINES)
    return found


def labels(texts: list[str], characters: str) -> dict[str, float]:
    """Milliseconds over `LABELS` labels of `CHARACTERS` characters, and of charset tables."""
    charset = Charset(characters=characters)
    lines = lines_of(texts)
    parts = {
        "train": lines,
        "validation": lines.take(range(len(lines) // 10)),
        "test": lines.take(range(len(lines) // 10)),
    }
    counts = class_counts(parts, charset)
    found = {
        "charset, checked": ms(lambda: Charset(characters=characters)),
        "charset of labels": ms(lambda: Charset.of_lines(texts)),
        "labels to classes": ms(lambda: targets_of(texts, charset)),
        "characters that are missing": ms(lambda: [charset.missing(text) for text in texts]),
        "caseless classes": ms(lambda: folding.__wrapped__(characters, "caseless")),
        "check: labels": ms(lambda: findings_in_labels("train", lines)),
        "check: counts of classes": ms(lambda: class_counts(parts, charset)),
        "check: findings in the charset": ms(lambda: findings_in_charset(charset, counts)),
    }
    diagnosis = Diagnosis((), parts, counts)
    return found | {"check: page": ms(lambda: lines_page("x", "y", diagnosis, Album(lines)))}


def pages(reader: Reader, texts: list[str], folder: Path) -> dict[str, float]:
    """Milliseconds of the report's part on failures, and of a page to review."""
    charset, some = reader.description.charset, texts[:CHECKED]
    roles = dict.fromkeys(("teacher", "control", "student"), misread(some, charset.characters))
    test = lines_of(some)
    test = replace(test, keys=tuple(str(i) for i in range(len(some))))
    shown = frozenset(charset.characters)
    found = breakdown(test, roles)
    Image.new("L", (320, 32), 200).save(folder / "line.png")
    (reading,) = decoder_of(Greedy(), charset)(tempered(logits_of(some[:1], charset), 1.0))
    doubtful = [Doubtful(folder / "line.png", folder, reading)] * REVIEWED
    return {
        "report: where they fail": ms(lambda: breakdown(test, roles)),
        "report: its tables": ms(lambda: page(found, None, list(roles))),
        "report: the ceiling": ms(lambda: ceiling(shown, roles, "exact")),
        "review page": ms(lambda: write_review(folder / "review.html", doubtful, charset, Preparation())),
    }


def files(model: Path, folder: Path) -> dict[str, float]:
    """Milliseconds to open and to export the model, and to read a line by each file."""
    reader = students.load(model)
    onnx = folder / "model.onnx"
    line = np.zeros((32, 320), np.uint8)

    def export() -> None:
        onnx.write_bytes(signed(graph_of(reader), reader.description, onnx))

    found = {"open safetensors": ms(lambda: students.load(model)), "export to ONNX": ms(export)}
    exported = students.load(onnx)
    return found | {
        "open ONNX": ms(lambda: students.load(onnx)),
        "read a line": ms(lambda: reader.read(line)),
        "read a line, ONNX": ms(lambda: exported.read(line)),
    }


def measure(n_classes: int) -> dict[str, float]:
    """Every figure, in milliseconds, by its name."""
    characters = characters_of(n_classes)
    texts = sampled_texts(characters, LABELS)
    with TemporaryDirectory() as name:
        folder = Path(name)
        model = write_random(folder / "model.safetensors", characters)
        reader = students.load(model)
        return (
            decoding(reader, texts, folder)
            | labels(texts, characters)
            | pages(reader, texts, folder)
            | files(model, folder)
        )


def main() -> None:
    torch.set_num_threads(1)
    sizes = [int(size) for size in sys.argv[1:]] or [100, 7000]
    columns = [measure(size) for size in sizes]
    print(f"{'ms':34s}" + "".join(f"{size:>10,}" for size in sizes))
    for name in columns[0]:
        print(f"{name:34s}" + "".join(f"{column[name]:10.3f}" for column in columns))


if __name__ == "__main__":
    main()
