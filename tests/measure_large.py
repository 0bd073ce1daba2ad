"""Time and memory of CTC + KL at thousands of classes: `python tests/measure_large.py`. Not collected by pytest.

Every variant runs in a process of its own; memory is what its peak lies above the logits and their gradient.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import torch
from torch.nn import functional as F

from distill.losses.large import Sparse, ctc_and_kl

N, T, L, K, REPEATS = 64, 40, 12, 8, 5


def measure(variant: str, classes: int) -> dict[str, float]:
    generator = torch.Generator().manual_seed(0)
    logits_NTC = torch.randn(N, T, classes, generator=generator).requires_grad_()
    targets_NL = torch.randint(1, classes, (N, L), generator=generator)
    lengths_N, target_lengths_N = torch.full((N,), T), torch.full((N,), L)
    top_NTK = torch.randn(N, T, K, generator=generator).log_softmax(-1) - 0.1
    classes_NTK = torch.randint(0, classes - K, (N, T, 1), generator=generator) + torch.arange(K)
    tail_NT = (1 - top_NTK.exp().sum(-1)).log()

    def fused() -> torch.Tensor:
        teacher = Sparse(classes_NTK, top_NTK, tail_NT, 1.0)
        nats_N, kl_NT = ctc_and_kl(logits_NTC, lengths_N, targets_NL, target_lengths_N, teacher)
        return nats_N.sum() + kl_NT.sum()

    def plain() -> torch.Tensor:
        log_q_NTC = logits_NTC.log_softmax(-1)
        nats_N = F.ctc_loss(log_q_NTC.transpose(0, 1), targets_NL, lengths_N, target_lengths_N, reduction="none")
        flat_NT1 = tail_NT[..., None] - torch.tensor(float(classes - K)).log()
        log_p_NTC = flat_NT1.expand(N, T, classes).scatter(-1, classes_NTK, top_NTK)
        return nats_N.sum() + F.kl_div(log_q_NTC, log_p_NTC, reduction="none", log_target=True).sum()

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
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
        return
    for classes in (6906, 18710):
        found = {
            variant: json.loads(subprocess.check_output([sys.executable, __file__, variant, str(classes)]))
            for variant in ("plain", "fused", "nothing")
        }
        # `nothing` holds logits, gradient and one product of their size
        one_MB = N * T * classes * 4 / 2**20
        floor = found["nothing"]["peak_MB"] - one_MB
        above = {variant: found[variant]["peak_MB"] - floor for variant in ("plain", "fused")}
        print(
            f"{classes} classes: plain {found['plain']['ms']:.0f} ms, fused {found['fused']['ms']:.0f} ms "
            f"({found['plain']['ms'] / found['fused']['ms']:.1f} x); beyond logits and gradient ({one_MB:.0f} MB each) "
            f"plain {above['plain']:.0f} MB, fused {above['fused']:.0f} MB ({above['plain'] / above['fused']:.1f} x)"
        )


if __name__ == "__main__":
    main()
