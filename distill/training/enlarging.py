"""First weights of a student from those of a smaller one of its kind, whose features it keeps.

The smaller network stands inside the larger one: what is new touches nothing of the old at first, so where both have
equally many recurrent layers the larger one reads what the smaller one reads. This is the widening of Chen et al. 2016
(arXiv 1511.05641), with fresh weights in the place of copied ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from students.parts import Columns, Mixer, Recogniser, Recurrent

SIZES = ("small", "medium", "large")
Parts = Sequence[int]  # how many features stand beside one another along one axis of a tensor, part by part


def is_larger(wanted: Mapping[str, object], known: Mapping[str, object]) -> bool:
    """Return whether one architecture can hold the weights of another, as far as kind and `size` tell.

    Convolutions with a recurrent neck or with mixers can; heads of attention do not grow, and in group normalisation
    new channels would change what the known ones are divided by.
    """
    kind, size = known.get("kind"), known.get("size")
    grows = kind == "convolutional" or (kind == "recurrent" and known.get("neck") != "attention")
    grows = grows and known.get("norm") != "group"
    larger = size in SIZES and wanted.get("size") in SIZES[SIZES.index(str(size)) + 1 :]
    return grows and larger and wanted.get("kind") == kind


@torch.no_grad()
def enlarged(small: Recogniser, large: Recogniser) -> dict[str, Tensor]:
    """Return the weights of `large`, which are fresh, with those of `small` inside them.

    The output layer has a row for each class of `small`. What `large` alone has in depth lets nothing through at first;
    for that, weights of both networks are set to 0 in place.
    """
    _close_what_is_new(small, large)
    weights, parts, wider = large.state_dict(), _parts(small), _parts(large)
    output = output_layer(large)
    for name, known in small.state_dict().items():
        fresh = weights[name]
        if name.startswith(f"{output}."):  # its rows are classes, not features
            fresh, wider[name][0] = fresh.new_zeros(len(known), *fresh.shape[1:]), parts[name][0]
        weights[name] = _inside(known, fresh, parts[name], wider[name])
    return weights


def output_layer(model: nn.Module) -> str:
    """Return the name of the layer whose rows are the classes."""
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear)][-1]


def _inside(known: Tensor, fresh: Tensor, parts: list[Parts], wider: list[Parts]) -> Tensor:
    """`fresh` with `known` at its place; outputs that were known take nothing from new inputs."""
    if not known.ndim:
        return known
    rows, *columns = [_places(*both) for both in zip(parts, wider, strict=True)]
    filled, own = fresh.clone(), known
    if columns:
        own = fresh.new_zeros(len(rows), *fresh.shape[1:])
        own[:, columns[0]] = known
    filled[rows] = own
    return filled


def _places(parts: Parts, wider: Parts) -> Tensor:
    """Where the features of each part stand along the longer axis: first within their part."""
    starts = [sum(wider[:i]) for i in range(len(wider))]
    return torch.cat([start + torch.arange(size) for start, size in zip(starts, parts, strict=True)])


def _parts(network: Recogniser) -> dict[str, list[Parts]]:
    """The parts along the first two axes, outputs and inputs, of every weight by name."""
    found: dict[str, list[Parts]] = {
        name: [[size] for size in weight.shape[:2]] for name, weight in network.state_dict().items()
    }
    if any(isinstance(module, Columns) for module in network.collapse.modules()):
        channels = [module.out_channels for module in network.backbone.modules() if isinstance(module, nn.Conv2d)][-1]
        found["collapse.1.weight"][1] = _equal(channels, found["collapse.1.weight"][1])
    if isinstance(network.neck, Recurrent):
        features, hidden = _sizes(network.neck)
        for i, layer in enumerate(network.neck.layers):
            for name, _ in layer.named_parameters(prefix=f"neck.layers.{i}"):
                found[name][0] = _equal(hidden, found[name][0])  # a part for each gate
                if i and "weight_ih" in name:
                    found[name][1] = _equal(hidden, found[name][1])  # and for each direction
        found[_head_weight(network)][1] = [features, *_equal(hidden, [network.neck.n_outputs - features])]
    return found


def _equal(part: int, axis: Parts) -> Parts:
    return [part] * (sum(axis) // part)


def _sizes(neck: Recurrent) -> tuple[int, int]:
    """Features of a frame before the first layer, and of each direction of a layer."""
    first = neck.layers[0]
    assert isinstance(first, nn.RNNBase)
    return first.input_size, first.hidden_size


def _head_weight(network: Recogniser) -> str:
    """The name of the weight that the neck's output meets first."""
    return next(
        f"head.{name}.weight" for name, module in network.head.named_children() if isinstance(module, nn.Linear)
    )


def _close_what_is_new(small: Recogniser, large: Recogniser) -> None:
    """Set weights to 0: a further block then adds nothing, the head takes nothing of a further recurrent layer."""
    known = dict(small.named_modules())
    for name, module in large.named_modules():
        if isinstance(module, Mixer) and name not in known:
            for block in (module.time, module.channels):
                block.get_parameter(f"{len(block) - 1}.weight").zero_()  # its normalisation
    match small.neck, large.neck:
        case Recurrent() as neck, Recurrent() as deeper if len(neck.layers) < len(deeper.layers):
            small.get_parameter(_head_weight(small))[:, _sizes(neck)[0] :] = 0
