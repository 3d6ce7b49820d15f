"""Operations that send exactly zero back: rounding, signs, clamps of every element, a softmax over one element."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.evidence.passes.graph import function_of
from nbinspect.sanity.evidence.passes.lone import lone_weights
from nbinspect.sanity.evidence.passes.reach import leaves_of
from nbinspect.sanity.recorded import Operation, Recorded

_ROUNDS = re.compile(r"(Round|Sign|Sgn|Floor|Ceil|Trunc|Bernoulli)Backward\d")
_CLAMPS = re.compile(r"clamp|clip|clamp_max")


def is_clamp(operation: Operation) -> bool:
    """Return whether an operation holds values below a bound."""
    return _CLAMPS.fullmatch(word_of(operation.step.name)) is not None


def rounds(node: Any) -> bool:
    """Return whether a node of the graph is of rounding or signs, also as a division does by its rounding mode."""
    return _ROUNDS.fullmatch(type(node).__name__) is not None or bool(getattr(node, "_saved_rounding_mode", None))


def behind_flat(recorded: Recorded, wanted: Mapping[str, Tensor]) -> dict[str, Operation]:
    """Return the parameters of zero gradient that the loss reaches through flat operations alone, each with one."""
    zero = [name for name, g in recorded.gradients.items() if name in wanted and g is not None and not g.any()]
    flat = {function_of(one.made[0]): one for one in recorded.operations if _is_flat(one)} if zero else {}
    flat |= {function_of(one.made[0]): one for one in lone_weights(recorded)} if zero else {}
    if not flat:
        return {}
    met: list[Operation] = []

    def enter(node: Any) -> bool:
        if node in flat:
            met.append(flat[node])
        return node not in flat

    free = leaves_of(recorded.loss, enter)
    found: dict[str, Operation] = {}
    for one in met:
        beyond = leaves_of(one.made[0])
        found |= {name: one for name in zero if id(wanted[name]) in beyond.keys() - free.keys()}
    return found


def _is_flat(one: Operation) -> bool:
    """Whether an operation sends back exactly zero for all that it was given in this pass."""
    if one.step.kind != "operation" or len(one.made) != 1 or not one.given or function_of(one.made[0]) is None:
        return False
    if rounds(function_of(one.made[0])):
        return True
    made, given = one.made[0].detach(), one.given[0].detach()
    if not is_clamp(one) or made.shape != given.shape or not made.numel():
        return False
    # a floor alone is a rectifier, or a hinge that is satisfied
    ceiling = getattr(one.made[0].grad_fn, "_saved_max", None) is not None
    return bool((made != given).all() and (ceiling or (made < given).any()))
