"""`init-scale`: does the signal keep its scale through the depth of the untrained network?"""

from __future__ import annotations

from math import isfinite

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, inconclusive, passed
from nbinspect.sanity.evidence.layers.depth import (
    LEAST,
    between,
    compounded,
    faded,
    is_fed,
    is_muffled,
    kept_by_weights,
    layers_of,
    left_in_last,
    relative_gradients,
    steepest,
)
from nbinspect.sanity.evidence.layers.head import slipped
from nbinspect.sanity.evidence.layers.scale import of_scale
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.fitting.calmed import calmed
from nbinspect.sanity.trials.fitting.revived import revived
from nbinspect.sanity.trials.running.own_step import OwnStep

_OTHERS = 2.3
"""How many times what weights take, on a logarithmic scale, from where on it is what stands between them."""

_GAIN, _SLIP, _FAINT = 2.0, 0.01, 0.01
"""Of a layer, above which it amplifies, He's is 1.4; times the usual size of a layer's weights, below which no layer
behind it may have less than `shrunk` left; and what is left of a signal that a trial on copies judges."""


def run(
    program: Program,
    recorded: Recorded,
    untrained: Untrained,
    own_step: OwnStep | None,
    *,
    least: float = 1e-5,
    most: float = 1e4,
    watch: float = 1e-4,
    grown: float = 100.0,
    quiet: float = 0.25,
    shrunk: float = 1e-3,
) -> CheckResult:
    """Compare how much activations vary between samples deep in the network with how much the first layer's input does.

    Args:
        program: trained on copies for a while where the signal is faint, or the loss far above chance; left unchanged.
        recorded: the shared pass.
        untrained: says that nothing has been learnt yet, and what chance gives.
        own_step: the user's own, which has the gradients where there is no loss outside of it.
        least: of the variation at the input, less than this in all of the last layers has vanished.
        most: more than this in any layer has exploded.
        watch: less than this, or more than its inverse, is worth a look.
        quiet: of a layer, below which it mutes the signal; PyTorch's own initialisation has 0.6.
        shrunk: less has vanished where nearly every layer mutes it; what a layer leaves more of, one behind it took.
        grown: more than this has exploded where nearly every layer before amplifies, and nothing takes it back.
    """
    layers = [layer for layer in layers_of(recorded) if isfinite(layer.leaving) and is_fed(recorded, layer)]
    if len(layers) < 2:
        return passed("no depth of weighted layers to lose the signal in")
    entry = layers[0].entering
    if not (isfinite(entry) and entry > 0):
        return inconclusive("all samples of the batch are alike", settle="A batch of several samples that differ.")
    shares = [layer.leaving / entry for layer in layers]
    silent = next((at for at, layer in enumerate(layers) if layer.entering == 0), 0)
    if silent and shares[silent - 1] > shrunk:
        return inconclusive(
            f"nothing at all is left before {layers[silent].name}",
            settle="Up to there the scale is sound: what wipes it out is for dead-units or constant-output to tell.",
        )
    if (at := slipped(layers, _SLIP, shrunk)) is not None:
        return of_scale(layers, shares, at, share=layers[-1].entering / entry, expected=f"above {shrunk:g}", grave=True)
    # the head may begin near zero on purpose, and so may single layers inside residual branches
    left = left_in_last(recorded, layers, entry)
    bound = shrunk if is_muffled(layers, quiet) else least
    if len(layers) >= LEAST and left < max(bound, watch):
        has_gradients = recorded if recorded.gradients or own_step is None else own_step.recorded
        gone, steady = faded(relative_gradients(has_gradients))
        kept = kept_by_weights(layers)
        # half of what ReLU under PyTorch's own weights takes is by the weights, and a third of what sigmoids take
        if left < max(watch * kept, kept**_OTHERS) and gone < (shrunk if steady else watch):  # the gradient, too
            return between(layers, left, least)
        return of_scale(layers, shares, steepest(shares), share=left, expected=f"above {bound:g}", grave=left < bound)
    if (share := max(shares)) > 1 / watch:
        return of_scale(
            layers, shares, shares.index(share), share=share, expected=f"below {most:g}", grave=share > most
        )
    deepest, share = compounded(layers, _GAIN)
    if share > grown:
        return of_scale(layers, shares, deepest, share=share, expected=f"below {grown:g}", grave=True)
    if (found := calmed(program, recorded, layers, untrained.chance)) is not None:
        return found
    if len(layers) >= LEAST and left < _FAINT and (found := revived(program, layers, left)) is not None:
        return found
    return passed(f"{left:.3g} of the input's variation is left in the last of {len(layers)} layers")


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
