"""How far outputs change when an input changes from a position on, and by which way that reaches earlier positions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nbinspect.records import Chart, Floats
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.contents import contents, sample_axis
from nbinspect.sanity.evidence.samples.dependence import difference, run_eval
from nbinspect.sanity.evidence.samples.spread import Spread, first_spread, given_at, is_of_step
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import tensor_output

_LEAST = 4
_VISIBLE = 1e-6
_ROUNDING = 8


@dataclass(frozen=True, eq=False)
class Ahead:
    """How far outputs change when an input changes from a position on."""

    name: str
    """Of the input."""
    cut: int
    """The first position that was changed."""
    effect: Floats
    """(T,) change of the outputs at each position, as a share of the largest; some of it is not 0."""
    before: float
    """The largest share before the cut: 0 for a causal model."""
    seen: int
    """How far the last token that an output sees is ahead of its place: −1 for a model that sees what lies before a
    position alone, 1 for one that is given all but the first token."""
    source: Spread | None
    """The operation that carries the change back; None where none does, or where it cannot be told."""
    is_told: bool
    """Whether it does so by way of what was made of the whole input before, as an autoencoder's code is: a tensor
    without positions, or a first reading of tokens that are looked up once more after it."""

    @property
    def chart(self) -> Chart:
        """The effect as a picture."""
        return Chart(
            kind="bars",
            title=f"Change of the outputs when {self.name} changes from position {self.cut} on",
            x="position",
            y="share of the largest change",
            names=tuple(str(position) for position in range(len(self.effect))),
            values=(self.effect,),
            at=np.zeros(0),
        )


def look_ahead(program: Program, batch: Batch, few: int = 4) -> list[Ahead]:
    """Change each input from a position on, for a few samples in eval mode, and look at the outputs at all positions.

    Of the axes that may be time, that which shows the least dependence on later positions counts; inputs that change
    no output are left out. Source: K-dependencies.
    """
    count = _count(batch, few)
    part = batch.taken(range(count)) if count else batch
    before = run_eval(program, part)
    found = []
    for name, tensor in contents(part).items():
        looks = [_look(program, part, name, axis, before) for axis in _time_axes(tensor, part)]
        least = min((look for look in looks if look is not None), key=lambda look: look.before, default=None)
        if least is not None:
            found.append(least)
    return found


def is_asked_for(program: Program, batch: Batch, look: Ahead) -> bool:
    """Whether the loss heeds an output that sees ahead: not those of a text that is given whole, to be gone on with.

    True where there is no such loss.
    """
    try:
        with program.running(training=False, gradients=True):
            outputs = program.outputs(batch)
            target = tensor_output(outputs)
            loss = program.scalar_loss(outputs, batch)
            if target is None:
                return True
            (gradient,) = torch.autograd.grad(loss, [target], allow_unused=True)
    except Exception:  # noqa: BLE001 - the look itself has run
        return True
    if gradient is None or not bool(gradient.any()):
        return True
    sees = torch.from_numpy(look.effect[: look.cut] > _VISIBLE)
    ways = (way.cpu()[: look.cut] for _, way in _by_position(gradient.abs(), len(look.effect), max(1, batch.size)))
    return all(bool((sees & (way > 0)).any()) for way in ways)


def _count(batch: Batch, few: int) -> int:
    """Choose how many samples to take: no number that may be one of positions."""
    lengths = {size for tensor in contents(batch).values() for size in tensor.shape if size != batch.size}
    telling = (n for n in range(min(few, batch.size), 1, -1) if not lengths & {n, n + 1})
    return next(telling, min(few, batch.size))


def _time_axes(tensor: Tensor, batch: Batch) -> list[int]:
    samples = sample_axis(tensor, batch)
    axes = [axis for axis in range(min(tensor.dim(), 3)) if axis != samples]
    return [axis for axis in axes if tensor.shape[axis] >= _LEAST]


@dataclass(frozen=True)
class _Part:
    """An axis of an input along which it is changed."""

    name: str
    axis: int
    length: int
    """Of the axis."""
    count: int
    """How many samples there are."""


def _look(program: Program, batch: Batch, name: str, axis: int, before: Tensor) -> Ahead | None:
    """Return what one input does that is changed along an axis; None where outputs have no positions, or stay."""
    tensor = dict(batch.inputs)[name]
    part = _Part(name, axis, tensor.shape[axis], max(1, batch.size))
    length = _positions(program, batch, part, before)
    cut, other = _changed_after(tensor, axis, sample_axis(tensor, batch))
    in_line = length == part.length or not cut or _ignores_last(program, batch, part, before)
    if not in_line:
        cut -= 1  # outputs may as well lack the first position
    if not 0 < cut < length:
        return None
    changed = batch.with_inputs({name: other})
    change = _visible(before, run_eval(program, changed))
    effect = _least_effect(_by_position(change, length, part.count), cut)
    if effect is None:
        return None
    source, is_told = None, False
    if float(effect[:cut].max()) > _VISIBLE:
        fewer = _without_last(batch, part)
        short = _outputs(program, fewer)
        if short is not None:  # an axis of as many classes stays as long as it is
            ways = ((at, way) for at, way in _by_position(change, length, part.count) if _is_less(short, before, at))
            effect = _least_effect(ways, cut)
            if effect is None:
                return None
        source = first_spread(program, batch, changed, _reaches_back(length, cut, part.count))
        if is_of_step(program, source):
            return None
        is_told = source is not None and _is_told(program, (batch, changed), source, length, part.count)
        if not is_told and short is not None and cut < length - 1:  # states may be as wide as texts are long
            pair = fewer, _without_last(changed, part)
            other_source = first_spread(program, *pair, _reaches_back(length - 1, cut, part.count))
            is_told = other_source is not None and _is_told(program, pair, other_source, length - 1, part.count)
    least = float(effect[:cut].max())
    first = next((at for at in range(cut, length) if float(effect[at]) >= _VISIBLE), length)
    return Ahead(name, cut, effect.cpu().numpy(), least, max(-1, cut + (not in_line) - first), source, is_told)


def _positions(program: Program, batch: Batch, part: _Part, before: Tensor) -> int:
    """Return at how many positions of an input there are outputs; 0 where they have none.

    A model may leave one out; that these are positions is then seen by giving it one less.
    """
    if any(True for _ in _by_position(before, part.length, part.count)):
        return part.length
    axes = [axis for axis, _ in _by_position(before, part.length - 1, part.count)]
    short = _outputs(program, _without_last(batch, part)) if axes else None
    return part.length - 1 if short is not None and any(_is_less(short, before, axis) for axis in axes) else 0


def _is_less(short: Tensor, before: Tensor, axis: int) -> bool:
    return short.dim() == before.dim() and short.shape[axis] < before.shape[axis]


def _without_last(batch: Batch, part: _Part) -> Batch:
    """Return the batch with all that is as long as an input cut by its last position."""

    def cut(tensor: Tensor) -> Tensor:
        samples = sample_axis(tensor, batch)
        for axis, size in enumerate(tensor.shape):
            if size == part.length and axis != samples:
                tensor = tensor.narrow(axis, 0, size - 1).contiguous()  # as loaders give it
        return tensor

    return batch.changed(cut)


def _outputs(program: Program, batch: Batch) -> Tensor | None:
    try:
        return run_eval(program, batch)
    except MissingNeed:
        return None


def _ignores_last(program: Program, batch: Batch, part: _Part, before: Tensor) -> bool:
    """Whether the last position of an input changes nothing: the model has left out that one."""
    tensor = dict(batch.inputs)[part.name].detach()
    last = tensor.narrow(part.axis, part.length - 1, 1)
    others = (tensor.narrow(part.axis, at, 1) for at in range(part.length - 1))
    other = next((one for one in others if not bool((one == last).any())), None)
    if other is None:
        return False
    other = torch.cat([tensor.narrow(part.axis, 0, part.length - 1), other], part.axis)
    after = _outputs(program, batch.with_inputs({part.name: other}))
    return after is not None and after.shape == before.shape and not bool(_visible(before, after).any())


def _visible(before: Tensor, after: Tensor) -> Tensor:
    change = difference(before, after)
    return torch.where(change > _ROUNDING * torch.finfo(before.dtype).eps * before.abs().max(), change, 0.0)


def _least_effect(ways: Iterable[tuple[int, Tensor]], cut: int) -> Tensor | None:
    """Return the change at each position as a share of the largest, of the way that shows the least before a cut."""
    shares = [way / way.max() for _, way in ways if bool(way.any())]
    return min(shares, key=lambda way: float(way[:cut].max()), default=None)


def _is_told(program: Program, pair: tuple[Batch, Batch], source: Spread, length: int, count: int) -> bool:
    """Whether a step is given what was made of all positions, and has none itself, or more tokens are read after it."""
    (one, read), (other, read_again) = (given_at(program, batch, source) for batch in pair)
    differing = [a for a, b in zip(one, other, strict=False) if a.shape == b.shape and not torch.equal(a, b)]
    if any(not any(True for _ in _by_position(tensor, length, count, tensor.dim())) for tensor in differing):
        return True
    return any(a.shape == b.shape and not torch.equal(a, b) for a, b in zip(read, read_again, strict=False))


def _changed_after(tensor: Tensor, axis: int, samples: int | None) -> tuple[int, Tensor]:
    """Return a position and the tensor with other values from there on; 0 where no values differ."""
    values = tensor.detach()
    donors = values.roll(1, samples) if samples is not None else values
    if torch.equal(donors, values):
        donors = values.flip(axis)
    length = values.shape[axis]
    for cut in range(max(1, length // 3), length):
        if not torch.equal(donors.select(axis, cut), values.select(axis, cut)):
            kept = values.narrow(axis, 0, cut)
            return cut, torch.cat([kept, donors.narrow(axis, cut, length - cut)], axis)
    return 0, values


def _by_position(change: Tensor, length: int, count: int, flat: int = 1) -> Iterator[tuple[int, Tensor]]:
    """Give (T,) the largest change at each position, for every axis that may be time.

    Of the first axes, so many may as well hold the positions of all samples.
    """
    for axis, size in enumerate(change.shape):
        moved = change.movedim(axis, 0)
        if size == length:
            yield axis, moved.reshape(length, -1).amax(1)
        elif axis < flat and size > length and size % (length * count) == 0:
            yield axis, moved.reshape(-1, length, moved[0].numel()).amax((0, 2))
            yield axis, moved.reshape(count, length, -1).amax((0, 2))  # several rows a position
            yield axis, moved.reshape(length, -1).amax(1)


def _reaches_back(length: int, cut: int, count: int) -> Callable[[Tensor, Tensor], bool]:
    """Return whether a change from a position on is found before it."""

    def spreads(before: Tensor, after: Tensor) -> bool:
        if before.shape != after.shape or not before.is_floating_point():
            return False
        change = difference(before, after)
        most = float(change.max()) if change.numel() else 0.0
        ways = [way for _, way in _by_position(change, length, count, change.dim())]
        return most > 0 and bool(ways) and all(float(way[:cut].max()) > _VISIBLE * most for way in ways)

    return spreads
