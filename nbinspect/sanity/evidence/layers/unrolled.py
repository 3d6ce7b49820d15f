"""How the gradient fares through the time of a recurrent network, fused or written as a loop."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from nbinspect.capture.kinds import word_of
from nbinspect.records import CheckResult
from nbinspect.sanity.check import failed, measured, warned
from nbinspect.sanity.evidence.layers.depth import is_weighing, magnitude, norm, size_of, through_depth
from nbinspect.sanity.evidence.passes.lineage import ancestors
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_LEAST = 8
_GROWS = 1.05
_NEARLY_ALL, _NEARLY_EVERY = 0.75, 0.9
CLIP = "+ torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)"
"""The line that clips the norm of the gradient."""
_SCALES = ("mul", "multiply", "rmul")


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
        few = self._few
        if self._growing < _NEARLY_ALL:
            return 1.0
        return min(self.norms[:few]) / max(self.norms[-few:])

    @property
    def is_steady(self) -> bool:
        """Whether nearly all stretches of a few times make it grow."""
        return self._growing >= _NEARLY_EVERY

    @property
    def _few(self) -> int:
        return max(1, len(self.norms) // 8)

    @property
    def _growing(self) -> float:
        """Share of stretches of a few times over which it grows: from one to the next, chaos has it fall as well."""
        few = self._few
        stretches = [before / after for before, after in zip(self.norms, self.norms[few:], strict=False)]
        return sum(growth > _GROWS**few for growth in stretches) / len(stretches)


def told_through_time(through: Unrolled, most: float) -> CheckResult:
    """Tell of a gradient that grows through time: a failure above this factor, else a warning."""
    norms = through.norms
    return (failed if through.grows > most else warned)(
        f"gradient grows to {magnitude(through.grows)} through {len(norms)} times",
        measured("gradient at the first times, of that at the last", through.grows, f"below {most:g}"),
        measured("growth from one time to the one before", (norms[0] / norms[-1]) ** (1 / (len(norms) - 1)), "about 1"),
        title="The gradient explodes through time",
        detail=f"Each of {len(norms)} applications of {through.name} multiplies the gradient, so that what came first "
        "is given all of it, and the step is as good as random.",
        remedy="Begin with orthogonal recurrent weights (a spectral radius of 1), use nn.LSTM or nn.GRU, normalise the "
        "state, or clip the norm of the gradient at 1.",
        where=through.name,
        place=through.operation.step.place,
        code=CLIP,
        charts=(through_depth("Gradient through time", "norm", [f"time {t}" for t in range(len(norms))], norms),),
    )


def unrolled(program: Program, backward: Recorded) -> Iterator[Unrolled]:
    """Give what is applied at eight times or more; the recurrent layers of PyTorch are run once more, on the batch."""
    for one in _loops(backward), _layers(program, backward):
        for name, operation, norms in one:
            known = tuple(value for value in norms if isfinite(value) and value > 0)
            if len(known) >= _LEAST:
                yield Unrolled(name, operation, known)


def later_states(program: Program, one: Operation) -> Tensor | None:
    """Return the states of a recurrent layer of PyTorch with tanh that a state came before, (…, H); None of others.

    At the first time there is none yet, so that the weights between states tell nothing of it. Only the last of
    stacked layers gives its states.
    """
    module = dict(program.network.named_modules()).get(one.step.path)
    if word_of(one.step.name) != "rnn_tanh" or not isinstance(module, nn.RNNBase) or not one.given or not one.made:
        return None
    states = one.made[0].detach()
    if _is_packed(one):  # those of one time after those of another
        return states[int(one.given[1][0]) :]
    return states[:, 1:] if module.batch_first else states[1:]


def weights_of(one: Operation) -> tuple[Tensor, ...]:
    """Return the weights that a recurrent layer of PyTorch was given, without its input and its first state."""
    return one.given[3 if _is_packed(one) else 2 :]


def gain_of(one: Operation) -> float:
    """Return the largest spread of what the weights between states add up, in a recurrent layer of PyTorch, at ±1."""
    between = [weight for weight in weights_of(one) if weight.dim() > 1][1::2]
    return max((norm(weight.detach()) / weight.shape[0] ** 0.5 for weight in between), default=0.0)


def _is_packed(one: Operation) -> bool:
    return one.given[0].dim() == 2


def _loops(backward: Recorded) -> Iterator[tuple[str, Operation, list[float]]]:
    for name, operations in _uses(backward).items():
        if len(operations) < _LEAST:
            continue
        before = {one.step.index for one in ancestors(backward, operations[-1])}
        if all(one.step.index in before for one in operations):
            moments = (next((made.gradient for made in one.step.outputs if made.gradient), None) for one in operations)
            yield name, operations[-1], [size_of(one) if one is not None else 0.0 for one in moments]


def _uses(backward: Recorded) -> dict[str, list[Operation]]:
    """Return by the name of each parameter what multiplies by it, or by what is made of it alone, as `weight.T`."""
    uses: dict[str, list[Operation]] = defaultdict(list)
    made_of: dict[int, str] = {}
    for one in backward.operations:
        if one.step.kind != "operation" or one.in_loss:
            continue
        roots = [made_of.get(use.step, "") if use.step is not None else use.origin for use in one.step.inputs]
        names = [root for root in roots if root in backward.gradients]
        if names and len(names) == len(roots):
            made_of[one.step.index] = names[0]
        elif is_weighing(one) or word_of(one.step.name) in _SCALES:
            for name in names:
                uses[name].append(one)
    return uses


def _layers(program: Program, backward: Recorded) -> Iterator[tuple[str, Operation, list[float]]]:
    modules = dict(program.network.named_modules())
    for one in backward.operations:
        module = modules.get(one.step.path)
        if one.step.kind == "operation" and isinstance(module, nn.RNNBase) and is_weighing(one):
            yield one.step.path or type(module).__name__, one, _through(program, backward, module, one)


def _by_time(module: nn.RNNBase, one: Operation) -> tuple[Tensor, Tensor]:
    """Return what a recurrent layer was given, the samples of one time after those of another, and how many each has.

    Packed sequences come so; those that end early are the last of their times.
    """
    given, sizes = one.given[:2]
    if _is_packed(one):
        return given, sizes.cpu()
    by_time = given.transpose(0, 1) if module.batch_first else given
    return by_time.flatten(0, 1), torch.full((by_time.shape[0],), by_time.shape[1])


def _through(program: Program, backward: Recorded, module: nn.RNNBase, one: Operation) -> list[float]:
    """Return the norm of the gradient with respect to the input at each time, of what the layer gives at the last."""
    values, sizes = _by_time(module, one)
    left = int(sizes[-1])
    with program.running(gradients=True):
        program.count(backward.batch)
        entering = values.detach().clone().requires_grad_()
        try:
            made = module(PackedSequence(entering, sizes))[0].data
        except RuntimeError:
            return []
        last = made[-left:, : module.hidden_size]
        (gradient,) = torch.autograd.grad((last * torch.randn_like(last)).sum(), [entering])
    return [norm(part[:left]) for part in torch.split(gradient, sizes.tolist())]
