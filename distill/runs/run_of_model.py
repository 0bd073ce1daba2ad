"""The run that wrote a finished model file, found by the folder that it lies in, and the lines it was validated on.

For what works on a finished model, such as an export. Nothing is trained, and training lines are opened only where
validation is cut from them.
"""

from __future__ import annotations

from pathlib import Path

from distill.data.lines import Lines
from distill.paths import expanded
from distill.pools.cut import TEST_CUT, cut_by_document
from distill.pools.lines import cache_of, open_sources
from distill.recipe.file import RECIPE_NAME, load_recipe
from distill.recipe.sections import Recipe
from distill.signed_json import read_json
from students.errors import DataError
from students.model_file import Description
from students.pages.model_file import LocatorDescription

DATA_NAME = "data.json"


def run_of(model: Path, description: Description | LocatorDescription) -> Path | None:
    """Return the folder of the run that wrote a model file, None where no run did.

    A run writes `<run>/<role>/model.safetensors`, and into it the role and the digest of what it was validated on.
    A finished teacher that the recipe names (`teacher.file`) is copied into the run, which makes it the run's own.
    """
    path = model.resolve()
    run, role = path.parent.parent, path.parent.name
    if not all((run / name).is_file() for name in (RECIPE_NAME, DATA_NAME)):
        return None
    if role == "teacher" and (teacher := load_recipe(str(run / RECIPE_NAME)).teacher) and teacher.file is not None:
        return run
    record = description.training
    validation = read_json(run / DATA_NAME).get("digest", {}).get("validation")
    validated = (record.get("lines") or record.get("pages") or {}).get("validation")
    return run if record.get("role") == role and validated == validation else None


def validation_lines(recipe: Recipe, run: Path) -> Lines:
    """Open the validation lines of a run, those of `open_pools` in the same order, and no others where that can be.

    Only a recipe that cuts validation from train has training lines looked at: those of the sources that are cut.
    Raises `DataError` for a source that cannot be opened.
    """
    cut, test_cut = recipe.data.cut, recipe.data.test_cut
    sources = recipe.data.validation
    if cut is not None:
        cuts = [each for each in (cut, test_cut) if each is not None]
        sources = tuple(s for s in recipe.data.train if any(c.sources is None or s.name in c.sources for c in cuts))
    problems: list[str] = []
    lines, _ = open_sources(recipe, sources, expanded(recipe.data.root), cache_of(recipe, run), problems)
    if problems:
        raise DataError("\n".join(problems))
    if cut is None:
        return lines
    if test_cut is not None:
        lines, *_ = cut_by_document(lines, test_cut, recipe.seed, TEST_CUT)
    return cut_by_document(lines, cut, recipe.seed)[1]
