"""`vanishing-gradients`: does the gradient reach the first layers of the untrained network?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.layers.depth import LEAST, ends, faded, magnitude, relative_gradients, through_depth
from nbinspect.sanity.evidence.layers.shortcuts import faded_along
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.subject import named_optimizers


def run(
    program: Program,
    descended: Recorded,
    untrained: Untrained,
    *,
    least: float = 1e-4,
    steady: float = 1e-3,
    watch: float = 1e-3,
    plain: float = 1e-2,
) -> CheckResult:
    """Compare the largest gradient of the first weighted layers with the smallest of the last before the head.

    Args:
        program: tells the optimizer.
        descended: the shared pass, or the user's own step.
        untrained: says that nothing has been learnt yet.
        least: share below which the gradient has vanished; gradients are relative to their weights, or those of sums
            with a shortcut.
        steady: the same where nearly every layer makes it shrink, for then it is their kind and no single one's.
        watch: share below which that is worth a look.
        plain: the same as `steady` under plain descent, whose steps are as small as the gradients; Adam's are not.
    """
    del untrained
    if (found := faded_along(descended, least=least)) is not None:
        return found
    layers = relative_gradients(descended)
    if len(layers) < LEAST:
        return passed(f"weighted layers with a gradient: {len(layers)}, no depth to lose it in")
    values = [layer.relative_gradient for layer in layers]
    share, is_steady = faded(layers)
    if is_steady and _is_plain(program):
        steady = watch = plain
    if share >= watch:
        return passed(f"the first layers get {share:.3g} of the relative gradient of the last")
    enough, last = steady if is_steady else least, min(ends(values[:-1])[1])
    layer = layers[0]
    return (failed if share < enough else warned)(
        f"gradient shrinks to {magnitude(share)} on its way to the input",
        measured("relative gradient of the first layers, of that of the last", share, f"above {enough:g}"),
        measured(f"gradient over weight of {layer.name}", values[0], f"{last:.3g} as in the last layers"),
        title="The gradient vanishes on its way to the input",
        detail=f"Relative to their weights, the first of {len(layers)} layers get {magnitude(share)} of the gradient "
        f"that the last get: they do not learn while the last do.",
        remedy="Use ReLU or GELU with He's initialisation instead of sigmoid or tanh, normalise between the layers, or "
        "add shortcuts.",
        where=layer.name,
        place=layer.operation.step.place,
        charts=(
            through_depth(
                "Gradient relative to the weight", "norm of gradient / weight", [x.name for x in layers], values
            ),
        ),
    )


def _is_plain(program: Program) -> bool:
    """Whether all optimizers are descents by the gradient itself, with or without momentum."""
    found = named_optimizers(program.subject.optimizer).values()
    return bool(found) and all(isinstance(one, torch.optim.SGD) for one in found)


def good() -> Arguments:
    """Return ten rectified layers with He's initialisation."""
    return _deep(nn.ReLU(), 2**0.5)


def bad() -> Arguments:
    """Return ten sigmoid layers."""
    return _deep(nn.Sigmoid(), 1.0)


def _deep(activation: nn.Module, gain: float) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential()
    for _ in range(10):
        nn.init.normal_((linear := nn.Linear(32, 32)).weight, std=gain / 32**0.5, generator=generator)
        model.extend([linear, activation])
    batch = (torch.randn(32, 32, generator=generator), torch.arange(32) % 4)
    return {"model": model.append(nn.Linear(32, 4)), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="vanishing-gradients",
    stage="backward",
    question="Does the gradient reach the first layers?",
    why="Where it shrinks from layer to layer, the first ones stay as they were initialised, whatever the rate.",
    remedy="ReLU or GELU, He's initialisation, normalisation between the layers, shortcuts.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("constant-output", "overfit-one-batch", "input-independent-baseline", "shuffled-labels", "learning-rate"),
        *("update-ratio",),
    ),
    sources=("S-not-applied", "D-init"),
    silent="frozen parts, layers that begin at zero and what lies behind them, converged models",
)
