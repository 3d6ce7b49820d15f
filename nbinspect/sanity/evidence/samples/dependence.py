"""How far the output of each sample depends on the input of each other one: samples are exchanged one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nbinspect.records import Chart, Floats
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import contents, relation, sample_axis
from nbinspect.sanity.evidence.samples.awake import awakened
from nbinspect.sanity.evidence.samples.exchanging import exchanged, exchanged_whole
from nbinspect.sanity.evidence.samples.spread import Spread, first_spread, require_within
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output
from nbinspect.seeding import seed_torch

_MOST = 6
_OF_WHOLE = 2
_BESIDE = 4
_VISIBLE = 1e-6
_CLEAR = 1e-3
_RANDOM = 1e-3

Exchange = Callable[[Batch, Batch, int], Batch]


@dataclass(frozen=True, eq=False)
class Dependence:
    """What exchanging the input of one sample does to the outputs of all, in eval mode."""

    matrix: Floats
    """(n, k) how far the output of each sample (row) changed when the input of another (column) was exchanged,
    as a share of the largest change in that column; all zeros in a column where nothing changed."""
    across: float
    """The largest share at a sample other than the one exchanged."""
    affected: int
    """The sample whose output that was."""
    exchanged: int
    """The sample whose input was exchanged for it."""
    is_random: bool
    """Whether the model draws random numbers in eval mode that change its outputs."""
    keeps_places: bool
    """Whether the outputs keep a further axis of the inputs, as of time."""
    source: Spread | None
    """The operation that mixes the samples; None where none does, or where it cannot be told."""

    @property
    def chart(self) -> Chart:
        """The matrix as a picture."""
        rows, columns = self.matrix.shape
        return Chart(
            kind="matrix",
            title="What each sample's output depends on",
            x=f"sample whose input is exchanged (of the first {columns})",
            y="sample whose output changes, as a share of the largest change",
            names=tuple(str(row) for row in range(rows)),
            values=tuple(self.matrix),
            at=np.zeros(0),
        )


def measure_dependence(program: Program, batch: Batch) -> Dependence:
    """Exchange the inputs of up to six samples one by one, and compare the outputs exactly, in eval mode.

    Where no other output changed, four samples are exchanged again, with their masks and lengths. A model that takes no
    smaller batches gets the whole one, with two samples exchanged. Weights that are all zero are random, BatchNorm
    without statistics is fixed, and what the forward writes to weights is written, on a copy.

    Source: K-dependencies.

    Raises:
        MissingNeed: if there are no two samples that differ, rows are related by design, or outputs are none, or
            not one a sample, or the user's own step mixes the samples.
    """
    related = relation(batch)
    if related:
        raise MissingNeed(f"samples that stand alone: {related}")
    if batch.size < 2:
        raise MissingNeed("two samples or more in a batch")
    probe = awakened(program, batch)
    part = batch.taken(range(_count(batch)))
    try:
        before = run_eval(probe, part)
        smaller: tuple[int, ...] | None = _shape_of_fewer(probe, part)
        changed = range(part.size)
    except MissingNeed:
        part, before, smaller, changed = batch, run_eval(probe, batch), None, range(_OF_WHOLE)
    if not before.numel():
        raise MissingNeed("outputs that are not empty")
    if other := _of_other_rows(part, before):
        raise MissingNeed(f"samples that can be told: {other}")
    axis = _axis_of_samples(tuple(before.shape), part, smaller)
    noise = difference(before, run_eval(probe, part, other_seed=True))

    def judged(exchange: Exchange, samples: Iterable[int]) -> Dependence:
        found = [difference(before, run_eval(probe, exchange(part, batch, j))) for j in samples]
        return _judged(probe, (part, batch), (axis, before, noise), found, exchange)

    own = judged(exchanged, changed)
    if own.across <= _VISIBLE and not own.is_random:
        with suppress(MissingNeed):  # a model may refuse other masks, or give outputs as long as the longest
            beside = judged(exchanged_whole, range(min(_BESIDE, part.size)))
            return beside if beside.across > _CLEAR else own
    return own


def _of_other_rows(part: Batch, outputs: Tensor) -> str:
    """Return what says that the samples lie elsewhere; empty where nothing does.

    As where states (N, F) and times (T,) make a course (T, N, F), of which the targets are as many as the times.
    """
    name, first = next(((name, t) for name, t in part.inputs if t.is_floating_point() and t.dim() > 1), ("", None))
    if first is None or len(first) in (1, part.size) or outputs.dim() < 2 or outputs.shape[1] != len(first):
        return ""
    return f"{name} has {len(first)} rows, which are columns of the outputs {tuple(outputs.shape)}"


def run_eval(program: Program, batch: Batch, *, other_seed: bool = False) -> Tensor:
    """Return the tensor that the model gives in eval mode, without a graph.

    Raises:
        MissingNeed: if the model raises on this batch, or gives no floating tensor.
    """
    with refusals(), program.running(training=False):
        if other_seed:
            seed_torch(program.seed + 1)
        outputs = tensor_output(program.outputs(batch))
    if outputs is None or not (outputs.is_floating_point() or outputs.is_complex()):
        raise MissingNeed("outputs that are a floating tensor")
    return outputs.detach().clone()


def require_no_draws(program: Program, batch: Batch) -> None:
    """Compare outputs on batches of other shapes no further where the user's own step draws what its model is given.

    Raises:
        MissingNeed: if passes go through a step, and other draws give other outputs in eval mode.
    """
    if not program.goes_through_step:
        return
    if not torch.equal(run_eval(program, batch), run_eval(program, batch, other_seed=True)):
        raise MissingNeed("a train_step that draws nothing at random before it calls the model")


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what a model raises on batches other than its own into a need that is missing."""
    try:
        yield
    except MissingNeed:
        raise
    except Exception as error:
        raise MissingNeed(f"a model that takes changed batches ({type(error).__name__}: {error})") from error


def difference(before: Tensor, after: Tensor) -> Tensor:
    """Return how far two outputs differ, place by place; 0 where both are NaN, or one is not finite.

    Raises:
        MissingNeed: if their shapes differ.
    """
    if before.shape != after.shape:
        raise MissingNeed("outputs whose shape does not depend on the values of the inputs")
    return torch.nan_to_num((after - before).abs().double(), 0.0, 0.0, 0.0)


def _count(batch: Batch) -> int:
    """Choose how many samples to take: a number that divides no other axis, so that theirs can be told."""
    others = {
        length
        for tensor in contents(batch).values()
        for axis, length in enumerate(tensor.shape)
        if axis != sample_axis(tensor, batch)
    }
    most = min(_MOST, batch.size)
    telling = (n for n in range(most, 2, -1) if not any(length % n == 0 for length in others))
    return next(telling, most)


def _shape_of_fewer(program: Program, part: Batch) -> tuple[int, ...] | None:
    try:
        return tuple(run_eval(program, part.taken(range(part.size - 1))).shape)
    except MissingNeed:
        return None


def _axis_of_samples(shape: tuple[int, ...], part: Batch, smaller: tuple[int, ...] | None) -> int:
    """Return the axis of the outputs that is one row a sample, or a whole number of rows."""
    n = part.size
    if smaller is not None and len(smaller) == len(shape):
        axes = [axis for axis, length in enumerate(shape) if length != smaller[axis]]
        fitting = len(axes) == 1 and shape[axes[0]] % n == 0 and smaller[axes[0]] * n == shape[axes[0]] * (n - 1)
    else:
        axes = [axis for axis, length in enumerate(shape) if length == n]
        fitting = len(axes) == 1
    if not fitting:
        raise MissingNeed(f"outputs with one row a sample; of {n} samples these have the shape {shape}")
    return axes[0]


def _judged(
    program: Program,
    batches: tuple[Batch, Batch],
    outputs: tuple[int, Tensor, Tensor],
    found: list[Tensor],
    exchange: Exchange,
) -> Dependence:
    (part, batch), (axis, before, noise) = batches, outputs
    most = max(float(change.max()) for change in found)
    is_random = float(noise.max()) > _RANDOM * most if most else False
    floor = 0.0 if is_random or not most else 2 * float(noise.max())
    found = [torch.where(change > floor, change, 0.0) for change in found]
    matrices = [torch.stack([rows(change) for change in found], 1) for rows in _groupings(axis, part.size)]
    matrix = min((_normalised(one) for one in matrices), key=_across)
    affected, changed = divmod(int(_off_diagonal(matrix).argmax()), matrix.shape[1])
    across = _across(matrix)
    source = None
    if across > _VISIBLE and is_random and program.goes_through_step:
        raise MissingNeed("a train_step that draws nothing at random before its backward pass")
    if across > _VISIBLE and not is_random:
        spreads = _leaves(changed, part.size)
        source = first_spread(program, part, exchange(part, batch, changed), spreads)
        require_within(program, source)
    places = any(t.dim() > 1 and t.shape[1] in before.shape[1:] for t in contents(part).values())
    return Dependence(matrix.cpu().numpy(), across, affected, changed, is_random, places, source)


def _groupings(axis: int, n: int) -> tuple[Callable[[Tensor], Tensor], ...]:
    """Return how outputs are cut into samples; of rows that are flattened from several axes, either may come first."""

    def in_turn(change: Tensor) -> Tensor:
        return change.movedim(axis, 0).reshape(n, -1).amax(1)

    def in_steps(change: Tensor) -> Tensor:
        moved = change.movedim(axis, 0)
        return moved.reshape(-1, n, moved[0].numel()).amax((0, 2))

    return in_turn, in_steps


def _normalised(matrix: Tensor) -> Tensor:
    return matrix / matrix.amax(0, keepdim=True).clamp_min(torch.finfo(torch.float64).tiny)


def _off_diagonal(matrix: Tensor) -> Tensor:
    return matrix.masked_fill(torch.eye(*matrix.shape, dtype=torch.bool, device=matrix.device), 0.0)


def _across(matrix: Tensor) -> float:
    return float(_off_diagonal(matrix).max())


def _leaves(sample: int, n: int) -> Callable[[Tensor, Tensor], bool]:
    """Return whether a change of one sample of n is found outside of that sample's own part of a tensor."""

    def spreads(before: Tensor, after: Tensor) -> bool:
        if before.shape != after.shape:
            return False
        change: Any = before != after if not before.is_floating_point() else difference(before, after)
        changed = change > _VISIBLE * float(change.max()) if change.is_floating_point() else change
        if not bool(changed.any()):
            return False
        axes = [axis for axis, length in enumerate(changed.shape) if length % n == 0]
        return not any(_is_confined(changed.movedim(axis, 0), sample, n) for axis in axes)

    return spreads


def _is_confined(changed: Tensor, sample: int, n: int) -> bool:
    size = changed[0].numel()
    in_turn = changed.reshape(n, -1).any(1)
    in_steps = changed.reshape(-1, n, size).transpose(0, 1).reshape(n, -1).any(1)
    others = torch.arange(n, device=changed.device) != sample
    return not bool(in_turn[others].any()) or not bool(in_steps[others].any())
