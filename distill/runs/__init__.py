"""From a recipe to a run folder: teacher, control, student, report, whatever the task."""
