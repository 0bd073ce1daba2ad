"""The three networks of a run: the section of the recipe that each is made by, and what reports call them."""

from __future__ import annotations

from typing import Literal, get_args

from distill.recipe.training import Learner

Role = Literal["teacher", "control", "student"]
ROLES: tuple[str, ...] = get_args(Role)
SECTIONS: dict[Role, Learner] = {"teacher": "teacher", "control": "student", "student": "student"}
NAMES = {"teacher": "teacher", "control": "student alone (control)", "student": "distilled student"}
