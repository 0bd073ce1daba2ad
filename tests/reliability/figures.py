"""The figures of RELIABILITY.md: what each shows, which tests give it, and how many trials it takes.

This and figures_of_runs.py are the one place for numbers of trials: `few` in every run of the tests (0: none there),
`many` in `make reliability`. A figure whose tests count no trials of their own counts their cases.
"""

from __future__ import annotations

import os

from tests.reliability.figure import FILES, INPUT, INSTALLATION, NUMBERS, TESTS, Figure
from tests.reliability.figures_of_runs import FIGURES_OF_RUNS
from tests.reliability.trials import LONG

HERE = "tests/reliability"

CORES = {
    "charset": "the charset",
    "direction": "the reading direction",
    "sampler": "the sampler",
    "losses": "the losses",
    "checkpoint": "checkpoints",
    "metrics": "the metrics",
}

LOSSES = (
    *("losses", "terms", "alignment_terms", "inputs_of_terms", "large", "matching", "near", "ensemble"),
    *("temperatures_of_sources", "page_maps"),
)

FIGURES: tuple[Figure, ...] = (
    *FIGURES_OF_RUNS,
    Figure(
        21,
        "damage",
        FILES,
        "Cut files and flipped bits",
        "Every kind of file that is written and read again, cut at 256 lengths and with 1,000 single bits flipped: not "
        "one loads with other contents; each is refused by an error that names it, or made anew where it is a cache.",
        (f"{HERE}/test_damage.py",),
        few=4,
        many=1256,
    ),
    Figure(
        22,
        "formats",
        FILES,
        "Files of earlier versions",
        "A stored file of each format version opens and gives what it gave when it was written.",
        (f"{HERE}/test_formats.py",),
        few=1,
        many=1,
    ),
    Figure(
        23,
        "foreign-checkpoints",
        FILES,
        "Checkpoints and caches of something else",
        "Of another recipe, other lines, another charset or format version: refused with the reason.",
        ("tests/runs/test_changed_settings.py", "tests/runs/test_chosen_match.py", "tests/ground/test_checkpoint.py"),
    ),
    Figure(
        41,
        "not-finite",
        NUMBERS,
        "What is not finite changes nothing",
        "NaN or infinity in an image, a loss, a gradient or the teacher's posteriors: weights, running statistics and "
        "moments stay as they are, the lines are named, the step is kept, and `distill replay` finds it again.",
        (f"{HERE}/test_not_finite.py", "tests/runs/test_not_finite_steps.py"),
        few=8,
        many=64,
    ),
    Figure(
        42,
        "loss-terms",
        NUMBERS,
        "Loss terms against slow references",
        "CTC and its caseless forms against the sum over all paths, every other term of lines and pages against its "
        "formula in float64, in value and gradient; zero at equality, invariant to padding and company.",
        tuple(f"tests/teaching/test_{name}.py" for name in LOSSES),
    ),
    Figure(
        43,
        "padding",
        NUMBERS,
        "A line alone and in a batch",
        "A line gives the same alone and inside of a padded batch: logits of every student, texts of more than 1,000 "
        "real lines, read by torch and by ONNX.",
        (
            "tests/students/test_networks.py::test_a_line_alone_and_in_a_batch_give_the_same_logits",
            "tests/delivery/test_export.py::test_real_lines_read_alike_alone_and_in_batches_by_torch_and_by_onnx",
        ),
    ),
    Figure(
        44,
        "export",
        NUMBERS,
        "What is exported reads alike",
        "ONNX of every architecture, with random weights, and of every shipped student: logits within 1e-4 of those "
        "of torch at three widths by three batch sizes; of the shipped ones also equal texts of all lines, alone and "
        "in batches, and int8 within its budget of 0.2 points of exact lines and of CER, or refused.",
        (f"{HERE}/test_exports.py",),
        few=12,  # lines of each kind
        many=2_000,
    ),
    Figure(
        45,
        "model-files",
        NUMBERS,
        "Model files",
        "Equal weights give equal bytes, a file that others can read, opened without what training needs and without "
        "the suite.",
        (
            "tests/students/test_model_file.py",
            "tests/house/test_imports.py",
        ),
    ),
    Figure(
        51,
        "hostile",
        INPUT,
        "Bytes that nobody meant well",
        "Altered, cut and spliced images, label files, XML, JSON, tables, LMDBs, tars, recipes, model and ONNX files: "
        "each ends in lines or in a documented error, within 2 s and within 1 GB above what importing the suite takes.",
        (f"{HERE}/test_hostile.py",),
        few=1,
        many=400,
    ),
    Figure(
        52,
        "isolation",
        INPUT,
        "No unpickling, no network",
        "With unpickling, torch.load and every socket that leaves the machine poisoned, runs of smoke and of quick, an "
        "export and an import pass.",
        (f"{HERE}/test_interruption.py::test_nothing_is_unpickled_and_nothing_leaves_the_machine",),
        few=1,
        many=1,
    ),
    Figure(
        53,
        "generated-files",
        INPUT,
        "Files of labels and pages of unusual forms",
        "Generated label files, tables, LMDBs, tars and XML import with the texts that they were made with.",
        ("tests/data/test_generated_files.py",),
    ),
    Figure(
        54,
        "guided",
        INPUT,
        "Bytes that are altered where that reaches new code",
        "The same kinds of files under coverage-guided fuzzing (atheris): each reading ends in lines or in a "
        "documented error.",
        (f"{HERE}/long_guided.py",),
        many=100_000,
    ),
    Figure(
        55,
        "refused-early",
        INPUT,
        "Refused before any work",
        "Pictures that claim too many pixels, documents with entities, recipes whose aliases grow without end, names "
        "that lead out of a folder, model files that are something else: refused with the reason.",
        (
            "tests/students/test_image.py::test_what_cannot_be_read_is_one_error_that_names_the_file",
            "tests/students/test_modes.py::test_jpeg_2000_has_the_limits_of_the_others",
            "tests/data/formats/test_pages.py::test_a_broken_page_is_one_error",
            "tests/data/formats/test_columns_and_quotes.py::test_names_outside_the_folder_are_refused",
            "tests/data/test_exchange.py::test_names_that_are_no_file_names_become_numbers_and_none_is_written_twice",
            "tests/recipe/test_recipe.py::test_aliases_without_end_are_refused",
            "tests/adoption/test_bad_input.py",
        ),
    ),
    Figure(
        56,
        "served",
        INPUT,
        "What is served",
        "`distill demo` serves its page alone, to whoever asks for this machine, and takes no bodies; the service "
        "limits pictures, headers, bodies, waiting and silence.",
        (
            "tests/delivery/test_demo.py",
            "tests/students/serving/test_service.py",
        ),
    ),
    Figure(
        57,
        "isolation-whole",
        INPUT,
        "No unpickling, no network, in all of quick",
        "With unpickling, torch.load and every socket that leaves the machine poisoned, quick passes as it is shipped.",
        (f"{HERE}/long_isolation.py",),
        many=1,
    ),
    Figure(
        61,
        "installs",
        INSTALLATION,
        "Wheel, sdist and each extra",
        "Each alone in an empty environment outside of the checkout: what it is for is imported, and what is missing "
        "is named.",
        (
            f"{HERE}/long_installs.py::test_each_form_in_an_empty_environment",
            f"{HERE}/long_installs.py::test_each_extra_alone",
        ),
        many=100,
    ),
    Figure(
        62,
        "versions",
        INSTALLATION,
        "Versions of Python and of packages",
        "The wheel with the newest packages in every Python at hand, and with the oldest that pyproject.toml allows: a "
        "short run, an export and a reading outside of the checkout, and core tests of the sdist.",
        (
            f"{HERE}/long_installs.py::test_the_newest_packages_with_every_python",
            f"{HERE}/long_installs.py::test_the_oldest_packages_that_are_allowed",
        ),
        many=100,
    ),
    Figure(
        63,
        "readme",
        INSTALLATION,
        "The commands of README.md as they are written",
        "From a wheel, in empty environments outside of the checkout: the Python block with the extra torch and with "
        "the extra onnx, and every distill command of the shell blocks, one after another, on stand-ins for the lines "
        "that they name; the recipe that they write gets few steps.",
        (f"{HERE}/long_installs.py::test_the_commands_of_readme_as_they_are_written",),
        many=100,
    ),
    *(
        Figure(
            number,
            f"mutation-{core}",
            TESTS,
            f"Faults put into {what}",
            "One operator, constant, condition or argument is altered at a time, and the tests of that part are run: "
            "of at least 85 % of such faults one of them fails.",
            (f"{HERE}/long_mutation.py::test_faults_in_the_core_are_seen[{core}]",),
            many=10_000,
            least=0.85,
        )
        for number, (core, what) in enumerate(CORES.items(), 71)
    ),
)

BY_NAME = {figure.name: figure for figure in FIGURES}


def is_long() -> bool:
    """Return whether figures take their many trials."""
    return bool(os.environ.get(LONG))


def n_trials(name: str) -> int:
    """Return how many trials a figure takes now; in the long form at most as many as RELIABILITY says."""
    figure = BY_NAME[name]
    return min(figure.many, int(os.environ[LONG])) if is_long() else figure.few
