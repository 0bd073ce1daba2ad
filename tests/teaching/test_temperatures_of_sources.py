"""A temperature for the lines of a source, with the teacher's network and with its cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from distill.data.batch import Batch
from distill.data.posteriors import Cached, Posteriors, pack, unpack
from distill.digests import digest_of
from distill.recipe.file import load_recipe
from distill.recipe.objective import Objective, Trust
from distill.recipe.sections import RecipeError
from distill.teaching.cache import temperatures_of
from distill.teaching.inputs import term_inputs
from distill.teaching.objective import loss_terms
from students.parts import Outputs, Recurrent
from tests.tensors import C, T, logits, outputs


@dataclass(frozen=True)
class Teacher:
    """The same outputs on every batch: a network's, or out of records of the cache where the objective has one."""

    logits_NTC: Tensor
    objective: Objective
    unknown_C: Tensor | None = None
    is_foreign: bool = False

    def outputs_by_temperature(self, batch: Batch) -> dict[float, Outputs]:  # noqa: ARG002 - as a TeacherSource
        if not self.objective.cache.views:
            return {1.0: outputs(self.logits_NTC)}
        taus, log_p_NTC = temperatures_of(self.objective), self.logits_NTC.log_softmax(-1).numpy()
        k = C - 1  # so that there is a tail
        records = [unpack(pack(log_p_TC, k, 1.0, taus), k, len(taus)) for log_p_TC in log_p_NTC]
        posteriors = Posteriors(*(torch.from_numpy(np.stack(part)) for part in zip(*records, strict=True)))
        cached = Cached((), k, taus, self.logits_NTC.shape[-1])
        return {tau: cached.outputs(posteriors, tau) for tau in taus}

    @property
    def neck(self) -> Recurrent:
        raise NotImplementedError


def unlabelled(sources: list[str]) -> Batch:
    """Lines without labels, of these sources."""
    n = len(sources)
    return Batch(
        images_NCHW=torch.zeros(n, 1, 8, 8),
        targets_NL=torch.zeros(n, 1, dtype=torch.int64),
        target_lengths_N=torch.zeros(n, dtype=torch.int64),
        labelled_N=torch.zeros(n, dtype=torch.bool),
        keys=tuple(map(str, range(n))),
        foldings=(None,) * n,
        sources=tuple(sources),
    )


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("name", ["frame_kl", "focal_frame_kl", "blank_split", "dist", "bag_of_symbols"])
def test_a_source_has_the_temperature_that_it_is_given(name: str, cached: bool) -> None:
    """Against the term at one temperature, on the lines of each source alone."""
    student_NTC, teacher_NTC = logits(3, T, C, seed=63), logits(3, T, C, seed=64)

    def term(tau: float, trust: dict[str, object], rows: list[int]) -> tuple[float, int]:
        settings = {name: {"weight": 1, "temperature": tau}, "trust": trust, "cache": {"views": int(cached)}}
        objective = Objective.model_validate(settings)
        teacher, student = Teacher(teacher_NTC[rows], objective), outputs(student_NTC[rows])
        lines = unlabelled([("web", "own", "web")[i] for i in rows])
        inputs = term_inputs(objective, [name], student, lines, nn.ModuleDict(), None, teacher)
        total, count = loss_terms(objective, [name], inputs)[name]
        return total.item(), count

    total, count = term(2, {"temperatures": {"web": 5}, "sources": {"web": 0.25}}, [0, 1, 2])
    web, own = term(5, {"sources": {"web": 0.25}}, [0, 2]), term(2, {}, [1])
    assert total == pytest.approx(web[0] + own[0], rel=1e-4)
    assert count == web[1] + own[1] == 3
    assert total != pytest.approx(term(2, {"sources": {"web": 0.25}}, [0, 1, 2])[0], rel=1e-3)


def test_the_temperature_of_an_unknown_source_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"objective\.trust\.temperatures: 'elsewhere' is not a training source"):
        load_recipe("smoke", ["objective.trust.temperatures={elsewhere: 2}"])
    assert digest_of(Objective()) == digest_of(Objective(trust=Trust(temperatures={})))
    assert digest_of(Objective()) != digest_of(Objective(trust=Trust(temperatures={"web": 2})))
