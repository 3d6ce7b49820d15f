"""Whether a network learns nothing as it was drawn, and at once where each layer keeps the scale of the signal."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice

import torch

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, failed, measured
from nbinspect.sanity.evidence.layers.depth import Layer, magnitude
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.comparison import Losses, chart_of, losses_of
from nbinspect.sanity.trials.running.trainee import Trainee

_STEPS, _BATCHES = 60, 20
_STUCK, _LEARNT = 0.92, 0.6
"""Of the loss at the start: what is left at least of one that does not learn, and at most of one that does."""
_TIMES = 10.0


def revived(program: Program, layers: Sequence[Layer], left: float) -> CheckResult | None:
    """Train a copy as it is, and where that does not move, another whose layers keep the scale; None unless it learns.

    Args:
        program: left unchanged; its steps are counted.
        layers: all of the network, from input to output; the weights of all but the last are scaled.
        left: of the variation at the input, what the last ones still have.
    """
    batches = list[Batch]()
    with suppress(MissingNeed), reading(program.subject, program.subject.loader, program.limits) as source:
        batches += islice(source, _BATCHES)
    own = losses_of(program, batches, _STEPS) if batches else None
    if own is None or len(own) < _STEPS or not _at_end(own) > _STUCK * _at_start(own) > 0:
        return None
    factors = {one.name: _factor(one) for one in layers[:-1]}

    def scale(trainee: Trainee) -> None:
        with torch.no_grad():
            for name, factor in factors.items():
                if name in trainee.program.parameters:
                    trainee.program.parameters[name].mul_(factor)

    other = losses_of(program, batches, _STEPS, before=scale)
    if other is None or len(other) < _STEPS or not _at_end(other) < _LEARNT * _at_start(own):
        return None
    worst = max(layers[:-1], key=_factor)
    return failed(
        f"signal shrinks to {magnitude(left)} of the input's, and nothing is learnt with it",
        measured("variation between samples in the last layers, of that at the input", left, "about 1"),
        measured(
            f"loss after {_STEPS} steps as it is", _at_end(own), f"{_at_end(other):.3g} where layers keep the scale"
        ),
        measured(f"times that {worst.name} is too small to keep the scale", _factor(worst), "1"),
        title="The signal shrinks through the depth",
        detail=f"Through {len(layers)} weighted layers the differences between samples come to {magnitude(left)} of "
        f"those at the input. The loss stays at {_at_end(own):.3g} for {_STEPS} steps; with weights scaled so that "
        f"each layer keeps the signal it comes to {_at_end(other):.3g}.",
        remedy="Initialise by xavier_normal_ for tanh, kaiming_normal_ for ReLU, or normalise between the layers; "
        "the default of PyTorch's layers is smaller, and too small for such a depth.",
        where=worst.name,
        place=worst.operation.step.place,
        code="+ for weight in (p for p in model.parameters() if p.dim() > 1):\n+     nn.init.xavier_normal_(weight)",
        charts=chart_of("Loss", {"as it is": own, "layers that keep the scale": other}),
        confirmed=True,
    )


def _factor(layer: Layer) -> float:
    """Return what a layer's weights are multiplied by, so that it leaves what enters it."""
    known = layer.entering > 0 and layer.leaving > 0
    return min(_TIMES, max(1.0, layer.entering / layer.leaving)) if known else 1.0


def _at_start(losses: Losses) -> float:
    return sum(losses[:5]) / 5


def _at_end(losses: Losses) -> float:
    return sum(losses[-10:]) / 10
