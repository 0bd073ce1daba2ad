"""The suite: data, losses, training, evaluation, report and the command line. From Python: `distill.run(recipe)`."""

from distill.api import Report, Run, lines, new, run

__all__ = ["Report", "Run", "lines", "new", "run"]
