"""Losses that fall without end whichever way an output goes: they have a highest value there, and no lowest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from math import isfinite
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.evidence.losses.losses import is_layer
from nbinspect.sanity.evidence.passes.lineage import roots, source_of_output
from nbinspect.sanity.recorded import Recorded

_LINES, _NEAR, _FAR = 4, 10.0, 100.0
_COLUMNS = 8
_GROWS, _CLEAR, _SAME, _FEW = 5.0, 1e-3, 1e-3, 3
_BOUNDED = (
    *("tanh", "sigmoid", "softmax", "normalize", "hardtanh", "clamp", "hardsigmoid", "cos", "sin"),
    *("layer_norm", "batch_norm", "instance_norm", "group_norm", "rms_norm"),
)

Loss = Callable[[Any], float]


@dataclass(frozen=True)
class Sinking:
    """An output in which a loss is concave, and has no lowest value."""

    name: str
    now: float
    far: float
    """The highest loss with the output moved far off, in any direction."""


def sinking(recorded: Recorded, loss: Loss, seed: int, *, sees_targets: Callable[[], bool]) -> Sinking | None:
    """Return an output from which the loss falls in every direction, ever further; None where there is none.

    So does the negative of any loss that has a best value, as that of a squared error, a divergence or a likelihood.
    A density that is floorless, a critic's product, or the distance from another output that is to be far does not, or
    hangs on the other outputs. Outputs that the network itself holds within bounds are left out, and so are all where
    one of them is a parameter, or made of parameters alone: by that the others may be held.

    Args:
        recorded: the pass, with the network's outputs.
        loss: of other outputs.
        seed: of the directions.
        sees_targets: whether it is another with the targets exchanged, without which one of a single output is none.
    """
    outputs = recorded.outputs
    floats = [(name, one) for name, one in tensors_in(outputs, "output") if one.is_floating_point() and one.dim()]
    try:
        if any(_is_of_parameters(recorded, one) for _, one in floats):
            return None
        now = loss(outputs)
        for name, one in floats if isfinite(now) else ():
            found = None if _is_bounded(recorded, one) else _line_search(outputs, one, loss, now, seed)
            if found is not None and (len(floats) > 1 or sees_targets()):
                return Sinking(name, now, found)
    except MissingNeed:
        raise
    except Exception:  # noqa: BLE001 - the user's loss may want the outputs of its own network
        return None
    return None


def with_turned_weights(recorded: Recorded) -> Iterator[Recorded]:
    """Give the pass with other targets: those below 0, a column each, with the other sign.

    A weight below 0, as what an action was worth, turns a loss that is right over; no label that is compared does.
    """
    for _, own in tensors_in(recorded.batch.parts.targets, ""):
        columns = range(own.shape[-1]) if own.dim() > 1 and own.shape[-1] <= _COLUMNS else [...]
        for at in columns if own.is_floating_point() else ():
            if bool((own[..., at] < 0).any()):
                yield replace(recorded, batch=recorded.batch.changed(partial(_turned, own, at)))


def _turned(own: Tensor, at: Any, tensor: Tensor) -> Tensor:
    if tensor is not own:
        return tensor
    turned = own.clone()
    turned[..., at].neg_()
    return turned


def _line_search(outputs: Any, one: Tensor, loss: Loss, now: float, seed: int) -> float | None:
    """Return the highest loss far off; None where the loss does not fall on both sides of every line."""
    generator = torch.Generator().manual_seed(seed)
    size = max(1.0, float(one.detach().double().std(unbiased=False)))
    ends: list[float] = []

    def at(way: Tensor, by: float, others: Any = outputs) -> float:
        return loss(map_tensors(lambda own: own.detach() + by * way if own is one else own.detach(), others))

    for _ in range(_LINES):
        way = size * torch.randn(one.shape, generator=generator).to(one)
        near, far = ([at(way, -by) - now, at(way, by) - now] for by in (_NEAR, _FAR))
        least = _CLEAR * max(abs(now), 1.0)
        if not all(map(isfinite, (*near, *far))) or max(near) > -least or max(far) > _GROWS * min(max(near), 0.0):
            return None
        ends += [now + value for value in far]
    every = torch.full_like(one.detach(), size)
    if max(at(every, -_FAR), at(every, _FAR)) > now + _CLEAR * max(abs(now), 1.0):
        return None  # it rises to an end where all outputs go one way, as that of a generator does
    return max(ends) if _stands_alone(outputs, one, every, loss, generator) else None


def _stands_alone(outputs: Any, one: Tensor, way: Tensor, loss: Loss, generator: torch.Generator) -> bool:
    """Whether what the output adds to the loss is the same whatever the other outputs are."""
    tensors = [own for _, own in tensors_in(outputs, "") if own.is_floating_point() and own is not one]
    if not tensors:
        return True
    moved = {id(own): own.detach() + torch.randn(own.shape, generator=generator).to(own) for own in tensors}
    step = way * torch.randn(one.shape, generator=generator).to(one)

    def given(other: bool, stepped: bool) -> float:
        def change(own: Tensor) -> Tensor:
            if own is one:
                return own.detach() + step if stepped else own.detach()
            return moved.get(id(own), own.detach()) if other else own.detach()

        return loss(map_tensors(change, outputs))

    here, there = (given(other, True) - given(other, False) for other in (False, True))
    return abs(here - there) <= _SAME * max(abs(here), 1.0) and here != 0


def _is_of_parameters(recorded: Recorded, one: Tensor) -> bool:
    maker = recorded.maker(one)
    if maker is None:
        return one.requires_grad
    names = {name for at in range(len(maker.given)) for name in roots(recorded, maker, at)}
    return bool(names) and not any(name.startswith("batch") for name in names)


def _is_bounded(recorded: Recorded, one: Tensor) -> bool:
    values = one.detach().double()
    source = source_of_output(recorded, one)
    if source is not None and source.word in _BOUNDED:
        return True
    if not bool(values.isfinite().all()) or values.numel() < 2:
        return True
    if bool(((values >= 0) & (values <= 1)).all()) and not (source is not None and is_layer(recorded, source)):
        return True
    rows = values.reshape(len(values), -1)
    spreads = rows.std(0)
    if len(rows) > _FEW and _is_same(spreads) and float(rows.mean(0).abs().max()) < _SAME * float(spreads.mean()):
        return True  # of standardised columns
    norms = rows.norm(dim=1)
    return values.dim() > 1 and values.shape[1] > 1 and _is_same(norms)


def _is_same(values: Tensor) -> bool:
    return float(values.std(unbiased=False) / values.mean().clamp_min(1e-12)) < _SAME


def of_sinking(found: Sinking) -> CheckResult:
    """Tell of a loss that falls in every direction of an output."""
    return failed(
        "the loss falls without end, whichever way the outputs go",
        measured(f"loss with {found.name} moved far off, at most", found.far, f"above {found.now:.4g}, as it is"),
        title="The loss points the wrong way",
        detail=f"From where {found.name} is, the loss falls along every line, and ever further: it has no lowest "
        "value, but a highest one. That is how the negative of a loss, or of a term of it, looks.",
        remedy="Multiply it by -1, or the term that this output enters.",
        where="loss_fn",
        confirmed=True,
    )
