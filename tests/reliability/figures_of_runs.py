"""The figures of RELIABILITY.md of runs that are interrupted, and of several processes; see figures.py."""

from __future__ import annotations

from tests.reliability.figure import INTERRUPTION, PROCESSES, Figure

HERE = "tests/reliability"

FIGURES_OF_RUNS = (
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
        "SIGKILL after a random time from the first barrier on, again and again until a process comes to its end, with "
        "120 steps a network and a worker that prepares them ahead; then every file is equal.",
        (f"{HERE}/long_interruption.py::test_killed_at_random_moments",),
        many=60,
    ),
    Figure(
        15,
        "torn",
        INTERRUPTION,
        "Killed where a file is half written",
        "Before a file is flushed to disk half of what is not there yet is cut off and the process killed, as a power "
        "failure may leave it; then every file is equal in the end.",
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
        "renaming: as Python's audit hooks tell it, and as the kernel saw it (strace).",
        (
            f"{HERE}/test_interruption.py::test_every_file_is_on_disk_before_it_has_its_name",
            f"{HERE}/test_interruption.py::test_the_kernel_saw_every_file_on_disk_before_it_had_its_name",
        ),
        few=1,
        many=10_000,
    ),
    Figure(
        19,
        "writers",
        INTERRUPTION,
        "Every file operation of a writer, refused",
        "Writers alone: each of their file operations, and every write, is refused once by a full disk (ENOSPC), and "
        "once for want of rights (EACCES, no writes): the error says why and names the file, every file is whole as it "
        "was before or is to be, nothing half written is left, and the same call goes on.",
        (f"{HERE}/test_writers.py",),
        few=2,  # of each writer and error
        many=10_000,
    ),
    Figure(
        31,
        "two-processes",
        PROCESSES,
        "Two processes and one",
        "Two gloo processes train, cache, distil and test as one does: losses and weights within 1e-5, other figures "
        "within 1e-4.",
        ("tests/runs/test_processes.py", "tests/training/test_together.py"),
    ),
    Figure(
        32,
        "order",
        PROCESSES,
        "Order of lines, micro-batches and workers",
        "Step k depends on seed, data and k alone: equal batches for 0, 1, 2 and 4 workers, any micro-batches.",
        (
            "tests/data/test_feed.py",
            "tests/data/test_sampler.py",
            "tests/training/test_learning.py::test_splitting_a_step_into_micro_batches_changes_no_gradient",
        ),
    ),
    Figure(
        33,
        "resized",
        PROCESSES,
        "Stopped with two processes, gone on with one, and back",
        "A training that was stopped goes on with other numbers of processes: losses and weights within 1e-5, other "
        "figures within 1e-4 of those of one process that nobody stopped.",
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
        "folder and the bytes of its checkpoints are no more than in the first fifth (at most 16 MB and 16 open files "
        "more).",
        (f"{HERE}/long_haul.py",),
        many=10_000,
    ),
)
