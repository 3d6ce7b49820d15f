"""A copy of the program in float64 on a few samples, with its gradients: to be compared with finite differences."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.capture.operation_mode import LEAVES_THE_GRAPH
from nbinspect.nested import map_tensors
from nbinspect.sanity.batches import Batch, made_again
from nbinspect.sanity.evidence.numbers.differences import Slope, directions_for, slope_along
from nbinspect.sanity.evidence.numbers.functions import FunctionCall, Verdict, first_calls, functions_in, tested
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record

_DIRECTIONS = 2
_MOST = 8
_STOPS = re.compile(r"detach|data|gumbel_softmax|fake_quantize\w*|spectral_norm|stop_gradient")
_ATTENDS = "attention"


@dataclass(frozen=True, eq=False)
class Doubled:
    """The program in float64."""

    program: Program
    batch: Batch
    recorded: Recorded
    calls: list[FunctionCall]
    """The first call of each custom function."""
    single: str
    """The first operation of the graph that works in less than float64; empty where none does."""
    single_dtype: str

    @cached_property
    def _flowing(self) -> dict[str, tuple[Tensor, Tensor]]:
        named = self.program.parameters
        found = {
            name: (named[name], gradient)
            for name, gradient in self.recorded.gradients.items()
            if gradient is not None and name in named  # a forward may make parameters of its own
        }
        return {name: (p, g.to_dense() if g.is_sparse else g) for name, (p, g) in found.items()}

    @cached_property
    def _padding(self) -> dict[int, list[int]]:
        """The rows of each embedding's weight that stand for padding, by the weight's id."""
        found: dict[int, list[int]] = {}
        for module in self.program.network.modules():
            if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.padding_idx is not None:
                found.setdefault(id(module.weight), []).append(module.padding_idx)
        return found

    def slopes(self) -> list[Slope]:
        """Return the slope of the loss along random directions of all parameters at once."""
        return [self._slope(list(self._flowing)) for _ in range(_DIRECTIONS)]

    def worst(self) -> tuple[str, Slope]:
        """Return the parameter, of the few that matter most, along which autograd is furthest off."""
        weight = {name: float(p.detach().norm() * g.norm()) for name, (p, g) in self._flowing.items()}
        most = sorted(weight, key=lambda name: -weight[name])[:_MOST]
        slopes = {name: self._slope([name]) for name in most}
        return max(slopes.items(), key=lambda pair: pair[1].off)

    def wrong_function(self) -> tuple[tuple[FunctionCall, Verdict] | None, list[str]]:
        """Test the custom functions alone; return the first that is wrong, and which could not be tested."""
        doubts = []
        for call in self.calls:
            try:
                with torch.inference_mode(mode=False), torch.enable_grad():
                    verdict = tested(call)
            except Exception as error:  # noqa: BLE001 - it may refuse float64, copies, or being called alone
                doubts.append(f"{call.function.__name__} cannot be tested alone ({type(error).__name__})")
                continue
            if verdict is not None:
                return (call, verdict), doubts
        return None, doubts

    def doubts(self) -> list[str]:
        """Return why the gradient may not be that of the loss: single precision, stops and bends on purpose."""
        found = [f"{self.single} works in {self.single_dtype}"] if self.single else []
        for path, module in self.program.network.named_modules():
            if isinstance(module, nn.Embedding | nn.EmbeddingBag) and module.max_norm is not None:
                found.append(f"{path or 'the embedding'} rescales its rows in the forward pass (max_norm)")
        for one in self.recorded.operations:
            step = one.step
            stopped = _STOPS.fullmatch(word_of(step.name)) or step.name in LEAVES_THE_GRAPH or not step.grad_enabled
            place = where_of(one)
            if step.kind == "operation" and stopped:
                found.append(f"{place} stops the gradient")
            if step.kind == "operation" and _ATTENDS in word_of(step.name) and _is_mixed(one.given):
                found.append(f"{place} is given a mask in single precision, beside which its gradient is not exact")
        return found

    def _slope(self, names: list[str]) -> Slope:
        points = [self._flowing[name][0] for name in names]
        gradients: list[Tensor | None] = [self._flowing[name][1] for name in names]
        directions = directions_for(points, gradients)
        for point, direction in zip(points, directions, strict=True):
            for row in self._padding.get(id(point), ()):
                direction[row] = 0  # a row to which embeddings give no gradient, by design
        return slope_along(self._loss, points, directions, gradients, float(self.recorded.loss.detach()))

    def _loss(self) -> float:
        with self.program.running(gradients=True):  # a model may differentiate on its own
            return float(self.program.scalar_loss(self.program.outputs(self.batch), self.batch).detach())


def doubled(program: Program, recorded: Recorded, samples: int) -> Doubled:
    """Return a copy of the program in float64, and its recorded pass on a few samples; the program stays unchanged.

    A program that takes no smaller batches, as of a graph, gets the whole one.

    Raises:
        MissingNeed: if program or batch cannot be copied.
        RuntimeError: if it does not run in float64.
    """
    copy = program.copied()
    copy.network.double()
    if copy.loss_module is not None:
        copy.loss_module.double()
    few = recorded.batch.taken(range(min(samples, recorded.batch.size)))
    functions = functions_in(recorded.loss)
    for part in (few, recorded.batch):
        wide = map_tensors(lambda t: t.double() if t.is_floating_point() else t, part.raw)
        batch = made_again(replace(part, subject=copy.subject), wide)
        with first_calls(functions) as calls:
            again = record(copy, batch)
        if again.error is None:
            break
    if again.error is not None:
        raise RuntimeError(str(again.error)) from again.error
    if again.no_backward or not isinstance(again.loss, Tensor):
        raise RuntimeError(again.no_backward or "there is no loss")
    single = next(
        (
            (one, made)
            for one in again.operations
            for made in one.made
            if made.requires_grad and made.is_floating_point() and made.dtype is not torch.float64
        ),
        None,
    )
    name = single[0].step.name if single else ""
    return Doubled(copy, batch, again, calls, name, str(single[1].dtype).removeprefix("torch.") if single else "")


def _is_mixed(given: Sequence[Tensor]) -> bool:
    return len({tensor.dtype for tensor in given if tensor.is_floating_point()}) > 1
