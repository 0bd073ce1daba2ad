#!/bin/sh
# torch 2.13.0: its counter of operations, FlopCounterMode, counts none at all for an LSTM on the processor, forward or
# backward, one way or both, without a word; an RNN and a GRU of the same sizes are counted to the last one. The layer is
# run by oneDNN as one operator that the counter has no formula for, where the other two are sums of products. With
# torch.backends.mkldnn.flags(enabled=False), or on the device "meta", the same LSTM has all of its operations, so the
# count depends on where it was taken. By that counter a recogniser with an LSTM is cheaper than one with a GRU, which has
# three quarters of its weights. tests/benchmarks/accelerator.py counts without oneDNN. Exits 0 while this is so.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" -W ignore - << 'PYTHON'
from importlib.metadata import version

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

print("torch", version("torch"))
FRAMES, FEATURES, HIDDEN = 50, 96, 64
GATES = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}


def counted(kind, device="cpu", both_ways=False, backward=False):
    layer = kind(FEATURES, HIDDEN, bidirectional=both_ways, device=device)
    with FlopCounterMode(display=False) as counter, torch.set_grad_enabled(backward):
        out, _ = layer(torch.randn(FRAMES, 1, FEATURES, device=device))
        if backward:
            out.sum().backward()
    return counter.get_total_flops()


def products(kind):
    """What the matrix products of one way take, forward: two operations for each weight and frame."""
    return 2 * FRAMES * GATES[kind] * HIDDEN * (FEATURES + HIDDEN)


as_seen = []
for kind in GATES:
    forward, both, trained = counted(kind), counted(kind, both_ways=True), counted(kind, backward=True)
    print(f"{kind.__name__}: {forward:,} forward, {both:,} both ways, {trained:,} with backward; there are {products(kind):,} forward")
    if kind is nn.LSTM:
        as_seen += [forward == both == trained == 0]
    else:
        as_seen += [forward == products(kind), both == 2 * forward, trained > 2 * forward]
with torch.backends.mkldnn.flags(enabled=False):
    without = counted(nn.LSTM)
elsewhere = counted(nn.LSTM, "meta")
print(f"LSTM without oneDNN: {without:,}; on the device meta: {elsewhere:,}")
as_seen += [without == elsewhere == products(nn.LSTM)]
raise SystemExit(0 if all(as_seen) else 1)
PYTHON
