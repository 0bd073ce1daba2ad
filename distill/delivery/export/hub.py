"""A folder that can be uploaded to a model hub as it is: both files, their description, and a model card.

The card holds only what the training record and the run's report hold. No network.
"""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from distill.data.formats.contents import counted
from distill.digests import digest_of
from distill.evaluation.doctor.naming import script_of
from distill.evaluation.metrics import wilson
from distill.evaluation.report import REPORTED
from distill.evaluation.verdict import in_words
from distill.runs.run_of_model import run_of
from distill.signed_json import report_in
from distill.teaching import provenance
from students.model_file import MODEL_NAME, ONNX_NAME, Description, read_model, write_whole

MOST_LISTED = 300  # characters of one script on the card
FILES = (MODEL_NAME, ONNX_NAME, "config.json", "README.md")


def write_hub(folder: Path, model: Path, description: Description, onnx_file: bytes, gate: Mapping[str, Any]) -> None:
    """Write `model.safetensors`, `model.onnx`, `config.json` and `README.md` into `folder`."""
    report = report_on(model)
    config = json.dumps(description.model_dump(mode="json"), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    write_whole(folder / MODEL_NAME, model.read_bytes())
    write_whole(folder / ONNX_NAME, onnx_file)
    write_whole(folder / "config.json", config.encode())
    write_whole(folder / "README.md", card(description, report, gate).encode())


def report_on(model: Path) -> dict[str, Any]:
    """Return `report.json` of the run that wrote a model file; empty where there is none, or one on other files."""
    description, _ = read_model(model)
    run = run_of(model, description)
    report = None if run is None else report_in(run / "report.json")
    if report is None:
        return {}
    on_this_file = report["judged"]["files"].get(model.resolve().parent.name) == digest_of(description)
    return report if on_this_file else {}


def card(description: Description, report: Mapping[str, Any], gate: Mapping[str, Any]) -> str:
    """Return the model card in Markdown, with a YAML head."""
    training = description.training
    role = training.get("role", description.kind)
    name = f"{training.get('recipe', 'text line')} {role}"
    result = report.get(role)
    head = {
        "license": training.get("licence", "other"),
        "library_name": "crnn-distill",
        "pipeline_tag": "image-to-text",
        "tags": ["ocr", "text-recognition", "ctc", "knowledge-distillation", "onnx"],
    }
    if result:
        head["model-index"] = [_index(name, result)]
    stream = io.StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.dump(head, stream)
    parts = [f"---\n{stream.getvalue()}---\n", f"# {name}\n", *_use(description)]
    parts += _results(report, result) if result else ["## Results\n", "The run left no report on this model.\n"]
    parts += _record(description, gate)
    return "\n".join(parts)


def _use(description: Description) -> Iterator[str]:
    preparation, characters = description.preparation, description.charset.characters
    module = f"{description.kind}s"
    yield (
        f"Reads one line of text from a picture of that line: {len(characters)} characters, scaled to "
        f"{preparation.height_px} px in height, any width up to {preparation.max_width_px} px. Not for whole pages, "
        "for handwriting or scripts it was not trained on, or for decisions that nobody checks.\n"
    )
    yield (
        f'```python\nimport {module}\n\nreader = {module}.load("model.onnx")  # or model.safetensors, with torch\n'
        'print(reader.read("line.png").text)\n```\n'
    )
    if description.charset.order == "visual":
        yield (
            "Right-to-left lines come back as text is stored, for which it needs python-bidi "
            "(`pip install 'crnn-distill[bidi]'`). Its classes stand as lines are drawn, from left to right.\n"
        )
    yield f"It can write: {_in_words(characters)}\n"


def _in_words(characters: str) -> str:
    """The characters of a charset, and of scripts that have hundreds of them how many."""
    n_of_script = Counter(filter(None, map(script_of, characters)))
    counted = {script: n for script, n in n_of_script.most_common() if n > MOST_LISTED}
    some = "".join(c for c in characters if script_of(c) not in counted)
    listed = [f"`{some.replace('`', '')}`"] if some.replace("`", "") else []
    listed += ["the grave accent"] if "`" in some else []
    told = " and ".join([*(f"{n:,} {script} characters" for script, n in counted.items()), *listed])
    return f"{told}. `charset` in `config.json` names each" if counted else told


def _results(report: Mapping[str, Any], result: Mapping[str, Any]) -> Iterator[str]:
    yield "## Results\n"
    yield f"{counted(result['n'], 'test line')}, protocol `{result['protocol']}`.\n"
    yield "| | parameters | exact (95 % interval) | CER | WER |\n|---|---:|---:|---:|---:|"
    rows = [
        f"| {role} | {part['parameters']:,} | {part['exact']:.2%} ({_interval(part['exact'], part['n'])}) "
        f"| {part['cer']:.2%} | {part['wer']:.2%} |"
        for role in REPORTED
        if (part := report.get(role))
    ]
    yield "\n".join(rows) + "\n"
    for field, words in (("gain", "Gain over the same student trained alone"), ("teacher_gap", "Gap to the teacher")):
        if found := report.get(field):
            value, low, high = (100 * found[key] for key in ("value", "low", "high"))
            yield f"{words}: {value:+.1f} points of exact lines (95 % interval {low:+.1f} to {high:+.1f}).\n"
    verdict = report["verdict"]
    yield f"Verdict of the run: {verdict}.\n" if verdict else f"The student was {in_words(report)}.\n"
    if report.get("foreign_teachers"):
        yield f"A teacher of this run was made by others: {provenance.NOT_KNOWN}.\n"


def _interval(share: float, n: int) -> str:
    low, high = wilson(share, n)
    return f"{low:.1%} to {high:.1%}"


def _record(description: Description, gate: Mapping[str, Any]) -> Iterator[str]:
    yield "## Export\n"
    logits, texts = gate["logits"], gate["texts"]
    yield (
        f"`model.onnx` against torch: logits within {logits['largest_difference']:.1g} over widths "
        f"{logits['widths_px']} and batches {logits['batches']}; {texts['lines']:,} lines read alone and in batches, "
        f"{texts['different']} texts differ.\n"
    )
    yield "## Data and licence\n"
    training = description.training
    if sources := training.get("sources"):
        learnt = ", ".join(f"{counted(n, 'line')} of {name}" for name, n in sources.items())
        yield f"Trained on {learnt}.\n"
    if origin := training.get("origin"):
        yield f"{origin}\n"
    for teacher in training.get("teachers", ()):
        yield f"One of its teachers was {provenance.in_words(teacher)}.\n"
    if training.get("licence", "other") == "other":
        yield (
            "The recipe named no licence (`data.licence`) when this model was trained, so the head of this page has "
            "`other`: set it there to what the licences of the training lines allow before you upload.\n"
        )
    yield "The digests below are those of the lines that were used.\n"
    yield f"```json\n{json.dumps(description.training, indent=1, sort_keys=True)}\n```\n"


def _index(name: str, result: Mapping[str, Any]) -> dict[str, Any]:
    metrics = [
        {"type": kind, "name": words, "value": round(100 * result[key], 2)}
        for kind, words, key in (
            ("exact_match", "exact lines, percent", "exact"),
            ("cer", "CER, percent", "cer"),
            ("wer", "WER, percent", "wer"),
        )
    ]
    return {
        "name": name,
        "results": [
            {
                "task": {"type": "image-to-text"},
                "dataset": {"name": ", ".join(result["sources"]), "type": "text-lines"},
                "metrics": metrics,
            }
        ],
    }
