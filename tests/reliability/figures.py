"""The figures of RELIABILITY.md: what each shows, which tests give it, and how many trials it takes.

This is the one place for numbers of trials: `few` in every run of the tests (0: none there), `many` in `make
reliability`. A figure whose tests count no trials of their own counts their cases.
"""

from __future__ import annotations

import os

from tests.reliability.figure import FILES, INPUT, INSTALLATION, INTERRUPTION, NUMBERS, PROCESSES, TESTS, Figure
from tests.reliability.trials import LONG

HERE = "tests/reliability"

FIGURES = (
    Figure(
        11,
        "kill-lines",
        INTERRUPTION,
        "Killed at every barrier of a run on lines",
        "SIGKILL once at every file operation, step and batch of run, export and import, one after another; then every "
        "file but timing.json and environment.json is byte for byte that of a run that nobody killed.",
        (f"{HERE}/test_interruption.py::test_killed_in_every_phase",),
        few=1,  # besides one in every phase
        many=10_000,
    ),
    Figure(
        12,
        "kill-pages",
        INTERRUPTION,
        "Killed at every barrier of a run on pages",
        "The same for locators: pages are drawn, teacher, control and student trained, the report made.",
        (f"{HERE}/long_interruption.py::test_killed_at_every_barrier_of_a_run_on_pages",),
        many=10_000,
    ),
    Figure(
        13,
        "kill-adopted",
        INTERRUPTION,
        "Killed at every barrier of a run with an adopted teacher",
        "The same for a run whose teacher is an ONNX file from elsewhere, its posteriors cached.",
        (f"{HERE}/long_interruption.py::test_killed_at_every_barrier_of_a_run_with_an_adopted_teacher",),
        many=10_000,
    ),
    Figure(
        14,
        "kill-random",
        INTERRUPTION,
        "Killed at random moments",
        "SIGKILL after a random time, again and again until a process comes to its end, with a worker that prepares "
        "steps ahead; then every file is equal.",
        (f"{HERE}/long_interruption.py::test_killed_at_random_moments",),
        many=60,
    ),
    Figure(
        15,
        "torn",
        INTERRUPTION,
        "Killed where a file is half written",
        "Before a file is flushed to disk its second half is cut off and the process killed, as a power failure may "
        "leave it; then every file is equal in the end.",
        (f"{HERE}/long_interruption.py::test_killed_where_a_file_is_half_written",),
        many=10_000,
    ),
    Figure(
        16,
        "signals",
        INTERRUPTION,
        "SIGTERM and SIGINT",
        "A signal at barriers all over the run: the process ends with exit code 75, or 0 where nothing was left to do, "
        "and the same command goes on to equal files.",
        (f"{HERE}/long_interruption.py::test_asked_to_stop",),
        many=40,
    ),
    Figure(
        17,
        "full-disk",
        INTERRUPTION,
        "A full disk, and a folder that cannot be written",
        "Every file operation is refused once with ENOSPC, and once with EROFS: exit code 2, a message with the reason "
        "and no traceback; once there is space the same command goes on to equal files.",
        (f"{HERE}/long_interruption.py::test_a_disk_that_refuses",),
        many=10_000,
    ),
    Figure(
        18,
        "fsync",
        INTERRUPTION,
        "On disk before it has its name",
        "Every file that is renamed into place was flushed to disk after its last change, and its folder after the "
        "renaming.",
        (f"{HERE}/test_interruption.py::test_every_file_is_on_disk_before_it_has_its_name",),
        few=1,
        many=10_000,
    ),
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
        31,
        "two-processes",
        PROCESSES,
        "Two processes and one",
        "Two gloo processes train, cache, distil and test as one does: figures within 1e-4, weights within 1e-5.",
        ("tests/runs/test_processes.py", "tests/training/test_together.py"),
    ),
    Figure(
        32,
        "order",
        PROCESSES,
        "Order of lines, micro-batches and workers",
        "Step k depends on seed, data and k alone: equal batches for 0, 1, 2 and 4 workers, any micro-batches.",
        ("tests/data/test_feed.py", "tests/data/test_sampler.py"),
    ),
    Figure(
        33,
        "resized",
        PROCESSES,
        "Stopped with two processes, gone on with one, and back",
        "A training that was stopped goes on with other numbers of processes: figures within 1e-4, weights within 1e-5 "
        "of those of one process that nobody stopped.",
        ("tests/runs/test_processes.py::test_stopped_with_two_processes_it_goes_on_with_one_and_back",),
    ),
    Figure(
        34,
        "killed-process",
        PROCESSES,
        "One of two processes is killed",
        "SIGKILL at a step: the launcher ends within 60 s, no process is left, the newest checkpoint of every network "
        "is whole, and the same command goes on to files equal to those of two processes that nobody killed.",
        (f"{HERE}/long_processes.py::test_a_killed_process_ends_the_run_and_nothing_is_lost",),
        many=10,
    ),
    Figure(
        35,
        "restarted",
        PROCESSES,
        "The launcher starts both again",
        "SIGKILL at a step under `torchrun --max-restarts 1`: both processes come up again, go on at the newest "
        "checkpoint and end with files equal to those that nobody disturbed.",
        (f"{HERE}/long_processes.py::test_the_launcher_starts_both_again_and_the_run_goes_on",),
        many=6,
    ),
    Figure(
        36,
        "long-haul",
        PROCESSES,
        "Ten thousand steps",
        "A sample each hundredth of the way: memory of all processes of a training, its open files, the files of its "
        "folder and the bytes of its checkpoints are no more than in the first fifth (memory: 16 MB more at most).",
        (f"{HERE}/long_haul.py",),
        many=10_000,
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
        "CTC and its caseless forms against the sum over all paths, every other term against its formula in float64, "
        "in value and gradient; zero at equality, invariant to padding and company.",
        ("tests/teaching/test_losses.py", "tests/teaching/test_terms.py", "tests/teaching/test_alignment_terms.py"),
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
        "With unpickling, torch.load and every socket that leaves the machine poisoned, a whole run passes.",
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
        71,
        "mutation",
        TESTS,
        "Faults put into the core",
        "One operator, constant, condition or argument is altered at a time, and the tests of that part are run: of at "
        "least 85 % of such faults one of them fails.",
        (f"{HERE}/long_mutation.py",),
        many=10_000,
        least=0.85,
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
