"""The report of a run on pages: what the three locators find on the test pages."""

from __future__ import annotations

from typing import Any

import teachers
from distill.data.pages.record import pages_digest
from distill.digests import digest_of
from distill.evaluation.endings import endings, incomparable
from distill.evaluation.pages.locating import PreparedPages, outlines_found
from distill.evaluation.pages.report import summarise_run
from distill.evaluation.pages.report_page import write_report_page
from distill.pools.pages import Pages
from distill.recipe.pages import PageRecipe
from distill.runs.line_report import sampled
from distill.runs.opening import Workplace
from distill.signed_json import report_on, write_report
from students.model_file import MODEL_NAME
from students.parts import n_parameters

FINDS = "report: the {role} finds lines on the test"  # the phase of timing.json


def make_page_report(work: Workplace, recipe: PageRecipe, test: Pages) -> dict[str, Any]:
    """Evaluate the locators on the test pages and return `report.json`; a report on the same files is reused.

    Every locator sees pages as its own file says. Empty on all processes but the first.
    """
    roles = ["teacher", *(["control"] if recipe.student.control else []), "student"]
    readers = {role: teachers.load_locator(work.folder / role / MODEL_NAME) for role in roles}
    records = {role: reader.description.training for role, reader in readers.items()}
    no_control = incomparable(records)
    if no_control:
        roles.remove("control")
        del readers["control"], records["control"]
    judged = {
        "files": {role: digest_of(reader.description) for role, reader in readers.items()},
        "test": pages_digest(test),
    }
    target = work.folder / "report.json"
    if (before := report_on(target, judged)) is not None:
        return before
    found = {}
    for role, reader in readers.items():
        with work.stopwatch.measure(FINDS.format(role=role)):
            pages = PreparedPages(test, reader.description.preparation)
            model, finding = reader.model.to(work.accelerator.device), reader.description.finding
            found[role] = outlines_found(model, pages, finding, work.accelerator, work.stop)
    if not work.accelerator.is_main_process:
        return {}
    parameters = {role: n_parameters(reader.model) for role, reader in readers.items()}
    result = summarise_run(test, found, parameters, recipe.student_seed)
    result |= {"task": "pages", "judged": judged, "drawn": sampled(work.folder, roles), **endings(records)}
    if no_control:
        result["no_control"] = no_control
    write_report_page(work.folder, (recipe.name, recipe.about), test, found, result)
    return write_report(target, result)
