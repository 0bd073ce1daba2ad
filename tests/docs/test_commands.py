"""Every command that a document shows is one: programs, options, targets, recipes, keys and their values."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import pytest

from distill.cli import _parser
from distill.commands.decoding_options import OPTIONS
from distill.recipe.file import load_recipe, shipped_recipes
from distill.recipe.sections import RecipeError
from docs.website import ROOT
from students.serving.__main__ import parser as service_options
from tests.docs.shown import PAGES, PLACEHOLDERS, TARGETS, VARIABLES, commands_of, in_sentences, subcommands

RECORDED = ROOT / "RESULTS.md"  # its commands are of the commit that stands beside them, so their keys may have changed
OTHERS = {
    "apt-get",
    "cd",
    "cp",
    "curl",
    "cut",
    "docker",
    "grep",
    "hf",
    "kubectl",
    "npm",
    "ray",
    "sbatch",
    "srun",
    "tail",
    "uvicorn",
}
EXTRAS = set(re.findall(r"^([a-z-]+) = \[", (ROOT / "pyproject.toml").read_text(), re.MULTILINE))
DISTILL = sorted({tuple(words[1:]) for page in PAGES for words in commands_of(page) if words[0] == "distill"})


def test_enough_is_looked_at() -> None:
    assert len(DISTILL) >= 100
    assert sum(len(commands_of(page)) for page in PAGES) >= 160
    assert sum(len(in_sentences(page, "distill")) for page in PAGES) >= 60


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_program_is_known_and_takes_what_it_is_given(page: Path) -> None:
    for words in commands_of(page):
        assert problem_of(words) is None, f"{' '.join(words)}: {problem_of(words)}"


def problem_of(words: list[str]) -> str | None:
    """What is wrong with a command, if its program is one that can be asked."""
    match words:
        case ["distill", *_] | [".", ".venv/bin/activate"]:
            return None  # `distill` has tests of its own
        case ["make", *rest]:
            unknown = {word.partition("=")[0] for word in rest} - TARGETS - VARIABLES
            return f"the Makefile has no {unknown}" if unknown else None
        case ["python" | ".venv/bin/python", "-m", "distill", *rest]:
            return None if _parser().parse_known_args(rest)[0].command else "no command"
        case ["torchrun", *rest]:
            launched = rest[rest.index("distill") + 1 :]
            return None if _parser().parse_known_args(launched)[0].command else "no command"
        case ["python" | ".venv/bin/python", "-m", "pytest", *rest]:
            missing = [word for word in rest if word.endswith(".py") and not (ROOT / word).is_file()]
            return f"{missing} is no file" if missing else None
        case ["python" | ".venv/bin/python", "-m", "students.serving", *rest]:
            unknown = service_options().parse_known_args(rest)[1]
            return f"the service has no {unknown}" if unknown else None
        case ["python" | ".venv/bin/python", "-m", module, *_]:
            return None if importlib.util.find_spec(module) else f"no module {module}"
        case ["python" | ".venv/bin/python", script, *rest]:
            return _problem_of_script(ROOT / script, rest)
        case ["pip", "install", *rest]:
            named = re.findall(r"crnn-(?:distill|students)\[(.*?)\]", " ".join(rest))
            unknown = set(filter(None, ",".join(named).split(","))) - EXTRAS
            return f"no extras {unknown}" if unknown else None
        case [program, *_] if program in OTHERS:
            return None
        case _:
            return "a program that nobody has named here"


def _problem_of_script(script: Path, words: list[str]) -> str | None:
    if not script.is_file():
        return f"{script.name} is no file"
    texts = {node.value for node in ast.walk(ast.parse(script.read_text())) if isinstance(node, ast.Constant)}
    unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in texts]
    return f"{script.name} has no {unknown}" if unknown else None


@pytest.mark.parametrize("words", DISTILL, ids=lambda words: " ".join(words)[:60])
def test_every_command_is_one_that_distill_takes(words: tuple[str, ...]) -> None:
    given = [word for word in words if word not in PLACEHOLDERS]
    options, behind = _parser().parse_known_args(given)
    assert options.command
    assert not [word for word in behind if word.startswith("-")]


def test_every_key_on_a_command_line_is_one_of_its_recipe() -> None:
    looked_at = 0
    for page in PAGES:
        if page == RECORDED:
            continue
        for words in commands_of(page):
            if words[0] in ("distill", "make") and (keys := keys_of(words)):
                looked_at += 1
                load_recipe(recipe_of(words), keys)
    assert looked_at >= 18


def keys_of(words: list[str]) -> list[str]:
    """The settings of a recipe on a command line, also those inside make's ARGS; of a list of settings the first."""
    inside = [word for each in words for word in (each[5:].split() if each.startswith("ARGS=") else [each])]
    keys = [word for word in inside if re.match(r"(?!objective\.term=)[a-z_]+(\.[a-z_0-9]+)*=", word)]
    over = {inside[i + 1] for i, word in enumerate(inside[:-1]) if word == "--over"}
    return [key.partition(",")[0] if key in over else key for key in keys]


def recipe_of(words: list[str]) -> str:
    """The shipped recipe of a command; of a file or run folder the one that such a recipe is laid over."""
    named = [word.removeprefix("RECIPE=") for word in words if word.removeprefix("RECIPE=") in shipped_recipes()]
    return named[0] if named else "receipts"


def test_a_wrong_key_would_be_seen() -> None:
    with pytest.raises(RecipeError, match="did you mean"):
        load_recipe("receipts", keys_of(["distill", "run", "receipts", "student.training.step=5"]))
    assert problem_of(["make", "distil"]) is not None
    assert problem_of(["python", "tests/benchmarks/cache.py", "--no-such"]) is not None
    assert problem_of(["pip", "install", "crnn-distill[onxx]"]) is not None
    assert problem_of(["python", "-m", "students.serving", "receipts", "--prot", "80"]) is not None
    assert problem_of(["pip", "install", "crnn-students[onxx]"]) is not None
    assert problem_of(["destill", "run"]) is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_sentences_exist_with_their_options(page: Path) -> None:
    known = subcommands()
    for name, *words in in_sentences(page, "distill"):
        if name == "COMMAND" or name in PLACEHOLDERS:
            continue
        assert name in known, f"distill {name}"
        options = {option for action in known[name]._actions for option in action.option_strings}
        for word in words:
            option = re.sub(r"[\]=].*", "", word.lstrip("["))
            assert not option.startswith("--") or option in options, f"distill {name} has no {option}"
    for target, *_ in in_sentences(page, "make"):
        assert target in TARGETS or "=" in target, f"make {target}"


COMMON = {"--help", "--run", "--json", "--record"}  # said above the table, or known everywhere
OF_READING = {"--turned", "--alphabet", "--n-best", *OPTIONS.values()}  # "decodes as `read` does"


def test_the_interfaces_name_every_command_option_and_form() -> None:
    rows = re.findall(r"^\| (`.*)", (ROOT / "docs" / "interfaces.md").read_text("utf-8"), re.MULTILINE)
    missing = []
    for name, parser in subcommands().items():
        shown = " ".join(row for row in rows if re.search(rf"`{name}[ `]", row))
        wanted = {o for action in parser._actions for o in action.option_strings if o.startswith("--")}
        wanted = {"a row"} if not shown else wanted - COMMON - OF_READING
        forms = {
            choice for action in parser._actions for choice in action.choices or () if "--to" in action.option_strings
        }
        missing += [f"{name}: {each}" for each in sorted(wanted | forms) if not re.search(rf"{each}\b", shown)]
    assert missing == []
