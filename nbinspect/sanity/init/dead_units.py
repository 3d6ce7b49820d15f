"""`dead-units`: are most units of a layer zero on every sample?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.records import Chart, CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.layers.activations import rectified
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.recorded import Recorded


def run(
    recordings: tuple[Recorded, ...],
    *,
    share: float = 0.75,
    certain: float = 4,
    places: int = 16,
    many: int = 64,
    chance: float = 0.125,
    awake: float = 0.1,
) -> CheckResult:
    """Count the units of each rectified layer that are zero on every sample of every batch.

    Args:
        recordings: passes over several batches.
        share: of a layer's units that must be dead.
        certain: standard deviations above half of the units, which random weights may silence.
        places: samples and positions that each unit must have been seen at.
        many: the same for a small layer, all of it dead, with every weight before it: nothing can wake it again.
        chance: of such a layer, where each unit is dead with one half; with more, random weights may have made it.
        awake: share of them at which living units live; below it they are sparse, and more batches might wake others.
    """
    layers = [one for one in rectified(recordings) if one.places >= places]
    if not layers:
        return passed("no layer that may silence a unit")
    sick = [one for one in layers if one.share >= share and not one.awake < awake]
    worst = max(sick or layers, key=lambda one: (one.share, one.deviations))
    chart = Chart(
        "bars", "Dead units", "rectified layer, from input to output", "share of units",
        tuple(where_of(one.operation) for one in layers), (np.array([one.share for one in layers]),), np.zeros(0),
        (0.0, share),
    )  # fmt: skip
    if not sick:
        return passed(f"at most {worst.dead} of {worst.units} units are dead", charts=(chart,))
    likely = sum(0.5**one.units for one in layers) > chance
    sealed = [one for one in sick if one.is_sealed and one.places >= many and not likely]
    grave = [one for one in sick if one.is_hidden and (one.deviations >= certain or one in sealed)]
    say = failed if grave else warned
    worst = max(grave or sick, key=lambda one: one.deviations)
    name = where_of(worst.operation)
    return say(
        f"{worst.dead} of {worst.units} units dead in {name}",
        measured(f"dead units of {name}", f"{worst.dead} of {worst.units}", f"below {share:.0%}"),
        measured("samples and positions looked at", worst.places, f"{places} or more"),
        title=f"Dead units in {name}",
        detail=f"{worst.dead} of {worst.units} units are zero on every sample of every batch looked at, so "
        f"neither they nor the weights before them get a gradient; {len(sick)} of {len(layers)} layers are so.",
        remedy="Begin the biases at 0 and the weights by He's rule, centre what the layer is given, or use a leaky "
        "ReLU; in a trained network, lower the learning rate that killed them.",
        where=name,
        place=worst.operation.step.place,
        charts=(chart,),
    )


def good() -> Arguments:
    """Return a layer of 64 rectified units with biases of 0."""
    return _rectifier(0.0)


def bad() -> Arguments:
    """Return the same with biases of −10."""
    return _rectifier(-10.0)


def _rectifier(bias: float) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 3))
    nn.init.normal_(next(model.parameters()), std=0.35, generator=generator)
    nn.init.constant_(model.get_parameter("0.bias"), bias)
    batch = (torch.randn(32, 16, generator=generator), torch.arange(32) % 3)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="dead-units",
    stage="init",
    question="Are most units of a layer zero on every sample?",
    why="A rectified unit that is zero on every sample gets no gradient, and so stays dead for good.",
    remedy="Biases that begin at 0, He's initialisation, inputs around 0, a lower learning rate, or a leaky ReLU.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("constant-output", "vanishing-gradients", "overfit-one-batch", "input-independent-baseline"),
        *("shuffled-labels", "learning-rate", "updates-not-applied"),
    ),
    sources=("D-dead", "S-layers"),
    silent="sparse units that live, dropout, padding, penalties, small layers that chance silences or others may wake",
)
