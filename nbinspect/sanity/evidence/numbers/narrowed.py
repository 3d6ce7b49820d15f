"""Fractions that are lost as values are written into integers, or rounded to half precision, before the network."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.sanity.check import measured
from nbinspect.sanity.evidence.numbers.precision import Loss, becomes_float
from nbinspect.sanity.evidence.passes.lineage import reaching, roots, source_of, where_of
from nbinspect.sanity.recorded import Operation, Recorded

_WRITES = ("setitem", "copy", "index_put", "masked_scatter", "scatter", "index_copy")
_WIDE = (torch.int64, torch.int32, torch.float64)
_TO_HALF = ("half", "bfloat16", "to", "type")
_DIFFERENCES = ("sub", "subtract", "rsub", "diff")
_SCALES = ("mul", "multiply", "div", "divide", "true_divide")
_LOST = 0.2
_LEAST = 8


def narrowed(recorded: Recorded) -> Iterator[Loss]:
    """Give the steps on the way to the loss at which data loses what its samples differ in. Source: T-dtype."""
    wanted = reaching(recorded)
    for one in recorded.operations:
        if one.step.kind != "operation" or one.in_loss or not one.given:
            continue
        word = word_of(one.step.name).strip("_")
        if word in _WRITES:
            yield from _poured(recorded, one)
        elif word in _TO_HALF and one.step.index in wanted and one.made:
            yield from _rounded(recorded, one)
        elif word in _DIFFERENCES and one.step.index in wanted and one.made:
            yield from _cancelled(recorded, one)


def _poured(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    """Find fractions that are written into a tensor of integers, whose values go on as quantities."""
    target = one.given[0]
    values = next((tensor for tensor in one.given[1:] if tensor.is_floating_point()), None)
    if target.is_floating_point() or target.is_complex() or target.dtype == torch.bool or values is None:
        return
    before, after = len(torch.unique(values)), len(torch.unique(values.trunc()))
    if before >= max(_LEAST, 4 * after) and becomes_float(recorded, one):
        name = str(target.dtype).removeprefix("torch.")
        yield Loss(
            where_of(one),
            one.step.place,
            f"Fractions written into {name}",
            f"{one.step.name} puts floats into a tensor of {name}, which keeps nothing behind the point: of {before} "
            f"different values {after} are left.",
            "Make the tensor with dtype=torch.float32; torch.zeros_like and its like take over that of integers.",
            measured("different values after they are written", after, f"{before}, as before"),
        )


def _rounded(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    """Find data of which half precision leaves little of what the samples differ in."""
    given, made = one.given[0], one.made[0]
    if made.dtype not in (torch.float16, torch.bfloat16) or given.dtype not in (torch.float32, torch.float64):
        return
    if given.dim() < 2 or len(given) < _LEAST or not all(name.startswith("batch") for name in roots(recorded, one, 0)):
        return
    share = _lost_share(given.detach().double(), made.detach().double())
    if share > _LOST:
        name = str(made.dtype).removeprefix("torch.")
        yield Loss(
            where_of(one),
            one.step.place,
            f"{name} rounds the data away",
            f"Values far from 0 lie {share:.0%} of their spread beside what {name} can hold: samples that differ "
            "become the same.",
            f"Subtract the mean before the cast to {name}, or cast what the network makes of the data.",
            measured("rounding error, of the spread among samples (median of features)", f"{share:.0%}", "below 1%"),
        )


def _cancelled(recorded: Recorded, one: Operation) -> Iterator[Loss]:
    """Find differences of numbers that became equal as they were cast to float32, though they were not."""
    found = [_cast_before(recorded, one, at) for at in range(len(one.given))]
    casts = [cast for cast in found if cast is not None]
    if one.made[0].dtype is not torch.float32 or len(casts) < max(1, len(found)):
        return
    grain = torch.finfo(torch.float32).eps * float(one.given[0].detach().abs().double().mean())
    size = float(one.made[0].detach().abs().double().mean())
    before = sum(len(torch.unique(cast.given[0])) for cast in casts)
    after = sum(len(torch.unique(cast.made[0])) for cast in casts)
    if size < grain and before >= max(_LEAST, 2 * after):
        name = str(casts[0].given[0].dtype).removeprefix("torch.")
        yield Loss(
            where_of(one),
            one.step.place,
            f"Differences of {name} are lost in float32",
            f"The numbers were made float32 first, which stand {grain:.2g} apart there, and {one.step.name} then gives "
            f"differences of about {size:.2g}: of {before} different values {after} were left.",
            f"Subtract in {name}, and cast the differences.",
            measured("different values after the cast", after, f"{before}, as before"),
        )


def _cast_before(recorded: Recorded, one: Operation, at: int) -> Operation | None:
    """Return the cast of wider data of the batch to float32 that an argument is, past layouts and plain factors."""
    while True:
        source = source_of(recorded, one, at)
        for passed in source.passed:
            if passed.made and passed.made[0].dtype is torch.float32 and passed.given[0].dtype in _WIDE:
                return passed if source.from_batch else None
        maker = source.maker
        if maker is None or source.word not in _SCALES or len(maker.given) != 1:
            return None
        one, at = maker, 0


def _lost_share(before: Tensor, after: Tensor) -> float:
    """Return the median over features of the rounding error as a share of the spread; 0 where nothing varies."""
    spread = before.std(0, unbiased=False)
    error = (after - before).square().mean(0).sqrt()
    varies = (spread > 0) & torch.isfinite(error)
    return float((error[varies] / spread[varies]).median()) if bool(varies.any()) else 0.0
