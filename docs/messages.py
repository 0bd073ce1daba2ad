"""The page of every message: what the code can raise that a user can mend, by the part of the suite that says it.

It is read out of the code when the site is built, so it is never behind it. docs/troubleshooting.md explains those that
are met most.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from distill.data.formats.contents import counted

PACKAGES = ("students", "teachers", "distill")
FIRST = "UserError"  # of which all of them are
GAP = "…"
LEAST_WORDS = 2
LEAST_WORDS_OF_OTHERS = 5  # of a text that reaches its error by way of a list or a function
PARTS: Mapping[str, tuple[str, str]] = {  # by the longest path that fits: a heading, and where more is said
    "students": ("Reading", "[Reading](reading.md), [deployment](deploy.md)."),
    "students/image.py": ("Pictures", "[Lines](data.md): how pictures may look."),
    "students/pages": ("Pages, read", "[Whole pages](pages.md)."),
    "students/serving": ("The service", "[A service](deploy.md#a-service)."),
    "teachers": ("Teachers", "[Which teacher](teachers.md)."),
    "distill": ("Several processes, records, files of a run", "[Scale](scaling.md), [records](interfaces.md#records)."),
    "distill/adoption": ("Teachers that others made", "[Adopt a teacher](adopt.md)."),
    "distill/cluster.py": ("Several machines", "[Scale](scaling.md#data-on-several-machines)."),
    "distill/commands": ("Words on the command line", "`distill COMMAND --help` says what a command takes."),
    "distill/comparison": (
        "`distill compare`",
        "[Which teacher](teachers.md), [interfaces](interfaces.md#a-comparison).",
    ),
    "distill/data": ("Lines and labels", "[Lines](data.md)."),
    "distill/data/formats": ("Sources and label files", "[Sources](data.md#sources)."),
    "distill/data/formats/stores.py": ("Object stores", "[Scale](scaling.md#object-stores)."),
    "distill/data/pages": ("Pages, as lines of a training", "[Whole pages](pages.md)."),
    "distill/delivery": ("Export, speed, pages to read in a browser", "[Deployment](deploy.md)."),
    "distill/evaluation": ("Evaluation", "[Reading](reading.md), [what to try next](next.md)."),
    "distill/pools": ("Lines and pages of a run", "[Lines](data.md), [whole pages](pages.md)."),
    "distill/proposing": ("`distill new`", "[Your own lines](own-lines.md)."),
    "distill/recipe": ("Recipes", "[Every recipe key](recipe.md)."),
    "distill/runs": ("Runs", "[Get started](start.md), [interfaces](interfaces.md#a-run-folder)."),
    "distill/synthesis": ("Rendered lines and drawn pages", "[Every recipe key](recipe.md)."),
    "distill/teaching": ("What a student follows", "[Loss terms](losses.md)."),
    "distill/training": ("Training", "[Troubleshooting](troubleshooting.md#training)."),
}


class Message(NamedTuple):
    """What is said, with a gap where a value stands, and the module that says it."""

    text: str
    module: str


@cache
def messages(root: Path) -> list[Message]:
    """Return every message of the code, each once a module, in the order of the code."""
    paths = (path for package in PACKAGES for path in sorted((root / package).rglob("*.py")))
    texts = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}
    modules = {module: ast.parse(text) for module, text in texts.items() if "Error" in text}
    kinds = _kinds(modules)
    found = (Message(text, module) for module, tree in modules.items() for text in _said(tree, kinds))
    return list(dict.fromkeys(found))


def messages_page(root: Path) -> str:
    """Return the page in Markdown."""
    rows = [
        "# Every message",
        "",
        "What can be mended is told in one message, and the command ends with 2. Here are all of them, read out of the "
        f"code; `{GAP}` stands for what differs from case to case. Search for a few words of yours. "
        "[Troubleshooting](troubleshooting.md) tells more about those that are met most.",
        "",
    ]
    parts: dict[str, list[str]] = {}
    for text, module in messages(root):
        parts.setdefault(_part(module), []).append(text)
    for part, (heading, more) in PARTS.items():
        if part in parts:
            texts = sorted(dict.fromkeys(parts[part]), key=lambda text: text.lstrip(f"{GAP}: `").lower())
            rows += [f"## {heading}", "", more, "", *(f"- {_code(text)}" for text in texts), ""]
    return "\n".join(rows)


def _part(module: str) -> str:
    return max((part for part in PARTS if module == part or module.startswith(f"{part}/")), key=len)


def _code(text: str) -> str:
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    edge = " " if "`" in text else ""
    return f"{ticks}{edge}{text}{edge}{ticks}"


def _kinds(modules: Mapping[str, ast.Module]) -> set[str]:
    """The names of the classes of errors that a user can mend."""
    bases = {
        node.name: {_name(base) for base in node.bases}
        for tree in modules.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef)
    }
    kinds = {FIRST}
    while more := {name for name, of in bases.items() if of & kinds} - kinds:
        kinds |= more
    return kinds


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _said(tree: ast.Module, kinds: set[str]) -> Iterator[str]:
    """The texts that a module's errors are made of, of its own fields as well.

    Where one is handed on by a list or a function, all that the module returns, yields or appends.
    """
    nodes = list(ast.walk(tree))
    of_fields = any(isinstance(node, ast.ImportFrom) and node.module == "pydantic" for node in nodes)
    kinds = kinds | {"kind", "ValueError"} if of_fields else kinds | {"kind"}
    variables: dict[str, list[ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                variables.setdefault(_name(target), []).append(node.value)
    handed_on = False
    for node in nodes:
        if isinstance(node, ast.Call) and _name(node.func) in kinds and node.args:
            first = node.args[0]
            values = variables.get(_name(first), []) if isinstance(first, ast.Name) else [first]
            texts = [plain(text) for value in values for text in texts_of(value)]
            handed_on |= not texts
            yield from (text for text in texts if _n_words(text) >= LEAST_WORDS)
    if handed_on:
        yield from (plain(text) for text in _told(nodes) if _n_words(text) >= LEAST_WORDS_OF_OTHERS)


def _told(nodes: Sequence[ast.AST]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Return(value=ast.expr() as value) | ast.Yield(value=ast.expr() as value):
                yield from texts_of(value)
            case ast.Assign(value=ast.ListComp() as value) | ast.AugAssign(value=ast.ListComp() as value):
                yield from texts_of(value)
            case ast.Call(func=ast.Attribute(attr="append"), args=[value]):
                yield from texts_of(value)


def _n_words(text: str) -> int:
    return len(text.replace(GAP, "").split())


def texts_of(node: ast.expr) -> Iterator[str]:
    """The texts that an expression may be, whole; texts inside values that are put into it are left out."""
    match node:
        case ast.Constant(str() as text):
            yield text
        case ast.JoinedStr():
            yield formatted(node)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (text for each in (body, orelse) for text in texts_of(each))
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            yield from (text for each in parts for text in texts_of(each))
        case ast.ListComp(elt=each) | ast.GeneratorExp(elt=each):
            yield from texts_of(each)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from (a + b for a in _or_gap(left) for b in _or_gap(right))


def formatted(text: ast.JoinedStr) -> str:
    """A formatted text with a gap for each value; what `counted` counts stands there in the plural."""
    return "".join(map(_shown, text.values))


def _shown(part: ast.expr) -> str:
    match part:
        case ast.Constant(value=value):
            return str(value)
        case ast.FormattedValue(value=ast.Call(func=ast.Name(id="counted"), args=[_, *nouns])):
            named = [str(noun.value) for noun in nouns if isinstance(noun, ast.Constant)]
            return f"{GAP} {counted(2, *named).removeprefix('2 ')}" if len(named) == len(nouns) else GAP
        case _:
            return GAP


def _or_gap(node: ast.expr) -> list[str]:
    return list(texts_of(node)) or [GAP]


def plain(text: str) -> str:
    """Return a text with single spaces, and neighbouring gaps as one."""
    return re.sub(f"{GAP}+", GAP, " ".join(text.split()))
