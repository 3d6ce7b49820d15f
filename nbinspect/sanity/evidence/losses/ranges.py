"""Activations between the last layer and the loss: the values that they allow, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.losses.comparisons import comparisons
from nbinspect.sanity.evidence.losses.losses import class_axis_size
from nbinspect.sanity.evidence.passes.lineage import Source, argument, reaching, source_of
from nbinspect.sanity.recorded import Operation, Recorded

BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("relu", "softplus", "exp", "abs", "square"), (0.0, inf)),
    **dict.fromkeys(("sigmoid", "hardsigmoid", "softmax"), (0.0, 1.0)),
    **dict.fromkeys(("tanh", "softsign", "sin", "cos", "lstm", "gru", "rnn_tanh"), (-1.0, 1.0)),
    "relu6": (0.0, 6.0),
    "silu": (-0.2785, inf),
    "gelu": (-0.17, inf),
    "hardswish": (-0.375, inf),
}
"""What activations, by their bare names, can give."""
_BENDS = ("leaky_relu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish", "softplus", "rrelu")
_DROPS = ("dropout", "feature_dropout", "alpha_dropout")
_OF_LOGITS = ("F.cross_entropy", "F.nll_loss", "F.binary_cross_entropy_with_logits")


@dataclass(frozen=True, eq=False)
class Bounded:
    """Predictions whose last activation cannot give all of the targets."""

    source: Source
    low: float
    high: float
    wanted: Tensor
    """The targets, detached, double, flat."""
    outside: float
    """Share of the targets that the activation cannot give."""
    lost: float
    """Mean squared distance of the targets to the range, as a share of their variance."""
    floor: float
    """That distance itself, which is the lowest squared error."""


def bounded(recorded: Recorded) -> Iterator[Bounded]:
    """Give each comparison of predictions with targets of which some cannot be given. Source: D-last-activation."""
    for one in comparisons(recorded):
        low, high = BOUNDS.get(_activation(recorded, one.prediction), (-inf, inf))
        predicted, wanted = one.predicted, one.wanted.double().flatten()
        wanted = wanted[wanted.isfinite()]
        # an activation with parameters of its own may reach further than its name says
        if wanted.numel() == 0 or not bool(((predicted >= low - 1e-4) & (predicted <= high + 1e-4)).all()):
            continue
        distance = wanted - wanted.clamp(low, high)
        floor, variance = float(distance.square().mean()), float(wanted.var(correction=0))
        slack = 1e-2 * max(variance**0.5, 1e-6)
        outside = float((distance.abs() > slack).double().mean())
        if outside:
            lost = floor / variance if variance else inf
            yield Bounded(one.prediction, low, high, wanted, outside, lost, floor)


def _activation(recorded: Recorded, source: Source) -> str:
    """Return the bare name of an activation; `nn.ReLU6` calls one that has its bounds as arguments."""
    parent = source.maker.step.parent if source.maker is not None else None
    module = recorded.by_index[parent].step.name if parent is not None else ""
    return "relu6" if source.word == "hardtanh" and module == "ReLU6" else source.word


@dataclass(frozen=True, eq=False)
class Bent:
    """Logits that passed through an activation before the loss that takes them."""

    source: Source
    loss: Operation
    certain: bool
    floor: float | None
    """The lowest loss that is left; None where there is no bound."""


def bent(recorded: Recorded) -> Iterator[Bent]:
    """Give each loss of logits that is given them through an activation; probabilities are no matter of this."""
    wanted = reaching(recorded)
    for loss in recorded.named(*_OF_LOGITS):
        at = argument(loss, "input", 0)
        if loss.step.index not in wanted or at is None:
            continue
        source = source_of(recorded, loss, at)
        if loss.step.name == "F.nll_loss" and source.maker is not None and source.word == "log_softmax":
            source = source_of(recorded, source.maker, 0)
        if source.word in ("relu", "relu6", "tanh", "softsign"):
            yield Bent(source, loss, certain=True, floor=_floor(loss, source, loss.given[at]))
        elif source.word in _BENDS:
            yield Bent(source, loss, certain=False, floor=None)


def _floor(loss: Operation, source: Source, logits: Tensor) -> float | None:
    if source.word not in ("tanh", "softsign"):
        return None
    if loss.step.name == "F.binary_cross_entropy_with_logits":
        return math.log1p(math.exp(-1))
    return math.log1p((class_axis_size(logits) - 1) * math.exp(-2))


def dropped(recorded: Recorded) -> Iterator[tuple[Source, float]]:
    """Give each dropout whose result enters a loss as it is, with the share of values that it sets to zero."""
    wanted = reaching(recorded)
    losses = [(one, argument(one, "input", 0)) for one in recorded.named(*_OF_LOGITS) if one.step.index in wanted]
    sources = [source_of(recorded, one, at) for one, at in losses if at is not None]
    for source in (*sources, *(one.prediction for one in comparisons(recorded))):
        if source.maker is not None and any(word_of(source.maker.step.name).endswith(name) for name in _DROPS):
            zero = float((source.tensor == 0).double().mean()) if source.tensor.numel() else 0.0
            if zero:
                yield source, zero
