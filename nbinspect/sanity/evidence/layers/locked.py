"""Products whose factors begin at zero, so that each keeps the gradient of the other, or its own, at zero."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.evidence.layers.depth import Layer, norm
from nbinspect.sanity.evidence.layers.symmetry import changes_of
from nbinspect.sanity.evidence.passes.lineage import reaching, roots
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_MULTIPLIES = re.compile(
    r"mul|multiply|bmm|mm|matmul|einsum|linear|bilinear|conv\w*|scaled_dot_product_attention|inner|outer|dot"
)


@dataclass(frozen=True, eq=False)
class Locked:
    """A product that stays zero."""

    product: Operation
    first: str
    """The parameter of zeros that makes one factor zero, by its name."""
    second: str
    """That of the other."""


def of_locked(program: Program, backward: Recorded, steps: int) -> CheckResult | None:
    """Tell of two factors that keep each other at zero; arguments as those of `locked`."""
    pair = locked(program, backward, steps)
    if pair is None:
        return None
    return failed(
        f"{pair.first} and {pair.second} keep each other at zero",
        measured("gradient steps on a copy after which both are still zero", steps, "0"),
        title=f"{pair.first} and {pair.second} keep each other at zero",
        detail=f"Both begin at zero and are multiplied in {pair.product.step.name}, so that each gets a gradient of "
        f"zero from the other: after {steps} gradient steps on a copy neither has moved.",
        remedy="Begin one of the two at random, or both with a small spread.",
        where=pair.first,
        place=pair.product.step.place,
        code=f"+ nn.init.normal_(model.get_parameter({pair.first!r}), std=0.1)",
        confirmed=True,
    )


def locked(program: Program, backward: Recorded, steps: int) -> Locked | None:
    """Return the first product on the way to the loss whose factors begin at zero and are still there after some steps.

    Args:
        program: copied only where there is such a product; left unchanged.
        backward: the recorded pass with its gradients.
        steps: of gradients, on the copy.
    """
    still = {name for name, one in program.parameters.items() if _is_still(one, backward.gradients.get(name))}
    for found in _products(backward, still) if len(still) > 1 else ():
        changes = changes_of(program, backward.batch, [found.first, found.second], steps)
        if not any(bool(change.any()) for change in changes.values()):
            return found
    return None


def of_own_factor(program: Program, backward: Recorded, layers: Sequence[Layer], steps: int) -> CheckResult | None:
    """Tell of a weight that itself keeps its gradient at zero: with nothing else changed, drawn at random it gets one.

    What is closed from elsewhere, by a gate or a layer of zeros that has yet to move, or what is not picked, gets none
    in either case; nor does it count what moves whatever the samples are, by a penalty on all weights, and what need
    not move, since the loss is zero as it is.

    Args:
        program: copied; left unchanged.
        backward: the recorded pass with its gradients.
        layers: those that have not moved.
        steps: for how many gradient steps they have not.
    """
    is_perfect = isinstance(backward.loss, Tensor) and not bool(backward.loss.any())
    for layer in layers:
        gradient = backward.gradients.get(layer.name)
        if is_perfect or gradient is None or norm(gradient) > 0:
            continue
        if _is_freed(program, backward, layer.name):
            return _of_own_factor(layer, steps)
    return None


def _is_freed(program: Program, backward: Recorded, name: str) -> bool:
    """Whether a weight that is drawn at random moves, and by the samples that it is given."""
    made = partial(changes_of, program, backward.batch, [name], 1, drawn=[name])
    change = made()[name]
    try:
        return bool(change.any()) and not torch.equal(change, made(first=True)[name])
    except MissingNeed:
        raise
    except Exception:  # noqa: BLE001 - a loss may refuse samples that are all the same
        return False


def _of_own_factor(layer: Layer, steps: int) -> CheckResult:
    name = layer.name
    return failed(
        f"{name} keeps its own gradient at zero",
        measured("gradient steps on a copy after which it has not moved", steps, "0"),
        measured("gradient steps after which it moves, drawn at random", 1, "1 as it is, too"),
        title=f"{name} keeps its own gradient at zero",
        detail=f"As it begins (the first of its values is {float(layer.weight.detach().reshape(-1)[0]):.3g}), its "
        f"gradient is exactly zero, and after {steps} gradient steps on a copy it has not moved; drawn at random, with "
        "all else as it is, it moves at the first. It is multiplied by itself, or switched off by its own value.",
        remedy="Begin it at random, with a small spread.",
        where=name,
        place=layer.operation.step.place,
        code=f"+ nn.init.normal_(model.get_parameter({name!r}), std=0.1)",
        confirmed=True,
    )


def _is_still(parameter: Tensor, gradient: Tensor | None) -> bool:
    """Whether a weight, or a gate of one number, is zero and so is its gradient."""
    if gradient is None or not parameter.requires_grad or (parameter.dim() < 2 and parameter.numel() != 1):
        return False
    return not bool(parameter.any()) and float(gradient.norm()) == 0


def _products(backward: Recorded, still: set[str]) -> Iterator[Locked]:
    wanted = reaching(backward)
    for one in backward.operations:
        if one.step.kind != "operation" or one.step.index not in wanted or len(one.given) < 2:
            continue
        factors = one.given[:2]
        zero = all(part.is_floating_point() and part.requires_grad and not bool(part.any()) for part in factors)
        if zero and _MULTIPLIES.fullmatch(word_of(one.step.name)):
            first, second = (sorted(roots(backward, one, at) & still) for at in (0, 1))
            if first and second and first != second:
                yield Locked(one, first[0], second[-1])
