"""Whether a network learns nothing as it was drawn, and at once where each layer keeps the scale of the signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice, pairwise
from statistics import median

import torch

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, failed, measured
from nbinspect.sanity.evidence.layers.depth import Layer, magnitude, variation
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output
from nbinspect.sanity.trials.running.comparison import Losses, chart_of, losses_of
from nbinspect.sanity.trials.running.trainee import Trainee

_STEPS, _LONGER, _BATCHES = 60, 120, 20
"""Of two short runs, of a longer one as it is, for some begin to learn late; and how many batches they take in turn."""
_STUCK, _LEARNT = 0.92, 0.6
"""Of the loss at the start: what is left at least of one that does not learn, and at most of one that does."""
_GROWN = 5.0
"""How many times as far apart the outputs of samples are from where on they are learnt to be, though the loss shows
none of it yet."""
_TIMES, _RECTIFIED, _BENT = 10.0, 2.0, 1.2
"""What weights are multiplied by at most; how many times less varies behind a rectifier at most, for a sigmoid takes
four times and more; and from where on so much is taken between layers that they are no tanh near zero."""


def revived(program: Program, layers: Sequence[Layer], left: float) -> CheckResult | None:
    """Train a copy as it is, and where that does not move, another whose layers keep the scale; None unless it learns.

    None, too, where the first one begins to learn in a longer run, or its outputs come apart in it.

    Args:
        program: left unchanged; its steps are counted.
        layers: all of the network, from input to output; the weights of all but the last are scaled.
        left: of the variation at the input, what the last ones still have.
    """
    batches = list[Batch]()
    with suppress(MissingNeed), reading(program.subject, program.subject.loader, program.limits) as source:
        batches += islice(source, _BATCHES)
    own = losses_of(program, batches, _STEPS) if batches else None
    if own is None or not _is_stuck(own, _STEPS):
        return None
    taken = [_taken(before, one) for before, one in pairwise((None, *layers[:-1])) if one is not None]
    factors = {one.name: _factor(one, times) for one, times in zip(layers[:-1], taken, strict=True)}

    def scale(trainee: Trainee) -> None:
        with torch.no_grad():
            for name, factor in factors.items():
                if name in trainee.program.parameters:
                    trainee.program.parameters[name].mul_(factor)

    other = losses_of(program, batches, _STEPS, before=scale)
    if other is None or len(other) < _STEPS or not _at_end(other) < _LEARNT * _at_start(own):
        return None
    apart = list[float]()

    @contextmanager
    def measured_apart(trainee: Trainee) -> Iterator[None]:
        apart.append(_apart(trainee, batches[0]))
        yield
        apart.append(_apart(trainee, batches[0]))

    own = losses_of(program, batches, _LONGER, around=measured_apart)
    if own is None or not _is_stuck(own, _LONGER) or apart[1] > _GROWN * apart[0]:
        return None
    worst = max(layers[:-1], key=lambda one: factors[one.name])
    rule = "kaiming_normal_" if median(taken) > _BENT else "xavier_normal_"
    return failed(
        f"signal shrinks to {magnitude(left)} of the input's, and {_LONGER} steps learn nothing with it",
        measured("variation between samples in the last layers, of that at the input", left, "about 1"),
        measured(
            f"loss after {_LONGER} steps as it is",
            _at_end(own),
            f"{_at_end(other):.3g} after {_STEPS} where layers keep the scale",
        ),
        measured(f"times that {worst.name} is too small to keep the scale", factors[worst.name], "1"),
        title="The signal shrinks through the depth",
        detail=f"Through {len(layers)} weighted layers the differences between samples come to {magnitude(left)} of "
        f"those at the input. The loss stays at {_at_end(own):.3g} for {_LONGER} steps; with weights scaled so that "
        f"each layer keeps the signal it comes to {_at_end(other):.3g} in {_STEPS}.",
        remedy="Initialise by xavier_normal_ for tanh, kaiming_normal_ for ReLU, or normalise between the layers; "
        "the default of PyTorch's layers is smaller, and too small for such a depth.",
        where=worst.name,
        place=worst.operation.step.place,
        code=f"+ for weight in (p for p in model.parameters() if p.dim() > 1):\n+     nn.init.{rule}(weight)",
        charts=chart_of("Loss", {"as it is": own, "layers that keep the scale": other}),
        confirmed=True,
    )


def _taken(before: Layer | None, layer: Layer) -> float:
    """Return how many times less varies in what enters a layer than the one before has left, as behind a rectifier."""
    times = before.leaving / layer.entering if before is not None and layer.entering > 0 else 1.0
    return times if 1.0 < times < _RECTIFIED else 1.0


def _factor(layer: Layer, times: float) -> float:
    """Return what a layer's weights are multiplied by, so that it leaves so many times what enters it."""
    known = layer.entering > 0 and layer.leaving > 0
    return min(_TIMES, max(1.0, times * layer.entering / layer.leaving)) if known else 1.0


def _apart(trainee: Trainee, batch: Batch) -> float:
    """Return how far apart the outputs of samples are in eval mode; NaN where that cannot be told."""
    try:
        with trainee.program.running(training=False):
            return variation(tensor_output(trainee.program.outputs(batch)))
    except Exception:  # noqa: BLE001 - the user's own step may call the model in its own way
        return float("nan")


def _is_stuck(losses: Losses, steps: int) -> bool:
    """Whether a run went to its end, and most of the loss is left."""
    return len(losses) == steps and _at_end(losses) > _STUCK * _at_start(losses) > 0


def _at_start(losses: Losses) -> float:
    return sum(losses[:5]) / 5


def _at_end(losses: Losses) -> float:
    return sum(losses[-10:]) / 10
