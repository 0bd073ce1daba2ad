"""The command that measures speed: of reading, and of rendering lines."""

from __future__ import annotations

import argparse
from pathlib import Path

from distill.commands import MODEL, Commands, add, reports, show
from distill.commands.recording import (
    check_record,
    clock,
    of_reading_speed,
    of_renderer_speed,
    takes_record,
    write_record,
)
from distill.paths import expanded
from distill.schema import PROTOCOLS
from students.errors import UserError


def add_to(commands: Commands) -> None:
    """Add the command of this module."""
    speed = add(commands, "speed", _speed, "how fast a model reads, or how fast lines are rendered")
    speed.add_argument(
        "overrides",
        nargs="*",
        metavar="MODEL",
        help=f"{MODEL}; with --renderer, KEY=VALUE",
    )
    speed.add_argument(
        "--data",
        action="append",
        default=[],
        metavar="DATA",
        help="labelled lines, or pictures of pages; repeat for more",
    )
    speed.add_argument("--recogniser", metavar="MODEL", help="reads the lines that MODEL, a locator, finds on pages")
    speed.add_argument("--protocol", choices=PROTOCOLS, help="default: the model's own")
    speed.add_argument("--against", choices=["peers"], help="read the same with Tesseract and PP-OCR, too")
    speed.add_argument("--chart", type=Path, metavar="PNG", help="write a chart of what was measured")
    speed.add_argument(
        "--renderer",
        nargs="?",
        const="",
        metavar="RECIPE",
        help="render lines as a recipe does; without one, by defaults",
    )
    speed.add_argument("--against-trdg", type=Path, metavar="PYTHON", help="Python of an environment that has trdg 1.8")
    speed.add_argument(
        "-n", type=int, metavar="N", help="lines at the most (1000), pages (30), or rendered a round (2000)"
    )
    speed.add_argument("--processes", type=int, default=1, metavar="N", help="also measure N processes at once")
    takes_record(speed)
    reports(speed)


def _speed(options: argparse.Namespace) -> int:
    n = (2000 if options.renderer is not None else 1000) if options.n is None else options.n
    if n < 1 or options.processes < 1:
        raise UserError(f"speed: -n {n} and --processes {options.processes} must be at least 1")
    if options.chart and options.chart.suffix.lower() != ".png":
        raise UserError(f"--chart {options.chart}: a chart is written as .png")
    check_record(options)
    _refuse_unused(options)
    if options.renderer is not None:
        return _renderer(options, n)
    if len(options.overrides) != 1:
        raise UserError("speed: name one MODEL, or --renderer, or --renderer RECIPE")
    if options.recogniser or _reads_pages(options.overrides[0]):
        from distill.commands.page_speed import measure_page_speed

        return measure_page_speed(options, options.overrides[0])
    return _model(options, options.overrides[0], n)


def _refuse_unused(options: argparse.Namespace) -> None:
    """Raise `UserError` for what says nothing of a model with `--renderer`, or of the renderer without it."""
    of_models = {
        "--data": options.data,
        "--recogniser": options.recogniser,
        "--protocol": options.protocol,
        "--against": options.against,
        "--chart": options.chart,
    }
    if options.renderer is None:
        if options.against_trdg:
            raise UserError("--against-trdg: goes with --renderer")
        return
    if unused := [name for name, given in of_models.items() if given]:
        raise UserError(f"{', '.join(unused)}: of a model, and --renderer measures none; leave out one of the two")
    if options.overrides and not options.renderer:
        raise UserError(
            f"{options.overrides[0]}: --renderer alone takes no model and no keys; name its recipe behind it"
        )


def _reads_pages(model: str) -> bool:
    """Whether a model is one of pages: a locator, or a file or an exported folder of both networks."""
    from students.model_file import OF_PAGES, exported_files, kind_of
    from teachers.shipped import find_student_or_teacher

    return exported_files(model) is not None or kind_of(find_student_or_teacher(model)) in OF_PAGES


def _model(options: argparse.Namespace, model: str, n: int) -> int:
    import teachers
    from distill.delivery.export.recogniser import gate_lines, labelled
    from distill.delivery.speed.recogniser import forms_of, measure
    from distill.delivery.speed.summary import draw_speed, speed_table
    from distill.evaluation.peers import missing_peers, open_peers
    from distill.teaching import provenance
    from teachers.shipped import find_student_or_teacher

    path = find_student_or_teacher(model)
    reader = teachers.load(path)
    peers = open_peers() if options.against else []
    origin, lines = gate_lines(reader, path, options.data)
    lines = labelled(lines)
    some = lines.take(range(min(n, len(lines))))
    protocol = options.protocol or reader.description.training.get("protocol", "exact")
    with clock() as seconds:
        result = {"origin": origin} | measure(forms_of(path), some, protocol, peers, options.processes)
    words = f"{origin}: {speed_table(result)}"
    if options.against:
        result["skipped"] = missing_peers()
        words += "".join(f"\nskipped: {name}: {reason}" for name, reason in result["skipped"].items())
    if found := provenance.provenance_of(reader.description):
        result["public_data"] = found["public_data"]
        words += f"\n{path} is {provenance.in_words(found)}"
    show(result, options, words)
    write_record(options, lambda: of_reading_speed(Path(model).name, result, seconds[0]))
    if options.chart:
        draw_speed(result, options.chart)
    return 0


def _renderer(options: argparse.Namespace, n: int) -> int:
    from distill.delivery.speed.renderer import DEFAULT, renderer_speed
    from distill.recipe.file import load_line_recipe
    from distill.synthesis.source import RenderedSource

    source, root = DEFAULT, Path()
    if options.renderer:
        data = load_line_recipe(options.renderer, options.overrides).data
        rendered = [each for each in data.train if isinstance(each, RenderedSource)]
        if not rendered:
            raise UserError(f"speed: recipe {options.renderer} renders no training lines")
        source, root = rendered[0], expanded(data.root)
    with clock() as seconds:
        result = renderer_speed(source, root, n, options.against_trdg, options.processes)
    rows = [
        f"{result['lines_a_second']:,} lines/s on one core ({result['characters']} characters, "
        f"{result['height_px']} px, {result['faces']} faces)",
        f"{result['first_use']:,} in the first round, in which letters are rendered for the first time",
        f"{result['over_pillow']} x a plain Pillow loop, fonts cached, same operations ({result['pillow']:,})",
    ]
    if "trdg" in result:
        rows.append(f"{result['over_trdg']} x trdg ({result['trdg']})")
    if "processes" in result:
        rows.append(f"{result['processes']} processes: {result['over_one_process']} x one")
    show(result, options, "\n".join(rows))
    write_record(options, lambda: of_renderer_speed(result, seconds[0]))
    return 0
