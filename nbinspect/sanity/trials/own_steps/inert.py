"""An optimizer that is called again and again at a far higher rate: does it write anything at all?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import torch

from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.unapplied import Unapplied
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.sanity.trials.running.watch import is_same

_CALLS, _FACTOR = 200, 1e6


def as_tried(program: Program, one: Unapplied) -> Unapplied:
    """Return parameters that rounding seems to keep with the reason that holds when their optimizer is tried.

    Args:
        program: left unchanged.
        one: parameters that an optimizer stepped and did not change.
    """
    is_inert = one.reason == "rounded" and one.is_certain and _stays(program, one.optimizer, one.names)
    return replace(one, reason="not written") if is_inert else one


def _stays(program: Program, role: str, names: Collection[str]) -> bool:
    """Whether calls at a high rate, with gradients of 1, leave parameters as they are; false where that cannot be."""
    try:
        with trained(program) as trainee:
            optimizer = trainee.optimizers[role]
            own = [trainee.parameters[name] for name in names]
            before = [parameter.detach().clone() for parameter in own]
            held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
            for group in optimizer.param_groups:
                if not group.get("lr", 1):  # the user's step sets it
                    group["lr"] = 1.0
            trainee.scale_rates(_FACTOR)
            for _ in range(_CALLS):  # it may gather gradients over many calls
                for parameter in held:
                    parameter.grad = torch.ones_like(parameter)
                with trainee.quiet():
                    optimizer.step()
                if not all(is_same(now.detach(), was) for now, was in zip(own, before, strict=True)):
                    return False
    except MissingNeed:
        return False
    except Exception:  # noqa: BLE001 - an optimizer that wants more than gradients says nothing so
        return False
    return True
