"""`exploding-gradients`: does the gradient grow on its way to the first layers of the untrained network?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.evidence.layers.depth import (
    LEAST,
    Layer,
    ends,
    grown_steadily,
    is_normed,
    is_steady,
    magnitude,
    multiplied,
    relative_gradients,
    through_depth,
)
from nbinspect.sanity.evidence.layers.shortcuts import grown_along, shortcuts
from nbinspect.sanity.evidence.layers.unrolled import CLIP, told_through_time, unrolled
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def run(
    program: Program,
    descended: Recorded,
    untrained: Untrained,
    *,
    most: float = 1e4,
    watch: float = 1e3,
    steady: float = 100.0,
    grown: float = 1e3,
    step: float = 1.1,
    fast: float = 100.0,
) -> CheckResult:
    """Compare the gradients of the first layers, and at the first times of a recurrent network, with those of the last.

    Args:
        program: its recurrent layers are run once more; it is left unchanged.
        descended: the shared pass, or the user's own step.
        untrained: says that nothing has been learnt yet.
        most: factor above which the gradient has exploded; gradients are relative to their weights.
        watch: factor above which that is worth a look.
        steady: factor of explosion where nearly every layer makes it grow; all of them together may make `watch`, which
            36 layers of batch normalisation pass, and 20 are far from.
        grown: the same through time, and for the gradient of the activations.
        step: growth over one layer, above which it counts as such.
        fast: the same as `grown` for the gradient of the activations where each layer, or shortcut, doubles it.
    """
    del untrained
    through = max(unrolled(program, descended), key=lambda one: one.grows, default=None)
    if through is not None and through.grows > watch:
        return told_through_time(through, grown if through.is_steady else most)
    if (found := grown_along(descended, fast=fast, most=most)) is not None:
        return found
    layers = relative_gradients(descended)
    if len(layers) < LEAST:
        return passed(f"weighted layers with a gradient: {len(layers)}, no depth to grow in")
    values = [layer.relative_gradient for layer in layers]
    # the smallest of the first: branches that begin near zero leave the stem alone with a large one
    factor = share = min(ends(values)[0]) / max(ends(values)[1])
    limit = steady if is_steady(values[::-1]) else most
    if factor <= min(watch, limit):
        factor, limit = grown_steadily(values), watch
    if factor > min(watch, limit):
        return _told(descended, layers, factor, limit)
    factor, each = multiplied(layers, step)
    if factor > (limit := fast if each > _DOUBLED else grown):
        return _told(descended, layers, factor, limit, arriving=True)
    return passed(f"the first layers get {share:.3g} times the relative gradient of the last")


def _told(
    recorded: Recorded, layers: list[Layer], factor: float, most: float, *, arriving: bool = False
) -> CheckResult:
    layer, normed = layers[0], is_normed(recorded, layers[-1]) and not shortcuts(recorded)
    values = [one.arriving if arriving else one.relative_gradient for one in layers]
    quantity = "gradient of the activations" if arriving else "relative gradient"
    of = "gradient of what is made by" if arriving else "gradient over weight of"
    return (failed if factor > most else warned)(
        f"gradient grows to {magnitude(factor)} on its way to the input",
        measured(f"{quantity} at the first layers, times that at the last", factor, f"below {most:g}"),
        measured(f"{of} {layer.name}", values[0], f"{max(ends(values)[1]):.3g} as in the last layers"),
        title="The gradient explodes on its way to the input",
        detail=f"The first of {len(layers)} layers get {magnitude(factor)} times the {quantity} that the last get: a "
        "rate that suits the last destroys the first.",
        remedy=_AROUND if normed else _SMALLER,
        where=layer.name,
        place=layer.operation.step.place,
        code="" if normed else CLIP,
        charts=(through_depth(quantity.capitalize(), "norm", [x.name for x in layers], values),),
    )


_SMALLER = "Begin with smaller weights (He's or Xavier's rule), normalise between the layers, or clip the norm at 1."
_AROUND = "Lead a shortcut around every few layers, x + block(x): each norm behind an activation enlarges the gradient."
_DOUBLED, _CLIPS = 2.0, "clipping-always-on"


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
        return self.head(x)  # type: ignore[no-any-return] # a module's call is untyped


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
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=("loss-at-init", "nonfinite-gradient", "overfit-one-batch", "learning-rate", "update-ratio", _CLIPS),
    sources=("S-not-applied", "D-init"),
    silent="layers that begin at zero and what lies behind them, frozen parts",
)
