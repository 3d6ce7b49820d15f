"""Whether units of a layer, or whole layers, are alike, and whether gradient steps part them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.layers.depth import Layer, norm
from nbinspect.sanity.program import Program

_GATES = {"lstm": 4, "gru": 3, "lstm_cell": 4, "gru_cell": 3, "multi_head_attention_forward": 3}
_PRODUCTS = ("matmul", "mm", "addmm", "baddbmm")
_MOST, _LEAST_TWIN = 0.5, 16
# of the largest gradient: logits of units alike give them gradients that cancel, and what is left is no direction
_ROUNDING = 1e-6


def is_symmetric(layer: Layer) -> bool:
    """Whether all units of a layer have the very same weights; within each gate of a recurrent one."""
    return all(len(rows) > 1 and bool((rows == rows[:1]).all()) for rows in _units(layer.weight, layer))


def has_doubles(layer: Layer) -> bool:
    """Whether most units of a layer have a double: another unit with the very same weights, other than zero."""
    return sum(map(len, _doubles(layer))) >= _MOST * count_of(layer)


def _doubles(layer: Layer) -> list[list[int]]:
    """Return the groups of units with the very same weights, two or more each."""
    found: dict[bytes, list[int]] = defaultdict(list)
    rows = _by_unit(layer.weight, layer).float().cpu()
    for at, row in enumerate(rows):
        if bool(row.any()):
            found[row.numpy().tobytes()].append(at)
    return [group for group in found.values() if len(group) > 1]


def parting(change: Tensor, layer: Layer) -> float:
    """Return how far doubles part, in the size of their change; infinite where none of them moves."""
    rows = _by_unit(change, layer)
    moved = [rows[group] for group in _doubles(layer) if bool(rows[group].any())]
    size = max((float(one.abs().max()) for one in moved), default=0.0)
    return max(float((one - one[:1]).abs().max()) for one in moved) / size if size else float("inf")


def twins_among(layers: Sequence[Layer]) -> list[tuple[Layer, Layer]]:
    """Return pairs of layers that begin with the very same weights, though these are not shared and not constant."""
    first: dict[tuple[object, ...], Layer] = {}
    found = []
    for layer in layers:
        weight = layer.weight.detach()
        if weight.numel() < _LEAST_TWIN or bool((weight == weight.reshape(-1)[0]).all()):
            continue
        key = (tuple(weight.shape), weight.float().cpu().contiguous().numpy().tobytes())
        twin = first.setdefault(key, layer)
        if twin is not layer and twin.weight is not layer.weight:
            found.append((twin, layer))
    return found


def is_same_way(one: Tensor, other: Tensor, alike: float) -> bool:
    """Whether two layers have changed alike, up to a share of the size of the change."""
    size = float(one.abs().max())
    return size > 0 and float((one - other).abs().max()) < alike * size


def count_of(layer: Layer) -> int:
    """Return how many units a layer has."""
    return len(_by_unit(layer.weight, layer))


def _by_unit(weight: Tensor, layer: Layer) -> Tensor:
    """Return (units, weights of each); a factor on the right and a transposed convolution have them in columns."""
    word, rows = word_of(layer.operation.step.name), weight.detach()
    on_the_right = word in _PRODUCTS and layer.operation.given[0] is not layer.multiplier
    if (rows.dim() == 2 and on_the_right != layer.is_turned) or word.startswith("conv_transpose"):
        rows = rows.transpose(0, 1)
    return rows.reshape(len(rows), -1) if len(rows) else rows.new_zeros(1, 1)


def _units(weight: Tensor, layer: Layer) -> Iterator[Tensor]:
    """Give (units, weights of each) of every gate that a weight holds."""
    gates = _GATES.get(word_of(layer.operation.step.name), 1)
    rows = _by_unit(weight, layer)
    if gates == 1:
        yield rows
        return
    rows = weight.detach().reshape(len(weight), -1) if len(weight) else weight.new_zeros(1, 1)
    yield from rows.chunk(gates) if len(rows) % gates == 0 else [rows]


def spread(change: Tensor, layer: Layer) -> float:
    """Return how far units part, in the size of their change."""
    size = float(change.abs().max())
    return max(float((rows - rows[:1]).abs().max()) for rows in _units(change, layer)) / size if size else 0.0


def changes_of(
    program: Program, batch: Batch, names: list[str], steps: int, drawn: Sequence[str] = (), *, first: bool = False
) -> dict[str, Tensor]:
    """Return how each weight changes over gradient steps on a copy; every tensor moves by a hundredth of its size.

    Args:
        program: left unchanged.
        batch: of which 8 samples are taken.
        names: of the weights.
        steps: gradient steps.
        drawn: names of those that begin at random on the copy, with a spread of the size of their values.
        first: whether to take the first sample in place of each.
    """
    copy = program.copied()
    _draw([copy.parameters[name] for name in drawn])
    few = batch.taken([0 if first else at for at in range(min(8, batch.size))])
    wanted = {name: parameter for name, parameter in copy.parameters.items() if parameter.requires_grad}
    before = {name: wanted[name].detach().clone() for name in names}
    for _ in range(steps):
        with copy.running(gradients=True):
            loss = copy.scalar_loss(copy.outputs(few), few)
            gradients = copy.gradients(loss, list(wanted.values()), few)
        moving = {name: gradient for name, gradient in zip(wanted, gradients, strict=True) if gradient is not None}
        rounding = _ROUNDING * max(map(norm, moving.values()), default=0.0)
        with torch.no_grad():
            for name, gradient in moving.items():
                if norm(gradient) > rounding:
                    dense = gradient.to_dense() if gradient.is_sparse else gradient
                    size = 0.01 * wanted[name].square().mean().sqrt().clamp_min(0.1)
                    wanted[name].sub_(size * dense / dense.square().mean().sqrt())
    return {name: wanted[name].detach() - before[name] for name in names}


def _draw(parameters: Sequence[Tensor]) -> None:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parameters:
            noise = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.add_(noise * parameter.square().mean().sqrt().clamp_min(0.1))
