"""Activations between the last layer and the loss: the values that they allow, and what that costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import inf

import torch
from torch import Tensor
from torch.nn import functional

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
_RISING: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "hardsigmoid": functional.hardsigmoid,
    "relu": torch.relu,
    "relu6": functional.relu6,
    "softplus": functional.softplus,
    "exp": torch.exp,
}
"""Those that give more for more, so that they give the ends of their range for the ends of what they are given."""
_BENDS = ("leaky_relu", "prelu", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish", "softplus", "rrelu")
_DROPS = ("dropout", "feature_dropout", "alpha_dropout")
_OF_LOGITS = ("F.cross_entropy", "F.nll_loss", "F.binary_cross_entropy_with_logits")
_OF_SHARES = ("F.binary_cross_entropy", "F.nll_loss")
_SHARES = ("sigmoid", "logsigmoid", "softmax", "log_softmax")


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
    inner: str
    """The activation that the last one is given, which takes some of them out of its reach; empty without."""


def bounded(recorded: Recorded) -> Iterator[Bounded]:
    """Give each comparison of predictions with targets of which some cannot be given. Source: D-last-activation."""
    for one in comparisons(recorded):
        (low, high), inner = _span(recorded, one.prediction)
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
            alone = BOUNDS.get(_activation(recorded, one.prediction), (-inf, inf))
            is_reached = bool(((wanted >= alone[0]) & (wanted <= alone[1])).all())
            yield Bounded(one.prediction, low, high, wanted, outside, lost, floor, inner if is_reached else "")


def _span(recorded: Recorded, source: Source) -> tuple[tuple[float, float], str]:
    """Return what an activation can give, and the one that it is given where that leaves it less than it has alone."""
    name = _activation(recorded, source)
    alone = BOUNDS.get(name, (-inf, inf))
    if source.maker is None or name not in _RISING:
        return alone, ""
    before = source_of(recorded, source.maker, 0)
    ends = _RISING[name](torch.tensor(_span(recorded, before)[0], dtype=torch.float64)).tolist()
    span = max(alone[0], ends[0]), min(alone[1], ends[1])
    return span, before.word if span != alone else ""


def _activation(recorded: Recorded, source: Source) -> str:
    """Return the bare name of an activation; `nn.ReLU6` calls one that has its bounds as arguments.

    Empty of an LSTM whose outputs are projected, for nothing bounds these.
    """
    if (
        source.word == "lstm"
        and source.maker is not None
        and any("weight_hr" in use.origin for use in source.maker.step.inputs)
    ):
        return ""
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
    """Give each dropout whose result enters a loss, as it is or as probabilities, with the share that it sets to 0."""
    wanted = reaching(recorded)
    probable = [(one, argument(one, "input", 0)) for one in recorded.named(*_OF_SHARES) if one.step.index in wanted]
    shares = [_chosen_from(recorded, source_of(recorded, one, at)) for one, at in probable if at is not None]
    behind = [source_of(recorded, one.maker, 0) for one in shares if one.maker is not None and one.word in _SHARES]
    losses = [(one, argument(one, "input", 0)) for one in recorded.named(*_OF_LOGITS) if one.step.index in wanted]
    sources = [source_of(recorded, one, at) for one, at in losses if at is not None]
    for source in (*sources, *behind, *(one.prediction for one in comparisons(recorded))):
        if source.maker is not None and any(word_of(source.maker.step.name).endswith(name) for name in _DROPS):
            zero = float((source.tensor == 0).double().mean()) if source.tensor.numel() else 0.0
            if zero:
                yield source, zero


def _chosen_from(recorded: Recorded, source: Source) -> Source:
    """Return of what a sum picks one each, by a product with noughts and ones that are not learnt; else the source."""
    if source.maker is None or source.word != "sum":
        return source
    product = source_of(recorded, source.maker, 0)
    if product.maker is None or product.word not in ("mul", "multiply") or len(product.maker.given) != 2:
        return source
    one, other = (source_of(recorded, product.maker, at) for at in (0, 1))
    if _is_choice(product.maker.given[0]):
        return other
    return one if _is_choice(product.maker.given[1]) else source


def _is_choice(tensor: Tensor) -> bool:
    return not tensor.requires_grad and bool(((tensor == 0) | (tensor == 1)).all())
