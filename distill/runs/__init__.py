"""From a recipe to a run folder: teacher, control, student, verdict; comparisons and checks."""
