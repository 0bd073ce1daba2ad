"""Time and memory of CTC with KL or blank split, thousands of classes: `python tests/benchmarks/large.py`. No test.

Every variant runs in a process of its own; memory is what its peak lies above the logits and their gradient.
"""

from __future__ import annotations

import itertools
import json
import math
import resource
import subprocess
import sys
import time

import torch
from torch.nn import functional as F

from distill.teaching.losses.large import Sparse, ctc_and_kl
from distill.teaching.losses.logits import blank_split
from students.parts import Outputs

N, T, L, K, REPEATS = 64, 40, 12, 8, 5
TERMS = {"KL": 1.0, "blank split": 2.0}  # at which temperature
BETA = 2.0


def measure(variant: str, term: str, classes: int) -> dict[str, float]:
    tau = TERMS[term]
    generator = torch.Generator().manual_seed(0)
    logits_NTC = torch.randn(N, T, classes, generator=generator).requires_grad_()
    targets_NL = torch.randint(1, classes, (N, L), generator=generator)
    lengths_N, target_lengths_N = torch.full((N,), T), torch.full((N,), L)
    top_NTK = torch.randn(N, T, K, generator=generator).log_softmax(-1) - 0.1
    others_NTK = torch.randint(1, classes - K, (N, T, 1), generator=generator) + torch.arange(K - 1)
    classes_NTK = torch.cat([torch.zeros(N, T, 1, dtype=torch.int64), others_NTK], -1)
    flat_NT1 = (1 - top_NTK.exp().sum(-1, keepdim=True)).log() - math.log(classes - K)
    tail_NT = flat_NT1[..., 0] / tau + math.log(classes - K)

    def fused() -> torch.Tensor:
        teacher = Sparse(classes_NTK, top_NTK, tail_NT, tau, *((1.0, BETA) if term == "blank split" else ()))
        nats_N, kl_NT = ctc_and_kl(logits_NTC, lengths_N, targets_NL, target_lengths_N, teacher)
        return nats_N.sum() + kl_NT.sum()

    def plain() -> torch.Tensor:
        log_q_NTC = logits_NTC.log_softmax(-1)
        nats_N = F.ctc_loss(log_q_NTC.transpose(0, 1), targets_NL, lengths_N, target_lengths_N, reduction="none")
        log_p_NTC = flat_NT1.expand(N, T, classes).scatter(-1, classes_NTK, top_NTK)
        if term == "KL":
            return nats_N.sum() + F.kl_div(log_q_NTC, log_p_NTC, reduction="none", log_target=True).sum()
        student, teacher = (Outputs(x, lengths_N, x[..., :0]) for x in (logits_NTC, log_p_NTC))
        return nats_N.sum() + blank_split(student, teacher, temperature=tau, alpha=1.0, beta=BETA)[0]

    run = {"fused": fused, "plain": plain, "nothing": lambda: (logits_NTC * 1).sum()}[variant]
    times = []
    for _ in range(REPEATS):
        logits_NTC.grad = None
        start = time.perf_counter()
        run().backward()
        times.append(time.perf_counter() - start)
    return {"ms": 1000 * min(times), "peak_MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def main() -> None:
    if len(sys.argv) > 2:
        print(json.dumps(measure(*sys.argv[1:3], int(sys.argv[3]))))
        return
    for classes, term in itertools.product((6906, 18710), TERMS):
        found = {
            variant: json.loads(subprocess.check_output([sys.executable, __file__, variant, term, str(classes)]))
            for variant in ("plain", "fused", "nothing")
        }
        # `nothing` holds logits, gradient and one product of their size
        one_MB = N * T * classes * 4 / 2**20
        floor = found["nothing"]["peak_MB"] - one_MB
        above = {variant: found[variant]["peak_MB"] - floor for variant in ("plain", "fused")}
        print(
            f"{classes} classes, CTC and {term} at {TERMS[term]:g}: "
            f"plain {found['plain']['ms']:.0f} ms, fused {found['fused']['ms']:.0f} ms "
            f"({found['plain']['ms'] / found['fused']['ms']:.1f} x); beyond logits and gradient ({one_MB:.0f} MB each) "
            f"plain {above['plain']:.0f} MB, fused {above['fused']:.0f} MB ({above['plain'] / above['fused']:.1f} x)"
        )


if __name__ == "__main__":
    main()
