"""Whether the units of a layer are all alike, and whether gradient steps part them."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.evidence.depth import Layer, norm
from nbinspect.sanity.program import Program

_GATES = {"lstm": 4, "gru": 3, "lstm_cell": 4, "gru_cell": 3, "multi_head_attention_forward": 3}


def is_symmetric(layer: Layer) -> bool:
    """Whether all units of a layer have the very same weights; within each gate of a recurrent one."""
    return all(len(rows) > 1 and bool((rows == rows[:1]).all()) for rows in _units(layer.weight, layer))


def _units(weight: Tensor, layer: Layer) -> Iterator[Tensor]:
    """Give (units, weights of each) of every gate that a weight holds."""
    gates = _GATES.get(word_of(layer.operation.step.name), 1)
    rows = weight.detach().reshape(len(weight), -1) if len(weight) else weight.new_zeros(1, 1)
    yield from rows.chunk(gates) if len(rows) % gates == 0 else [rows]


def spread(change: Tensor, layer: Layer) -> float:
    """Return how far units part, in the size of their change."""
    size = float(change.abs().max())
    return max(float((rows - rows[:1]).abs().max()) for rows in _units(change, layer)) / size if size else 0.0


def changes_of(program: Program, batch: Batch, names: list[str], steps: int) -> dict[str, Tensor]:
    """Return how each weight changes over gradient steps on a copy; every tensor moves by a hundredth of its size."""
    copy = program.copied()
    few = batch.taken(range(min(8, batch.size)))
    wanted = {name: parameter for name, parameter in copy.parameters.items() if parameter.requires_grad}
    before = {name: wanted[name].detach().clone() for name in names}
    for _ in range(steps):
        with copy.running(gradients=True):
            loss = copy.scalar_loss(copy.outputs(few), few)
            gradients = copy.gradients(loss, list(wanted.values()), few)
        with torch.no_grad():
            for parameter, gradient in zip(wanted.values(), gradients, strict=True):
                if gradient is not None and norm(gradient):
                    dense = gradient.to_dense() if gradient.is_sparse else gradient
                    size = 0.01 * parameter.square().mean().sqrt().clamp_min(0.1)
                    parameter.sub_(size * dense / dense.square().mean().sqrt())
    return {name: wanted[name].detach() - before[name] for name in names}
