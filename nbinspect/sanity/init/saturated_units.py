"""`saturated-units`: do most hidden tanh or sigmoid units sit at their limits?"""

from __future__ import annotations

from functools import partial

import torch
from torch import nn

from nbinspect.capture.bounds import at_ends
from nbinspect.records import Chart, CheckResult, TaskRecord
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.layers.activations import (
    hidden_bounded,
    is_fed_by_layer,
    is_fixed,
    layer_before,
    value_bounded,
)
from nbinspect.sanity.evidence.layers.depth import layers_of
from nbinspect.sanity.evidence.layers.head import oversize
from nbinspect.sanity.evidence.layers.unrolled import gain_of, later_states, weights_of
from nbinspect.sanity.evidence.losses.untrained import is_untrained
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded


def run(
    program: Program,
    recordings: tuple[Recorded, ...],
    task: TaskRecord,
    *,
    share: float = 0.9,
    watch: float = 0.7,
    many: int = 3,
    steep: float = 3.0,
    half: float = 0.5,
    wide: float = 6.0,
) -> CheckResult:
    """Measure the share of each hidden bounded activation's values within a hundredth of an end of its range.

    Args:
        program: looked at for signs that it was trained.
        recordings: passes over several batches.
        task: tells what an untrained network's loss is.
        share: of the values; from here on the layer hardly gets a gradient.
        watch: of the values; worth a look, and a defect straight after a layer that has learnt nothing yet.
        many: layers that are a defect from `watch` on in such a network; one or two may be sharpened on purpose.
        steep: spread of what weights between states add up, beyond which states are a defect from `watch` on.
        half: of the values; a defect in two layers or more whose weights were drawn too large:
        wide: times the usual size of weights, one over the root of their inputs; Xavier's own gains end at 2.
    """
    saturated = partial(_saturated, program, recordings)
    found = [(one, saturated(one)) for one in hidden_bounded(recordings[0]) if not is_fixed(recordings[0], one)]
    # codes, gated values and states that were trained may sit there on purpose
    values = [(one, least) for one in value_bounded(recordings[0]) if (least := saturated(one)) >= share]
    recurrent = [(one, saturated(one)) for one in _recurrent(program, recordings[0])]
    # in the usual draw, which knows the states alone, many inputs are steep without harm
    values += [(one, least) for one, least in recurrent if least >= (watch if gain_of(one) > steep else share)]
    found += values if values and is_untrained(program, recordings[0], task) else []
    if not found:
        return passed("no hidden tanh or sigmoid at its limits")
    worst, most = max(found, key=lambda pair: pair[1])
    drawn = {layer.name: oversize(layer) for layer in layers_of(recordings[0])}
    before = (layer_before(recordings[0], one) for one, least in found if least > half)
    over = {name for name in before if drawn.get(name, 0) > wide}
    sound = half if len(over) > 1 else watch
    if most < sound:
        return passed(f"at most {most:.0%} of the values at a limit")
    many_at = {layer_before(recordings[0], one) for one, least in found if least >= watch} - {""}
    deep = len(over) > 1 or len(many_at) >= many
    suspected = deep or is_fed_by_layer(recordings[0], worst)
    grave = most >= share or (suspected and is_untrained(program, recordings[0], task))
    name = where_of(worst)
    return (failed if grave else warned)(
        f"{most:.0%} of the values of {name} at a limit",
        measured(f"values of {name} at an end of their range", f"{most:.0%}", f"below {sound:.0%}"),
        title=f"{name} is saturated",
        detail=f"{most:.0%} of its values lie at an end of their range, where its slope is nearly zero: hardly any "
        f"gradient reaches the weights before it.",
        remedy="Scale what it is given to about unit size: normalise the inputs, initialise by Xavier's rule, take "
        "away a steep factor, or put a normalisation before it.",
        where=name,
        place=worst.step.place,
        charts=_charts(worst),
    )


def _recurrent(program: Program, recorded: Recorded) -> list[Operation]:
    """Return the calls of recurrent layers that are trained, whose states are what a tanh gives."""
    found = (one for one in recorded.operations if not one.in_loss and later_states(program, one) is not None)
    return [one for one in found if any(weight.requires_grad for weight in weights_of(one))]


def _saturated(program: Program, recordings: tuple[Recorded, ...], operation: Operation) -> float:
    """Return the least share of saturated values over the batches."""
    shares = [_share(program, operation)]
    for recorded in recordings[1:]:
        same = recorded.by_index.get(operation.step.index)
        if same is not None and same.step.name == operation.step.name:
            shares.append(_share(program, same))
    return min(shares)


def _share(program: Program, operation: Operation) -> float:
    states, moments = later_states(program, operation), operation.step.outputs[0].moments
    if states is not None:
        return float(at_ends(states, (-1.0, 1.0)).double().mean()) if states.numel() else 0.0
    return moments.saturated if moments is not None else 0.0


def _charts(operation: Operation) -> tuple[Chart, ...]:
    moments = operation.step.outputs[0].moments
    if moments is None or len(moments.bars) < 2:
        return ()
    edges = torch.linspace(*moments.edges, len(moments.bars) + 1).double().numpy()
    return (
        Chart("histogram", "What it gives", "value", "count", (operation.step.name,), (moments.bars * 1.0,), edges),
    )


def good() -> Arguments:
    """Return a network of tanh units on inputs of unit scale."""
    return _bounded(1.0)


def bad() -> Arguments:
    """Return the same on inputs two hundred times as large."""
    return _bounded(200.0)


def _bounded(scale: float) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 32), nn.Tanh(), nn.Linear(32, 3))
    nn.init.normal_(next(model.parameters()), std=0.25, generator=generator)
    batch = (scale * torch.randn(32, 16, generator=generator), torch.arange(32) % 3)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="saturated-units",
    stage="init",
    question="Do most hidden tanh or sigmoid units sit at their limits?",
    why="At a limit the slope is nearly zero: the layers before it hardly learn, and the loss moves very slowly.",
    remedy="Normalise the inputs, initialise by Xavier's rule, or normalise before the activation.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("loss-at-init", "final-bias", "constant-output", "vanishing-gradients", "overfit-one-batch"),
        "learning-rate",
    ),
    sources=("S-layers", "T-init-activation"),
    silent="gates, attention and final probabilities; one or two layers sharpened on purpose; codes and states of "
    "recurrent layers that were trained; random features that are not",
)
