"""How much a teacher counts on a line: by how it reads it, and by whose the line is."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor, nn

from distill.data.batch import Batch
from distill.recipe.file import load_recipe
from distill.recipe.objective import TAUGHT, Objective, Trust
from distill.recipe.sections import RecipeError
from distill.teaching.auxiliary import HINT
from distill.teaching.inputs import TermInputs, term_inputs
from distill.teaching.losses.features import Hint
from distill.teaching.objective import loss_terms, term_weights
from distill.teaching.trust import trust_in
from distill.teaching.watching import watched_figures
from students.parts import Outputs
from tests.teaching.fixed import Fixed, batch
from tests.tensors import logits, outputs


def test_trust_goes_by_what_the_label_records() -> None:
    paths = torch.tensor([[1, 0, 3, 0], [1, 0, 3, 0], [1, 0, 3, 0], [1, 0, 3, 0]])  # "ab"
    teacher = outputs(torch.nn.functional.one_hot(paths, 4) * 8.0)
    lines = batch(["ab", "Ab", "Ab", None], ["exact", "exact", "caseless", "exact"])
    assert trust_in(teacher, lines, Trust()) is None
    dropped = trust_in(teacher, lines, Trust(policy="drop", max_cer=0.2))
    assert dropped is not None
    assert dropped.tolist() == [1, 0, 1, 1]
    weighted = trust_in(teacher, lines, Trust(policy="weight"))
    assert weighted is not None
    assert weighted[0] > 0.9
    assert weighted[1] < 0.2
    assert weighted[2] > 0.9
    assert weighted[3] == 1
    student = outputs(logits(4, 4, 4, seed=16))
    all_terms = Objective.model_validate(
        {name: {"weight": 1} for name in TAUGHT} | {"trust": {"policy": "drop", "max_cer": 0.2}}
    )
    weights = term_weights(all_terms, 0.5, taught=True)
    modules = torch.nn.ModuleDict({HINT: Hint(4, 4)})

    def inputs(ours: Outputs, theirs: Outputs, of_lines: Batch) -> TermInputs:
        return term_inputs(all_terms, weights, ours, of_lines, modules, None, Fixed(theirs))

    with_all = loss_terms(all_terms, weights, inputs(student, teacher, lines))
    assert with_all.keys() >= set(TAUGHT)
    rows = torch.tensor([0, 2, 3])
    kept = lines.of_lines(rows)._replace(keys=("0", "1", "2"))
    ours, theirs = (Outputs(*(x[rows] for x in o)) for o in (student, teacher))
    some = loss_terms(all_terms, weights, inputs(ours, theirs, kept))
    for name in TAUGHT:
        assert with_all[name][0].item() == pytest.approx(some[name][0].item(), abs=1e-4), name


def test_trust_goes_by_the_source_of_a_line_too() -> None:
    teacher = outputs(torch.nn.functional.one_hot(torch.tensor([[1, 0, 3, 0]]).expand(4, -1), 4) * 8.0)  # "ab"
    lines = batch(["ab", "Ab", None, None], ["exact"] * 4)._replace(sources=("own", "own", "own", "web"))
    by_source = trust_in(teacher, lines, Trust(sources={"web": 0.25}))
    assert by_source is not None
    assert by_source.tolist() == [1, 1, 1, 0.25]
    both = trust_in(teacher, lines, Trust(policy="drop", sources={"web": 0.25, "own": 2}))
    assert both is not None
    assert both.tolist() == [2, 0, 2, 0.25]
    assert Trust().model_dump() == {"policy": "keep", "max_cer": 0.2}
    with pytest.raises(RecipeError, match=r"objective\.trust\.sources: 'elsewhere' is not"):
        load_recipe("smoke", ["objective.trust.sources={elsewhere: 0.5}"])


def test_lines_that_the_teacher_has_no_say_on_are_not_counted_against_it() -> None:
    student, teacher = outputs(logits(3, 4, 4, seed=17)), outputs(logits(3, 4, 4, seed=18))
    lines = batch(["ab", "Ab", None], ["exact"] * 3)._replace(sources=("own", "web", "own"))

    def figures(rows: list[int], **trust: float) -> Mapping[str, float]:
        ours, theirs = (Outputs(*(x[rows] for x in o)) for o in (student, teacher))
        some = batch([("ab", "Ab", None)[i] for i in rows], ["exact"] * len(rows))
        some = some._replace(sources=tuple(lines.sources[i] for i in rows))
        objective = Objective.model_validate({"trust": {"sources": trust}})
        return watched_figures(term_inputs(objective, [], ours, some, nn.ModuleDict(), None, Fixed(theirs)))

    shown = ("teacher_entropy", "kl_blank", "kl_character", "teacher_wrong")
    alone, among_others, all_heard = figures([0, 2]), figures([0, 1, 2], web=0), figures([0, 1, 2])
    assert [among_others[name] for name in shown] == pytest.approx([alone[name] for name in shown])
    assert among_others["teacher_entropy"] != pytest.approx(all_heard["teacher_entropy"])
    assert figures([1], web=0).keys() == {"blank_share"}


@pytest.mark.parametrize("n_taught", [0, 2])
def test_the_teacher_is_asked_about_the_lines_alone_that_it_has_a_say_on(n_taught: int) -> None:
    student, teacher = outputs(logits(4, 4, 4, seed=19)), outputs(logits(4, 4, 4, seed=20))
    lines = batch(["ab", "Ab", None, None], ["exact"] * 4)
    lines = lines._replace(sources=("own",) * n_taught + ("web",) * (4 - n_taught))
    asked: list[tuple[str, ...]] = []

    class Asked(Fixed):
        def outputs_by_temperature(self, batch: Batch) -> dict[float, Outputs]:
            asked.append(batch.keys)
            return super().outputs_by_temperature(batch)

    weight = {name: {"weight": 1} for name in TAUGHT}
    modules = torch.nn.ModuleDict({HINT: Hint(4, 4)})

    def terms(**trust: float) -> dict[str, tuple[Tensor, int]]:
        objective = Objective.model_validate({**weight, "trust": {"sources": trust}})
        names = term_weights(objective, 0.5, taught=True)
        return loss_terms(
            objective, names, term_inputs(objective, names, student, lines, modules, None, Asked(teacher))
        )

    some = terms(web=0)
    assert asked == ([lines.keys[:n_taught]] if n_taught else [])
    for name, (total, _) in terms(web=1e-9).items():  # the same with weights that are hardly above 0, on all lines
        assert some[name][0].item() == pytest.approx(total.item(), abs=1e-5), name
    assert asked[-1] == lines.keys
