"""`symmetric-init`: are there layers whose units are all alike, and stay so?"""

from __future__ import annotations

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed
from nbinspect.sanity.evidence.layers.alike import tables_alike
from nbinspect.sanity.evidence.layers.depth import Layer, layers_of
from nbinspect.sanity.evidence.layers.locked import of_locked, of_own_factor
from nbinspect.sanity.evidence.layers.symmetry import (
    changes_of,
    count_of,
    has_doubles,
    is_same_way,
    is_symmetric,
    parting,
    spread,
    twins_among,
)
from nbinspect.sanity.evidence.losses.untrained import Untrained
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_FEW = 3


def run(
    program: Program, backward: Recorded, untrained: Untrained, *, alike: float = 1e-3, steps: int = 3
) -> CheckResult:
    """Take a few gradient steps on a copy, on 8 samples, and see whether units that began alike are alike still.

    Args:
        program: the program, copied only where a layer has units alike.
        backward: the shared pass.
        untrained: says that nothing has been learnt yet.
        alike: of the size of the change, how far units may part and count as alike.
        steps: gradient steps on the copy; as many layers in a row may begin at zero on purpose.
    """
    del untrained
    found = _of_units(program, backward, alike, steps)
    if found.status == "fail":
        return found
    return of_locked(program, backward, steps) or tables_alike(program, backward, alike, steps) or found


def _of_units(program: Program, backward: Recorded, alike: float, steps: int) -> CheckResult:
    own = program.parameters  # and none of a copy that the forward makes
    layers = [layer for layer in layers_of(backward) if layer.weight.requires_grad and layer.name in own]
    suspects = [layer for layer in layers if is_symmetric(layer)]
    doubled = [layer for layer in layers if layer not in suspects and has_doubles(layer)]
    twins = twins_among(layers)
    if not suspects and not doubled and not twins:
        return passed(f"units differ in every weighted layer ({len(layers)})")
    changes = changes_of(program, backward.batch, [layer.name for layer in layers], steps)
    moved = {name for name, change in changes.items() if change.any()}
    if not moved and len(layers) > 1 and suspects:
        return _told(suspects, suspects[0], f"after {steps} steps no weight of any layer has moved")
    stuck = [layer for layer in suspects if layer.name in moved and spread(changes[layer.name], layer) < alike]
    if stuck:
        return _told(suspects, stuck[0], f"they are still alike after {steps} gradient steps on a copy")
    for layer in doubled:
        if layer.name in moved and parting(changes[layer.name], layer) < alike:
            return _of_doubles(layer, f"most units of {layer.name} have a double", steps)
    for one, other in twins:
        if one.name in moved and is_same_way(changes[one.name], changes[other.name], alike):
            return _of_doubles(other, f"{other.name} is a double of {one.name}", steps)
    if not suspects:
        return passed(f"units or layers that begin alike: {len(doubled) + len(twins)}; they part within {steps} steps")
    still = [layer for layer in suspects if layer.name not in moved]
    if still:
        name = still[0].name
        return of_own_factor(program, backward, still[:_FEW], steps) or inconclusive(
            f"{name} begins with units alike and has not moved in {steps} steps",
            settle=f"Train for a few steps and see whether {name} changes: behind a layer that begins at zero it takes "
            "longer.",
        )
    return passed(f"layers that begin with units alike: {len(suspects)}; they part within {steps} steps")


def _of_doubles(layer: Layer, summary: str, steps: int) -> CheckResult:
    return failed(
        summary,
        measured("gradient steps on a copy after which the doubles are still the same", steps, "0"),
        title=f"{summary[0].upper()}{summary[1:]}",
        detail="They begin with the very same weights, enter what follows in the same way, so they get the same "
        f"gradient and remain one: after {steps} gradient steps on a copy they are still alike.",
        remedy="Draw the weights of each anew (reset_parameters() after a deepcopy), or add a little noise.",
        where=layer.name,
        place=layer.operation.step.place,
        confirmed=True,
    )


def _told(suspects: list[Layer], layer: Layer, evidence: str) -> CheckResult:
    first = layer.weight.detach().reshape(-1)[0]
    units = count_of(layer)
    return failed(
        f"all {units} units of {layer.name} are alike",
        measured(f"different units of {layer.name}", 1, f"{units}"),
        measured("weighted layers whose units are all alike", len(suspects), "0"),
        title=f"The units of {layer.name} are all alike",
        detail=f"Its {units} units begin with the same weights (the first is {float(first):.3g}), so they get the same "
        f"gradient and remain one unit: {evidence}.",
        remedy="Begin the weights at random: nn.init.kaiming_normal_ for ReLU, xavier_normal_ for tanh.",
        where=layer.name,
        place=layer.operation.step.place,
        code=f'+ nn.init.kaiming_normal_(model.get_parameter({layer.name!r}), nonlinearity="relu")',
        confirmed=True,
    )


def good() -> Arguments:
    """Return a network as PyTorch initialises it."""
    return _network(constant=False)


def bad() -> Arguments:
    """Return the same with all weights at 0.1."""
    return _network(constant=True)


def _network(*, constant: bool) -> Arguments:
    generator = torch.Generator().manual_seed(0)
    model = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))
    for parameter in model.parameters():
        nn.init.constant_(parameter, 0.1) if constant else nn.init.normal_(parameter, std=0.25, generator=generator)
    batch = (torch.randn(32, 16, generator=generator), torch.arange(32) % 3)
    return {"model": model, "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="symmetric-init",
    stage="init",
    question="Are there layers whose units are all alike, and stay so?",
    why="Units that begin alike get the same gradient and remain one unit, however many there are.",
    remedy="Begin weights at random; only biases, last layers and branches beside a shortcut may begin at 0.",
    cost=5,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *(
            "init-scale",
            "dead-units",
            "vanishing-gradients",
            "constant-output",
            "overfit-one-batch",
            "input-independent-baseline",
        ),
        *("shuffled-labels", "learning-rate", "update-ratio"),
    ),
    sources=("D-init",),
    silent="last layers, residual branches, adapters and tables that begin at zero and part within a few steps",
)
