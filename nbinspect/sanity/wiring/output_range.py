"""`output-range`: can the last activation give every target?"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from nbinspect.sanity.check import Arguments, Chart, Check, CheckResult, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.losses.ranges import Bent, Bounded, bent, bounded, dropped
from nbinspect.sanity.evidence.passes.lineage import Source, where_of
from nbinspect.sanity.evidence.source.edits import removal
from nbinspect.sanity.recorded import Recorded


def run(training_pass: Recorded, *, unreachable: float = 0.05, share: float = 0.01) -> CheckResult:
    """Fail where the last activation cannot give some targets, or logits pass through one, or through dropout.

    Args:
        training_pass: the recorded pass.
        unreachable: from this share of the targets' variance on, out of reach, it is a failure; of the targets, where
            the last activation alone could give them, and not what it makes of another.
        share: from this share of the targets on, out of reach, it is a warning.
    """
    recorded = training_pass
    if recorded.loss is None:
        return skipped("a loss")
    ranges = sorted(bounded(recorded), key=lambda one: -one.lost)
    if ranges and (ranges[0].lost >= unreachable or ranges[0].outside >= share):
        return _of_range(recorded, ranges[0], unreachable)
    for source, zero in dropped(recorded):
        return failed(
            "outputs pass through dropout",
            measured("outputs set to zero", f"{zero:.0%}", "0%"),
            title="Dropout on the outputs",
            detail="Dropout after the last layer sets outputs themselves to zero and scales up the others.",
            remedy="Move the dropout before the last layer.",
            **_place(recorded, source),
        )
    logits = sorted(bent(recorded), key=lambda one: not one.certain)
    if logits:
        return _of_logits(recorded, logits[0])
    return passed("nothing bounds the outputs to less than the targets")


def _place(recorded: Recorded, source: Source) -> dict[str, str]:
    maker = source.maker
    found = {"where": where_of(maker), "place": maker.step.place if maker is not None else None}
    return {**found, "code": removal(recorded, maker) if maker is not None else ""}  # type: ignore[dict-item] # a place


def _of_range(recorded: Recorded, found: Bounded, unreachable: float) -> CheckResult:
    last = found.source.word.replace("_", " ")
    name = f"{last} of {found.inner.replace('_', ' ')}" if found.inner else last
    # whose range alone holds every target was to be the only one
    grave = found.lost >= unreachable or (bool(found.inner) and found.outside >= unreachable)
    counts, edges = np.histogram(found.wanted.cpu().numpy(), bins=30)
    chart = Chart(
        "histogram",
        f"Targets, and the range of {name}",
        "target",
        "count",
        ("targets",),
        (counts.astype(float),),
        edges,
        (found.low, None if found.high == float("inf") else found.high),
    )
    span = f"{found.low:g} to {found.high:g}" if found.high < float("inf") else f"{found.low:g} and above"
    return (failed if grave else warned)(
        f"{found.outside:.0%} of the targets out of reach",
        measured("targets", f"{float(found.wanted.min()):.4g} to {float(found.wanted.max()):.4g}", span),
        measured("variance out of reach", f"{found.lost:.1%}", f"below {unreachable:.0%}")
        if not found.inner
        else measured(f"targets that {name} cannot give", f"{found.outside:.1%}", f"0%, as {last} alone"),
        measured("lowest squared error these outputs allow", found.floor, "0"),
        title=f"The last {name} cannot give every target",
        detail=f"{name.capitalize()} gives {span}; {found.outside:.0%} of the targets lie outside: out of reach.",
        remedy=f"Take out the last {last}, or scale the targets into its range."
        if not found.inner
        else f"Take out one of the two: {last} alone gives every target.",
        charts=(chart,),
        **_place(recorded, found.source),
    )


def _of_logits(recorded: Recorded, found: Bent) -> CheckResult:
    name, loss = found.source.word.replace("_", " "), found.loss.step.name
    if found.floor is None:
        low, high = (float(part) for part in found.source.tensor.detach().aminmax())
        shown = measured("logits", f"{low:.3g} to {high:.3g}", "any values")
    else:
        shown = measured("lowest loss these outputs allow", f"{found.floor:.3f} nats", "0.000 nats")
    return (failed if found.certain else warned)(
        f"logits pass through {name}",
        shown,
        title=f"{name.capitalize()} on the logits",
        detail=f"{loss} takes logits of any sign and size; after {name} they have lost some, and gradients with them.",
        remedy=f"Take out the {name} after the last layer.",
        **_place(recorded, found.source),
    )


def good() -> Arguments:
    """Return a regression without a last activation."""
    batch = (torch.randn(16, 4), torch.linspace(-2, 2, 16)[:, None])
    return {"model": nn.Linear(4, 1), "loader": [batch], "loss_fn": nn.MSELoss()}


def bad() -> Arguments:
    """Return the same with a ReLU at the end, though half of the targets are negative."""
    return good() | {"model": nn.Sequential(nn.Linear(4, 1), nn.ReLU())}


CHECK = Check(
    name="output-range",
    stage="wiring",
    question="Can the last activation give every target?",
    why="A ReLU, tanh or sigmoid left at the end bounds the outputs: targets beyond cannot be learnt.",
    remedy="Leave the last layer without an activation, or choose one whose range holds every target.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("constant-output", "dead-units", "saturated-units", "zero-gradient-path", "loss-at-init", "final-bias"),
        *("overfit-one-batch", "input-independent-baseline", "shuffled-labels", "learning-rate"),
    ),
    sources=("D-last-activation",),
    silent="bounded targets inside the range, and stray ones a little outside",
)
