"""How a loss, and each term of it, grows with the number of samples, and the rate of the optimizer that it meets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.optim import LBFGS, SGD, Optimizer

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Measurement
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, measured
from nbinspect.sanity.evidence.data.contents import sample_axis
from nbinspect.sanity.evidence.losses.descent import descending
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.own_step import record_again
from nbinspect.sanity.trials.running.trainee import needing, trained
from nbinspect.subject import named_optimizers, rate_of

_STEPS, _TIMES = 6, 3.0
_FAR = 10.0  # over successive batches, where a rise may pass
_MOST_OUTPUTS, _LEAST = 2**22, 4


@dataclass(frozen=True)
class Trial:
    """Steps of SGD on the batch, on copies."""

    start: float
    summed: float
    """The highest loss of a few steps on the sum, as it is; NaN or infinite where it ends so."""
    steps: int
    """How many these were."""
    averaged: float
    """The loss after one step on the mean."""
    is_of_several: bool = False
    """Whether these steps were taken on successive batches."""

    @property
    def harms(self) -> bool:
        """Whether the loss goes up severalfold by the sum, and falls by the mean."""
        most = _FAR if self.is_of_several else _TIMES
        return not self.summed <= most * abs(self.start) and self.averaged < self.start

    @property
    def shown(self) -> tuple[Measurement, ...]:
        """Both losses, beside that at the start."""
        expected = f"below {self.start:.4g}, as it begins"
        where = " of successive batches" if self.is_of_several else ""
        return (
            measured(f"highest loss{where} until step {self.steps} as it is, on a copy", self.summed, expected),
            measured("loss after one step on the mean", self.averaged, expected),
        )


def growth(program: Program, recorded: Recorded, times: int) -> float:
    """Return by what a loss grows when every sample stands in the batch several times: 1 for a mean, `times` for a sum.

    Raises:
        MissingNeed: if there is no loss of one finite value that is not 0, or it takes no batch of another size.
    """
    if program.subject.loss_fn is None or recorded.of_step:
        first = list(range(min(4, recorded.batch.size)))
        loss = _of_step if recorded.of_step else _whole
        once, often = (loss(program, recorded, first * count) for count in (1, times))
    else:
        once, often = (_of_outputs(program, recorded, count) for count in (1, times))
    if not (math.isfinite(once) and math.isfinite(often)) or once == 0:
        raise MissingNeed("a finite loss other than 0")
    return often / once


def _whole(program: Program, recorded: Recorded, samples: list[int]) -> float:
    batch = recorded.batch.taken(samples)
    with program.running(training=False):
        return float(program.scalar_loss(program.outputs(batch), batch))


def _of_step(program: Program, recorded: Recorded, samples: list[int]) -> float:
    again = record_again(program, recorded.batch.taken(samples), recorded, still=True)
    if again is None:
        raise MissingNeed("a step that takes batches of any size")
    return float(again.loss.detach())


def _of_outputs(program: Program, recorded: Recorded, times: int) -> float:
    """Return the loss of the recorded outputs, each of them several times; the model is not run again."""
    with program.running():
        return float(_repeated(program, recorded, map_tensors(torch.detach, recorded.outputs), times))


def _repeated(program: Program, recorded: Recorded, outputs: Any, times: int, order: Tensor | None = None) -> Tensor:
    """Return the loss of outputs, each of them several times, with the targets in another order where one is given."""
    batch = recorded.batch

    def repeated(tensor: Tensor) -> Tensor:
        at = sample_axis(tensor, batch)
        return tensor if at is None else torch.cat([tensor] * times, at)

    targets = map_tensors(lambda tensor: repeated(_ordered(tensor.detach(), batch, order)), batch.parts.targets)
    try:
        return program.scalar_loss(
            map_tensors(repeated, outputs), replace(batch, parts=replace(batch.parts, targets=targets))
        )
    except MissingNeed:
        raise
    except Exception as error:
        raise MissingNeed(f"a loss that takes batches of any size ({type(error).__name__})") from error


def _ordered(tensor: Tensor, batch: Batch, order: Tensor | None) -> Tensor:
    at = sample_axis(tensor, batch)
    return tensor if at is None or order is None else tensor.index_select(at, order.to(tensor.device))


@dataclass(frozen=True)
class FaintTerm:
    """Outputs whose term of the loss is divided by the samples once more than that of the others."""

    name: str
    """``outputs[:, 3]``."""
    weight: float
    """The mean size of the loss's gradient on them, over that on the others."""
    takes_targets: bool
    """Whether that gradient depends on the targets."""
    is_apart: bool
    """Whether that of a sample depends on no other sample, as it does by weights that sum to 1 over the batch."""


def faint_term(program: Program, recorded: Recorded) -> FaintTerm | None:
    """Return outputs on which the gradient is halved where each sample stands in the batch twice, and on others stays.

    None where there are none, or the loss is not one of outputs. The model is not run again.
    """
    if program.subject.loss_fn is None or recorded.of_step or recorded.batch.size < _LEAST:
        return None
    samples = torch.arange(recorded.batch.size, device="cpu")
    half = recorded.batch.size // 2
    try:
        once, twice, thrice = (_slopes(program, recorded, times) for times in (1, 2, 3))
        otherwise = _slopes(program, recorded, targets=samples.roll(1))
        beside = samples * (samples < half)  # the first one stands in the places of the second half
        apart = _slopes(program, recorded, outputs=beside, targets=beside)
    except (MissingNeed, RuntimeError):
        return None
    if not once or any(other.keys() != once.keys() for other in (twice, thrice, otherwise, apart)):
        return None
    names: list[str] = []
    is_apart = True
    plain, faint, turned = (list[Tensor]() for _ in range(3))
    for name, slope in once.items():
        used = (slope != 0).any(0)
        kept = used & _are_alike(twice[name], slope) & _are_alike(thrice[name], slope)
        halved = used & _are_alike(2 * twice[name], slope) & _are_alike(3 * thrice[name], slope)
        plain.append(slope[:, kept].flatten())
        faint.append(slope[:, halved].flatten())
        turned.append(otherwise[name][:, halved].flatten())
        is_apart &= bool(_are_alike(apart[name][:half, halved], slope[:half, halved]).all())
        names += [_named(name, slope, halved)] if bool(halved.any()) else []
    others, own = torch.cat(plain), torch.cat(faint)
    if not own.numel() or not others.numel():
        return None
    weight = float(own.abs().mean() / others.abs().mean())
    return FaintTerm(", ".join(names), weight, not torch.equal(own, torch.cat(turned)), is_apart)


def _slopes(
    program: Program,
    recorded: Recorded,
    times: int = 1,
    *,
    outputs: Tensor | None = None,
    targets: Tensor | None = None,
) -> dict[str, Tensor]:
    """Return the gradient of the loss with respect to the outputs by name, a row a sample, a column a number of it.

    Args:
        program: whose loss is run.
        recorded: for its outputs.
        times: how often each sample stands in the batch.
        outputs: the samples in the order whose outputs are taken; as they are without.
        targets: the same for targets.

    Raises:
        MissingNeed: if there are too many, or no loss of them.
    """

    def leaf(tensor: Tensor) -> Tensor:
        own = _ordered(tensor.detach(), recorded.batch, outputs).clone()
        return own.requires_grad_(own.is_floating_point() and sample_axis(own, recorded.batch) is not None)

    taken = map_tensors(leaf, recorded.outputs)
    leaves = {name: one for name, one in tensors_in(taken, "outputs") if one.requires_grad}
    if not leaves or sum(one.numel() for one in leaves.values()) > _MOST_OUTPUTS:
        raise MissingNeed("outputs of samples, not too many")
    with program.running(gradients=True):
        loss = _repeated(program, recorded, taken, times, targets)
        if not loss.requires_grad:
            raise MissingNeed("a loss of the outputs")
        found = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    axes, size = [sample_axis(one, recorded.batch) or 0 for one in leaves.values()], recorded.batch.size
    return {
        name: slope.detach().cpu().double().movedim(axis, 0).reshape(size, -1)
        for name, axis, slope in zip(leaves, axes, found, strict=True)
        if slope is not None
    }


def _are_alike(slope: Tensor, other: Tensor) -> Tensor:
    """Return of each column whether it is the same."""
    off, size = (slope - other).abs(), other.abs()
    return (off <= 1e-3 * size + 1e-5 * size.amax(0)).all(0)


def _named(name: str, slope: Tensor, chosen: Tensor) -> str:
    at = chosen.nonzero().flatten().tolist()
    if len(at) == slope.shape[1]:
        return name
    return f"{name}[:, {at[0]}]" if len(at) == 1 else f"{len(at)} of the {slope.shape[1]} numbers a sample of {name}"


def plain_rate(program: Program) -> float | None:
    """Return the rate of an optimizer whose steps grow with the gradient (its peak), 0 of one that rescales gradients.

    None where there is no optimizer, or it cannot be told.
    """
    given: Any = next(iter(named_optimizers(program.subject.optimizer).values()), None)
    if given is not None and not isinstance(given, Optimizer) and callable(given):
        given = given(list(program.copied().parameters.values()))
    if not isinstance(given, Optimizer):
        return None
    if not isinstance(given, SGD | LBFGS):
        return 0.0
    return max(rate_of(group, base=True) or 0.0 for group in given.param_groups)


def trial(program: Program, recorded: Recorded, stream: Sequence[Batch]) -> Trial | None:
    """Try a loss that is summed over the batch, as it is and divided by the samples; the program stays unchanged.

    Where the first batch bears it, successive ones are tried. It ends as soon as the loss has gone up. None where the
    user's step returns no loss, or the optimizer is not a fresh one of SGD with one rate.
    """
    if recorded.of_step:
        return _trial_of_step(program, recorded)
    given, start = program.subject.optimizer, recorded.record.loss
    groups = given.param_groups if isinstance(given, SGD) and not given.state else []
    kinds = {(rate_of(group) or 0.0, float(group["momentum"])) for group in groups}
    if len(kinds) != 1 or program.subject.train_step is not None or recorded.no_backward or start is None:
        return None
    rate, momentum = kinds.pop()
    averaged = next(descending(program, recorded, rate / recorded.batch.size, 0.0))

    def tried(later: Sequence[Batch], most: float) -> Trial:
        losses: list[float] = []
        for loss in islice(descending(program, recorded, rate, momentum, later), _STEPS):
            losses.append(loss)
            if not loss <= most * abs(start):
                break
        highest = losses[-1] if not math.isfinite(losses[-1]) else max(losses)
        return Trial(start, highest, len(losses), averaged, is_of_several=bool(later))

    alone = tried((), _TIMES)
    if not alone.harms and len(stream) > 1:
        with suppress(MissingNeed), needing("a loss of further batches"):
            further = tried(stream[1 : _STEPS + 1], _FAR)
            return further if further.harms else alone
    return alone


def _trial_of_step(program: Program, recorded: Recorded) -> Trial | None:
    """Try it by the user's own steps, and by the same with rates divided by the samples."""
    losses: list[float] = []
    with trained(program) as trainee:
        for _ in range(_STEPS + 1):
            loss = trainee.step(recorded.batch, held=True).loss
            if loss is None:
                return None
            losses.append(loss)
            if not loss <= _TIMES * abs(losses[0]):
                break
    with trained(program) as trainee:
        trainee.scale_rates(1 / recorded.batch.size)
        _, averaged = (trainee.step(recorded.batch, held=True).loss for _ in range(2))
    highest = losses[-1] if not math.isfinite(losses[-1]) else max(losses)
    return None if averaged is None else Trial(losses[0], highest, len(losses) - 1, averaged)
