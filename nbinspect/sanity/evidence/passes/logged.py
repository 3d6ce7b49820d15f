"""Cuts behind which values only leave for a log: the loss is the same number whatever they are."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.passes.flow import Cut, Flow
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def without_logged(program: Program, recorded: Recorded, flow: Flow) -> tuple[Cut, ...]:
    """Return the cuts of a pass but for those whose values leave for Python and do not come back into the loss.

    Nobody can follow them there; but on a copy where the parameters behind them are all others, the loss is the same.

    Args:
        program: copied only where values leave; left unchanged.
        recorded: a pass; of a step of the user's own all cuts are returned.
        flow: what it did with the values of some parameters.
    """
    loss = recorded.loss
    if recorded.of_step or not isinstance(loss, Tensor):
        return flow.cuts
    left = [cut for cut in flow.cuts if not flow.lies_behind(loss, cut)]
    names = frozenset().union(*(cut.parameters for cut in left))
    if not left or not _is_same_without(program, recorded, names):
        return flow.cuts
    return tuple(cut for cut in flow.cuts if cut not in left)


def _is_same_without(program: Program, recorded: Recorded, names: Collection[str]) -> bool:
    """Whether a loss is the very same where parameters have their signs turned, and where they are drawn anew."""
    try:
        copy = program.copied()
    except MissingNeed:
        return False
    for size in (-1.0, 1.0):
        with torch.no_grad():
            for name in names:
                parameter = copy.parameters[name]
                noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0)).to(parameter)
                parameter.mul_(size).add_(noise * parameter.square().mean().sqrt().clamp_min(0.1))
        with copy.running(gradients=True):
            try:
                loss = copy.loss(copy.outputs(recorded.batch), recorded.batch)
            except Exception:  # noqa: BLE001 - what it raises on other values, it is made of them
                return False
        if not (isinstance(loss, Tensor) and torch.equal(loss.detach(), recorded.loss.detach())):
            return False
    return True
