"""The suite: data, losses, training, evaluation, report and the command line. From Python: `distill.run(recipe)`."""

from distill.api import FinishedRun, Report, lines, new, run

__all__ = ["FinishedRun", "Report", "lines", "new", "run"]
