"""How signal and gradients fare through the depth: the weighted layers of a recorded pass, from input to output."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import isfinite, log10, prod
from statistics import median

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.records import Chart, CheckResult, Moments
from nbinspect.sanity.check import measured, warned
from nbinspect.sanity.evidence.passes.lineage import ancestors, roots, source_of
from nbinspect.sanity.recorded import Operation, Recorded

_WEIGHS = re.compile(
    r"(bi)?linear|conv(_transpose|_tbc)?\d?d?|r?matmul|mm|bmm|addmm|baddbmm|einsum|lstm|gru|rnn_(tanh|relu)|\w+_cell"
    r"|multi_head_attention_forward"
)
_TURNS = ("t", "mt", "h", "mh", "adjoint", "transpose", "swapaxes", "swapdims", "permute")
_DATA = ("batch", "made outside the pass")
LEAST = 4
"""Weighted layers that make a depth."""
_NEARLY_ALL = 0.75
_STEADY, _NEARLY_EVERY = 5, 0.9


@dataclass(frozen=True, eq=False)
class Layer:
    """A step that multiplies by a parameter."""

    operation: Operation
    name: str
    """Its weight: ``blocks.3.fc1.weight``."""
    weight: Tensor
    gradient: Tensor | None
    """Of the loss with respect to the weight; None where none flows or none was asked for."""
    multiplier: Tensor
    """What it multiplies by: the weight itself, or the weight laid out anew."""
    is_turned: bool
    """Whether it is laid out with rows for columns, as `weight.T`."""

    @cached_property
    def entering(self) -> float:
        """How much what it is given varies between samples."""
        inputs = (t for t in self.operation.given if t is not self.multiplier and _is_signal(t))
        return variation(next(inputs, None))

    @cached_property
    def leaving(self) -> float:
        """How much what it makes varies between samples."""
        return variation(next(filter(_is_signal, self.operation.made), None))

    @cached_property
    def arriving(self) -> float:
        """Norm of the loss's gradient with respect to what it makes; NaN where that is not known."""
        found = next((made.gradient for made in self.operation.step.outputs if made.gradient is not None), None)
        return size_of(found) if found is not None else float("nan")

    @cached_property
    def relative_gradient(self) -> float:
        """Norm of the weight's gradient over the norm of the weight; NaN where there is none, or the weight is zero."""
        if self.gradient is None or not self.gradient.numel():
            return float("nan")
        size = norm(self.weight)
        return norm(self.gradient) / size if size else float("nan")


def is_weighing(operation: Operation) -> bool:
    """Whether an operation is one of those that multiply by weights."""
    return _WEIGHS.fullmatch(word_of(operation.step.name)) is not None


def layers_of(recorded: Recorded) -> tuple[Layer, ...]:
    """Return the weighted layers in the order of the forward pass, each weight once; tensors are live."""
    held = {id(tensor) for one in recorded.operations for tensor in one.given if isinstance(tensor, torch.nn.Parameter)}
    found: dict[str, Layer] = {}
    for one in recorded.operations:
        if one.step.kind != "operation" or one.in_loss or not is_weighing(one):
            continue
        sources = [source_of(recorded, one, position) for position in range(len(one.given))]
        if all(isinstance(source.tensor, torch.nn.Parameter) for source in sources):
            continue  # weights made of weights, of which no signal comes in
        for source, multiplier in zip(sources, one.given, strict=True):
            name, weight = source.use.origin, source.tensor
            whole = id(weight) in held and weight.numel() == multiplier.numel()
            if whole and weight.dim() > 1 and weight.is_floating_point() and name not in found:
                turns = sum(word_of(step.step.name) in _TURNS for step in source.passed)
                found[name] = Layer(one, name, weight, recorded.gradients.get(name), multiplier, turns % 2 == 1)
    return tuple(found.values())


def is_fed(recorded: Recorded, layer: Layer) -> bool:
    """Whether a layer is given anything but weights, as one on learnt queries is not."""
    one = layer.operation
    names = (name for at in range(len(one.given)) for name in roots(recorded, one, at))
    return any(name.startswith(_DATA) for name in names)


def relative_gradients(recorded: Recorded) -> list[Layer]:
    """Return the weighted layers that have a gradient; behind one that begins at zero there is none at first."""
    return [layer for layer in layers_of(recorded) if 0 < layer.relative_gradient < float("inf")]


def steepest(shares: Sequence[float]) -> int:
    """Return the layer before the head that loses most."""
    falls = [after / before if before else 1.0 for before, after in pairwise(shares[:-1])]
    return 1 + falls.index(min(falls)) if falls else 0


def compounded(layers: Sequence[Layer], gain: float) -> tuple[int, float]:
    """Return the layer that leaves the signal largest for another, and its growth until there; 1 where few amplify it.

    Measured is what enters layers: a norm before them, or a bounded activation, takes the growth back, and the growth
    of shortcuts is not that of the layers.

    Args:
        layers: all of a network, from input to output.
        gain: above which a layer amplifies.
    """
    known = [layer for layer in layers if layer.entering > 0]
    if len(known) < LEAST:
        return 0, 1.0
    deepest = max(range(len(known)), key=lambda at: known[at].entering)
    loud = sum(layer.leaving > gain * layer.entering for layer in known[:deepest])
    if not deepest or loud < _NEARLY_ALL * deepest:
        return 0, 1.0
    return layers.index(known[deepest - 1]), known[deepest].entering / known[0].entering


def is_muffled(layers: Sequence[Layer], gain: float) -> bool:
    """Whether nearly every one of four layers or more before the head leaves less than this share of what enters it."""
    known = [layer for layer in layers[:-1] if layer.entering > 0]
    quiet = sum(layer.leaving < gain * layer.entering for layer in known)
    return len(known) >= LEAST and quiet >= _NEARLY_EVERY * len(known)


def left_in_last(recorded: Recorded, layers: Sequence[Layer], entry: float) -> float:
    """Return the share of the variation at the input that the last layers before the head still have.

    A norm on the way sets the scale anew; what varies by about 1 behind it has lost nothing, however large the input.
    """
    tail = layers[:-1][-max(2, (len(layers) - 1) // 4) :]
    known = [max(layer.leaving, layer.entering) for layer in tail if isfinite(layer.entering)]
    return max(known) / (min(1.0, entry) if is_normed(recorded, tail[-1]) else entry) if known else 1.0


def is_normed(recorded: Recorded, layer: Layer) -> bool:
    """Whether a norm stands somewhere before a layer."""
    return any("norm" in word_of(one.step.name) for one in ancestors(recorded, layer.operation))


def kept_by_weights(layers: Sequence[Layer]) -> float:
    """Return what of the signal would be left if nothing but the layers before the head, one after another, took it.

    Of layers beside each other, which are given the same, the one that leaves most of it counts.
    """
    known = [layer for layer in layers[:-1] if layer.entering > 0]
    return prod(_beside(known, lambda layer: min(1.0, layer.leaving / layer.entering)))


def _beside(layers: Iterable[Layer], measure: Callable[[Layer], float]) -> list[float]:
    """Return the largest of a measure for each group of layers beside each other, which are given the same."""
    most: dict[int, float] = {}
    for layer in layers:
        given = next((id(t) for t in layer.operation.given if t is not layer.multiplier and _is_signal(t)), id(layer))
        most[given] = max(most.get(given, 0.0), measure(layer))
    return list(most.values())


def faded(layers: Sequence[Layer]) -> tuple[float, bool]:
    """Return what share of the relative gradient of the last layers the first ones get, and whether nearly all take it.

    Without a depth to lose it in the share is 1. Of layers beside each other the one with the largest counts: queries
    and keys have next to none while attention is even, beside values that have it.

    Args:
        layers: those that have a gradient, the head too. One that begins near zero scales the gradients of all layers
            before it alike, and its own not.
    """
    if len(layers) < LEAST:
        return 1.0, False
    values = _beside(layers[:-1], lambda layer: layer.relative_gradient)
    first, last = ends(values)
    return max(first) / min(last), is_steady(values)


def between(layers: list[Layer], left: float, least: float) -> CheckResult:
    """Warn of what stands between layers that keep the scale; other weights would not heal it."""
    return warned(
        f"signal shrinks to {magnitude(left)} of the input's between the layers",
        measured("variation between samples, of that at the input", left, f"above {least:g}"),
        measured("the same if the weights alone took it", kept_by_weights(layers), f"above {least:g}"),
        title="What stands between the layers shrinks the signal",
        detail=f"The weights of {len(layers)} layers keep the scale, the activations between them do not.",
        remedy="Use ReLU or GELU with He's initialisation instead of sigmoids, or normalise between the layers.",
    )


def variation(tensor: Tensor | None) -> float:
    """Return the root of the mean variance along the first axis, that of the samples; NaN where there is none."""
    if tensor is None or not tensor.is_floating_point() or tensor.dim() < 2 or tensor.shape[0] < 2:
        return float("nan")
    with torch.no_grad(), torch._C.DisableTorchFunction():
        values = tensor.detach().to(torch.float64)
        return float(values.var(0, unbiased=False).mean().sqrt()) if values.numel() else float("nan")


def norm(tensor: Tensor) -> float:
    """Return the norm of a dense or sparse tensor, safe from overflow and underflow of its type."""
    values = tensor.detach()
    values = values.coalesce().values() if values.is_sparse else values
    return float(torch.linalg.vector_norm(values.to(torch.float64)))


def size_of(moments: Moments) -> float:
    """Return the norm of values by their moments; NaN where some are not finite."""
    if moments.nan or moments.inf:
        return float("nan")
    return float((moments.count * (moments.mean**2 + moments.std**2)) ** 0.5)


def multiplied(layers: Sequence[Layer], step: float) -> tuple[float, float]:
    """Return how many times the gradient at the last layers arrives at the first, and the growth over one layer.

    Both are 1 where few layers make it grow.

    Args:
        layers: all of a network, from input to output.
        step: growth over a layer, above which it counts.
    """
    values = [layer.arriving for layer in layers if layer.arriving > 0]
    loud = sum(before > step * after for before, after in pairwise(values))
    if len(values) < LEAST or loud < _NEARLY_ALL * (len(values) - 1):
        return 1.0, 1.0
    first, last = ends(values)
    factor = min(first) / max(last)
    return factor, factor ** (1 / (len(values) - len(first) - len(last) + 1))


def is_steady(values: Sequence[float]) -> bool:
    """Whether nearly every value along a depth of five or more is less than the next."""
    rises = sum(before < after for before, after in pairwise(values))
    return len(values) >= _STEADY and rises >= _NEARLY_EVERY * (len(values) - 1)


def grown_steadily(values: Sequence[float]) -> float:
    """Return what a depth multiplies up to, from its last value to its first; 1 where not nearly every layer does.

    The median layer counts, as often as there are layers, and no more than lies between the ends. The quarters of
    a deep network, compared as a whole, would leave half of its growth out.
    """
    if not is_steady(values[::-1]):
        return 1.0
    first, last = ends(values)
    each = median(before / after for before, after in pairwise(values))
    return float(min(each ** (len(values) - 1), max(first) / min(last)))


def ends(values: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
    """Return the first and the last quarter of what was measured along the depth."""
    quarter = max(1, len(values) // 4)
    return values[:quarter], values[-quarter:]


def through_depth(title: str, quantity: str, names: Sequence[str], values: Sequence[float]) -> Chart:
    """Return bars, one a layer from input to output, on a logarithmic axis."""
    return Chart(
        kind="bars",
        title=title,
        x="weighted layer, from input to output",
        y=quantity,
        names=tuple(names),
        values=(np.asarray(values, dtype=np.float64),),
        at=np.zeros(0),
        log=True,
    )


def magnitude(value: float) -> str:
    """Return a factor in words of magnitude: ``10^-7.2``."""
    return f"10^{log10(value):.1f}" if value > 0 and isfinite(value) else f"{value:g}"


def _is_signal(tensor: Tensor) -> bool:
    return tensor.is_floating_point() and tensor.dim() > 1 and not isinstance(tensor, torch.nn.Parameter)
