"""The three networks of a run, and what reports call them."""

from __future__ import annotations

ROLES = ("teacher", "control", "student")
NAMES = {"teacher": "teacher", "control": "student alone (control)", "student": "distilled student"}
