#!/bin/sh
# torch 2.13.0: ctc_loss has the right value and another gradient wherever its input is not normalised. Of log-probabilities
# that a prior of the classes was taken from, that were halved or doubled (a temperature behind the softmax), averaged
# over two networks, or of which the classes outside an alphabet were cut away, -log P(text) is what summing all paths
# gives, in double precision. What backward() gives is off by 15 to 63 % of the gradient's largest value: it adds
# exp(input), as is right for a softmax before it, which it takes for granted. Behind a log_softmax both are right to
# 1e-8. No check, no warning; training goes down, to another place. torch's documentation calls the input "logarithmized
# probabilities", with log_softmax as an example. One expects of autograd the derivative of the value that it returns.
# Normalise once more where that is meant, or write the recursion out. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - << 'PYTHON'
from importlib.metadata import version
from itertools import groupby, product

import torch
from torch.nn import functional as F

print("torch", version("torch"))
FRAMES, CLASSES, TEXT = 5, 4, (1, 2)
generator = torch.Generator().manual_seed(0)
logits, others = torch.randn(2, FRAMES, CLASSES, generator=generator, dtype=torch.double)
PRIOR = torch.tensor([0.7, 0.1, 0.1, 0.1], dtype=torch.double)
FORMS = {  # what goes into ctc_loss; whether it is normalised
    "log_softmax": (lambda z: z.log_softmax(-1), True),
    "and normalised again": (lambda z: (z.log_softmax(-1) / 2).log_softmax(-1), True),
    "a share of the uniform added": (lambda z: (0.9 * z.softmax(-1) + 0.1 / CLASSES).log(), True),
    "less a prior": (lambda z: z.log_softmax(-1) - 0.5 * PRIOR.log(), False),
    "halved": (lambda z: z.log_softmax(-1) / 2, False),
    "doubled": (lambda z: z.log_softmax(-1) * 2, False),
    "averaged with another network's": (lambda z: (z.log_softmax(-1) + others.log_softmax(-1)) / 2, False),
    "without the last class": (lambda z: z.log_softmax(-1)[:, :-1], False),
}


def loss(log_p):
    lengths = torch.tensor([FRAMES]), torch.tensor([len(TEXT)])
    return F.ctc_loss(log_p[:, None], torch.tensor([TEXT]), *lengths, reduction="sum")


def by_paths(log_p):
    """The same by summing over every path that collapses to the text."""
    paths = product(range(log_p.shape[1]), repeat=FRAMES)
    fitting = [path for path in paths if tuple(label for label, _ in groupby(path) if label) == TEXT]
    return -log_p[torch.arange(FRAMES), torch.tensor(fitting)].sum(1).logsumexp(0)


def gradient(form, value_of):
    leaf = logits.clone().requires_grad_()
    value = value_of(form(leaf))
    value.backward()
    return value.item(), leaf.grad


as_seen = []
for name, (form, normalised) in FORMS.items():
    (value, got), (exact, want) = gradient(form, loss), gradient(form, by_paths)
    away = ((got - want).abs().max() / want.abs().max()).item()
    print(f"{name}: value {value:.6f}, by paths {exact:.6f}; the gradient is off by {away:.2g} of its largest value")
    as_seen += [abs(value - exact) < 1e-8, away < 1e-8 if normalised else 0.1 < away < 1.0]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
