"""`exploding-gradients`: does the gradient grow on its way to the first layers of the untrained network?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.depth import LEAST, ends, magnitude, relative_gradients, through_depth
from nbinspect.sanity.evidence.untrained import Untrained
from nbinspect.sanity.recorded import Recorded


def run(backward: Recorded, untrained: Untrained, *, most: float = 1e4, watch: float = 1e3) -> CheckResult:
    """Compare the smallest gradient of the first weighted layers with the largest of the last.

    Args:
        backward: the shared pass.
        untrained: says that nothing has been learnt yet.
        most: factor above which the gradient has exploded; gradients are relative to their weights.
        watch: factor above which that is worth a look.
    """
    del untrained
    layers = relative_gradients(backward)
    if len(layers) < LEAST:
        return passed(f"weighted layers with a gradient: {len(layers)}, no depth to grow in")
    values = [layer.relative_gradient for layer in layers]
    first, last = ends(values)
    # the smallest of the first: branches that begin near zero leave the stem alone with a large one
    factor = min(first) / max(last)
    if factor <= watch:
        return passed(f"the first layers get {factor:.3g} times the relative gradient of the last")
    say = failed if factor > most else warned
    layer = layers[0]
    return say(
        f"gradient grows to {magnitude(factor)} on its way to the input",
        measured("relative gradient of the first layers, times that of the last", factor, f"below {most:g}"),
        measured(f"gradient over weight of {layer.name}", values[0], f"{max(last):.3g} as in the last layers"),
        title="The gradient explodes on its way to the input",
        detail=f"Relative to their weights, the first of {len(layers)} layers get {magnitude(factor)} times the "
        f"gradient that the last get: a rate that suits the last destroys the first.",
        remedy="Begin with smaller weights (He's or Xavier's rule), normalise between the layers, or clip the norm of "
        "the gradient at 1.",
        where=layer.name,
        place=layer.operation.step.place,
        code="+ torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        charts=(
            through_depth(
                "Gradient relative to the weight", "norm of gradient / weight", [x.name for x in layers], values
            ),
        ),
    )


class _Sines(nn.Module):
    """Layers of a bounded activation whose slope is `slope`: what goes forward stays, what goes back is multiplied."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.layers = nn.ModuleList(nn.Linear(32, 32) for _ in range(8))
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=0.18, generator=generator)
        self.head = nn.Linear(32, 4)
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.sin(self.slope * layer(x))
        logits: Tensor = self.head(x)
        return logits


def good() -> Arguments:
    """Return eight layers of sines of slope 1."""
    return _sines(1.0)


def bad() -> Arguments:
    """Return eight layers of sines of slope 30."""
    return _sines(30.0)


def _sines(slope: float) -> Arguments:
    batch = (torch.randn(32, 32, generator=torch.Generator().manual_seed(1)), torch.arange(32) % 4)
    return {"model": _Sines(slope), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="exploding-gradients",
    stage="backward",
    question="Does the gradient grow on its way to the first layers?",
    why="Where it grows from layer to layer, any rate is too large for the first layers or too small for the last.",
    remedy="Smaller initial weights, normalisation between the layers, clipping of the gradient's norm.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=("nonfinite-gradient",),
    sources=("S-not-applied", "D-init"),
    silent="layers that begin at zero and what lies behind them, frozen parts",
)
