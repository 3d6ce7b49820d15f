"""`init-scale`: does the signal keep its scale through the depth of the untrained network?"""

from __future__ import annotations

from math import isfinite

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.layers.depth import (
    LEAST,
    Layer,
    compounded,
    faded,
    is_muffled,
    kept_by_weights,
    layers_of,
    left_in_last,
    magnitude,
    relative_gradients,
    steepest,
    through_depth,
)
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.recorded import Recorded


def run(
    recorded: Recorded,
    untrained: Untrained,
    *,
    least: float = 1e-5,
    most: float = 1e4,
    watch: float = 1e-4,
    gain: float = 2.0,
    grown: float = 100.0,
    quiet: float = 0.25,
    shrunk: float = 1e-3,
    sound: float = 1e-3,
) -> CheckResult:
    """Compare how much activations vary between samples deep in the network with how much the first layer's input does.

    Args:
        recorded: the shared pass.
        untrained: says that nothing has been learnt yet.
        least: of the variation at the input, less than this in all of the last layers has vanished.
        most: more than this in any layer has exploded.
        watch: less than this, or more than its inverse, is worth a look.
        gain: of a layer, above which it amplifies; He's is 1.4.
        quiet: of a layer, below which it mutes the signal; PyTorch's own initialisation has 0.6.
        shrunk: less than this has vanished where nearly every layer mutes it.
        sound: a layer that has more than this left did not shrink the signal to nothing; something wiped it out.
        grown: more than this has exploded where nearly every layer before amplifies, and nothing takes it back.
    """
    del untrained
    layers = [layer for layer in layers_of(recorded) if isfinite(layer.leaving)]
    if len(layers) < 2:
        return passed("no depth of weighted layers to lose the signal in")
    entry = layers[0].entering
    if not (isfinite(entry) and entry > 0):
        return inconclusive("all samples of the batch are alike", settle="A batch of several samples that differ.")
    shares = [layer.leaving / entry for layer in layers]
    silent = next((at for at, layer in enumerate(layers) if layer.entering == 0), 0)
    if silent and shares[silent - 1] > sound:
        name = layers[silent].name
        return inconclusive(
            f"nothing at all is left before {name}",
            settle="Up to there the scale is sound: what wipes it out is for dead-units or constant-output to tell.",
        )
    # the head may begin near zero on purpose, and so may single layers inside residual branches
    left = left_in_last(recorded, layers, entry)
    bound = shrunk if is_muffled(layers, quiet) else least
    if len(layers) >= LEAST and left < max(bound, watch):
        gone, steady = faded(relative_gradients(recorded))
        if left < watch * kept_by_weights(layers) and gone < (shrunk if steady else watch):  # the gradient, too
            return _between(layers, left, least)
        return _told(layers, shares, steepest(shares), share=left, expected=f"above {bound:g}", grave=left < bound)
    if (share := max(shares)) > 1 / watch:
        return _told(layers, shares, shares.index(share), share=share, expected=f"below {most:g}", grave=share > most)
    deepest, share = compounded(layers, gain)
    if share > grown:
        return _told(layers, shares, deepest, share=share, expected=f"below {grown:g}", grave=True)
    return passed(f"{left:.3g} of the input's variation is left in the last of {len(layers)} layers")


def _between(layers: list[Layer], left: float, least: float) -> CheckResult:
    """Warn of what stands between layers that keep the scale; other weights would not heal it."""
    return warned(
        f"signal shrinks to {magnitude(left)} of the input's between the layers",
        measured("variation between samples, of that at the input", left, f"above {least:g}"),
        measured("the same if the weights alone took it", kept_by_weights(layers), f"above {least:g}"),
        title="What stands between the layers shrinks the signal",
        detail=f"The weights of {len(layers)} layers keep the scale, the activations between them do not.",
        remedy="Use ReLU or GELU with He's initialisation instead of sigmoids, or normalise between the layers.",
    )


def _told(
    layers: list[Layer], shares: list[float], at: int, *, share: float, expected: str, grave: bool
) -> CheckResult:
    layer = layers[at]
    std = float(layer.weight.detach().double().std()) if layer.weight.numel() > 1 else 0.0
    wanted = (2 / max(1, layer.weight[0].numel())) ** 0.5
    does, other = ("explodes", "smaller") if share > 1 else ("shrinks", "larger")
    return (failed if grave else warned)(
        f"signal {does} to {magnitude(share)} of the input's",
        measured("variation between samples, of that at the input", share, expected),
        measured(f"std of {layer.name}", std, f"{wanted:.3g} (He), {wanted / 2**0.5:.3g} (Xavier, LeCun)"),
        title=f"The signal {does} through the depth",
        detail=f"Through {len(layers)} weighted layers the differences between samples come to {magnitude(share)} "
        f"of those at the input, so that one learning rate cannot train all layers.",
        remedy=f"Initialise with {other} weights, kaiming_normal_ for ReLU or xavier_normal_ for tanh "
        f"(std {wanted:.3g} at {layer.name}), or normalise between the layers.",
        where=layer.name,
        place=layer.operation.step.place,
        code="+ for weight in (p for p in model.parameters() if p.dim() > 1):\n+     nn.init.kaiming_normal_(weight)",
        charts=(through_depth("Variation between samples", "of that at the input", [x.name for x in layers], shares),),
    )


def good() -> Arguments:
    """Return a plain network of eight layers with He's initialisation."""
    return _deep(2**0.5)


def bad() -> Arguments:
    """Return the same network with weights of std 0.01."""
    return _deep(0.01 * 64**0.5)


def _deep(gain: float) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential()
    for _ in range(8):
        nn.init.normal_((linear := nn.Linear(64, 64)).weight, std=gain / 64**0.5, generator=generator)
        model.extend([linear, nn.ReLU()])
    batch = (torch.randn(32, 64, generator=generator), torch.arange(32) % 4)
    return {"model": model.append(nn.Linear(64, 4)), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="init-scale",
    stage="init",
    question="Does the signal keep its scale through the depth?",
    why="Where every layer shrinks or grows the signal, gradients vanish or explode and most layers never learn.",
    remedy="Initialise by He for ReLU, Xavier for tanh; or normalise between the layers.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("loss-at-init", "final-bias", "dead-units", "saturated-units", "constant-output", "nonfinite-forward"),
        *("nonfinite-gradient", "vanishing-gradients", "exploding-gradients", "overfit-one-batch"),
        *("input-independent-baseline", "shuffled-labels", "learning-rate", "update-ratio", "clipping-always-on"),
    ),
    sources=("D-init", "T-init-activation"),
    silent="growth by shortcuts, norms, sigmoids between sound weights; a head or branches that begin near zero",
)
