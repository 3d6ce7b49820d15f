"""Tables, and other parameters that no layer multiplies by, whose slices begin alike and can never part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nbinspect.sanity.check import CheckResult, failed, measured
from nbinspect.sanity.evidence.layers.depth import layers_of
from nbinspect.sanity.evidence.layers.symmetry import changes_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded

_APART = 0.1
"""Of the size of the change: how far slices drawn at random part at least, where beginning alike is what binds them."""


@dataclass(frozen=True, eq=False)
class Alike:
    """A parameter whose slices along an axis are all the same, and get the same gradient."""

    name: str
    parameter: nn.Parameter
    axis: int

    @property
    def count(self) -> int:
        """How many slices it has."""
        return self.parameter.shape[self.axis]

    @property
    def noun(self) -> str:
        """What its slices are."""
        named = self.parameter.dim() == 2
        return ("rows", "columns")[self.axis] if named else f"slices along axis {self.axis}"


def tables_alike(program: Program, backward: Recorded, alike: float, steps: int) -> CheckResult | None:
    """Tell of a parameter whose slices remain alike over gradient steps on a copy, but part where drawn at random.

    Slices that part in neither case are redundant, as rows of which the model takes the mean, and no matter of how they
    begin.

    Args:
        program: copied only where slices begin alike and get the same gradient; left unchanged.
        backward: the shared pass with its gradients.
        alike: of the size of the change, how far slices may part and count as alike.
        steps: gradient steps on the copies.
    """
    suspects = list(_suspects(program, backward, alike))
    names = list(dict.fromkeys(one.name for one in suspects))
    changes = changes_of(program, backward.batch, names, steps) if suspects else {}
    bound = [one for one in suspects if changes[one.name].any() and _parting(changes[one.name], one.axis) < alike]
    if not bound:
        return None
    drawn = changes_of(program, backward.batch, names, steps, drawn=names)
    freed = [one for one in bound if _parting(drawn[one.name], one.axis) > _APART]
    return _told(backward, freed[0], _parting(drawn[freed[0].name], freed[0].axis), steps) if freed else None


def _suspects(program: Program, backward: Recorded, alike: float) -> Iterator[Alike]:
    weighted = {layer.name for layer in layers_of(backward)}
    for name, parameter in program.parameters.items():
        gradient = backward.gradients.get(name)
        if name in weighted or gradient is None or parameter.dim() < 2 or not parameter.is_floating_point():
            continue
        axes = [axis for axis in range(parameter.dim()) if _is_alike(parameter.detach(), axis)]
        dense = gradient.to_dense() if axes and gradient.is_sparse else gradient
        yield from (Alike(name, parameter, axis) for axis in axes if dense.any() and _parting(dense, axis) < alike)


def _is_alike(values: Tensor, axis: int) -> bool:
    if values.shape[axis] < 2 or not torch.equal(values.select(axis, 0), values.select(axis, 1)):
        return False
    return bool((values == values.narrow(axis, 0, 1)).all())


def _parting(change: Tensor, axis: int) -> float:
    """Return how far slices part, in the size of their change."""
    size = float(change.abs().max()) if change.numel() else 0.0
    return float((change - change.narrow(axis, 0, 1)).abs().max()) / size if size else 0.0


def _told(backward: Recorded, found: Alike, parting: float, steps: int) -> CheckResult:
    name, noun = found.name, found.noun
    uses = (one for one in backward.operations if any(tensor is found.parameter for tensor in one.given))
    first = next((one for one in uses if one.step.kind == "operation"), None)
    return failed(
        f"all {found.count} {noun} of {name} are alike",
        measured(f"different {noun} of {name}", 1, f"{found.count}"),
        measured(f"parting after {steps} steps where they begin at random, of the change", parting, "0 as they are"),
        title=f"The {noun} of {name} are all alike",
        detail=f"Its {found.count} {noun} begin with the same values (the first is "
        f"{float(found.parameter.detach().reshape(-1)[0]):.3g}) and get the same gradient, so they remain one: after "
        f"{steps} gradient steps on a copy they are still alike, and drawn at random they part.",
        remedy="Begin it at random: nn.init.normal_ with a small spread.",
        where=name,
        place=first.step.place if first is not None else None,
        code=f"+ nn.init.normal_(model.get_parameter({name!r}), std=0.1)",
        confirmed=True,
    )
