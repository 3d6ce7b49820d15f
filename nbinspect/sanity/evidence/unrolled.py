"""How the gradient fares through the time of a recurrent network, fused or written as a loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

import torch
from torch import Tensor, nn

from nbinspect.sanity.evidence.depth import is_weighing, norm, size_of
from nbinspect.sanity.evidence.lineage import ancestors
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_LEAST = 8
_GROWS = 1.05
_NEARLY_ALL = 0.75


@dataclass(frozen=True, eq=False)
class Unrolled:
    """Weights that are applied again and again, each time to what came of the time before."""

    name: str
    operation: Operation
    """The last application, or the whole call of a fused layer."""
    norms: tuple[float, ...]
    """Of the gradient at each time, from the first to the last."""

    @property
    def grows(self) -> float:
        """How many times the last gradients the first ones are; 1 where it is not the steps that make them grow."""
        steps = [before / after for before, after in pairwise(self.norms)]
        if sum(step > _GROWS for step in steps) < _NEARLY_ALL * len(steps):
            return 1.0
        few = max(1, len(self.norms) // 8)
        return min(self.norms[:few]) / max(self.norms[-few:])


def unrolled(program: Program, backward: Recorded) -> Iterator[Unrolled]:
    """Give what is applied at eight times or more; the recurrent layers of PyTorch are run once more, on the batch."""
    for one in _loops(backward), _layers(program, backward):
        for name, operation, norms in one:
            known = tuple(value for value in norms if isfinite(value) and value > 0)
            if len(known) >= _LEAST:
                yield Unrolled(name, operation, known)


def _loops(backward: Recorded) -> Iterator[tuple[str, Operation, list[float]]]:
    uses: dict[str, list[Operation]] = defaultdict(list)
    for one in backward.operations:
        if one.step.kind == "operation" and not one.in_loss and is_weighing(one):
            for use in one.step.inputs:
                if use.origin in backward.gradients:
                    uses[use.origin].append(one)
    for name, operations in uses.items():
        if len(operations) < _LEAST:
            continue
        before = {one.step.index for one in ancestors(backward, operations[-1])}
        if all(one.step.index in before for one in operations):
            moments = (next((made.gradient for made in one.step.outputs if made.gradient), None) for one in operations)
            yield name, operations[-1], [size_of(one) if one is not None else 0.0 for one in moments]


def _layers(program: Program, backward: Recorded) -> Iterator[tuple[str, Operation, list[float]]]:
    modules = dict(program.network.named_modules())
    for one in backward.operations:
        module = modules.get(one.step.path)
        given = next((tensor for tensor in one.given if tensor.dim() == 3 and tensor.is_floating_point()), None)
        if one.step.kind == "module" and isinstance(module, nn.RNNBase) and given is not None:
            yield one.step.path or type(module).__name__, one, _through(program, backward, module, given)


def _through(program: Program, backward: Recorded, module: nn.RNNBase, given: Tensor) -> list[float]:
    """Return the norm of the gradient with respect to the input at each time, of what the layer gives at the last."""
    with program.running(gradients=True):
        program.count(backward.batch)
        entering = given.detach().clone().requires_grad_()
        try:
            made = module(entering)[0]
        except RuntimeError:
            return []
        time = 1 if module.batch_first else 0
        last = made.select(time, made.shape[time] - 1)[..., : module.hidden_size]
        (gradient,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), [entering])
    return [norm(part) for part in gradient.unbind(time)]
