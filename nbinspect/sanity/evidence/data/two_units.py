"""Whether samples come in two units, as where a part of the images is divided by 255 and a part is divided again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from nbinspect.records import CheckResult, Floats
from nbinspect.sanity.check import failed, measured
from nbinspect.sanity.evidence.data.columns import Column
from nbinspect.sanity.recorded import Operation

_PICTURE = 3
_FEW = 16
_GAP = 20.0
_UNIT, _SHARES = (200.0, 330.0), (0.2, 0.5, 0.8)
_STILL = 50.0


def in_two_units(columns: Iterable[Column], entries: Sequence[Operation]) -> CheckResult | None:
    """Return a failure where some pictures vary about 255 times less than all others, with nothing between.

    None where they do no longer at the first weights, as behind a norm of each sample.

    Args:
        columns: what was read of each input.
        entries: the operations that weigh the data first, in a pass of one batch.
    """
    for column in columns:
        if column.axis != "channel" or any(len(shape) != _PICTURE for shape in column.shapes):
            continue
        sizes = np.sqrt((np.nan_to_num(column.spreads) ** 2).mean(1))
        parts = _parted(sizes[sizes > 0])
        if parts is None or not any(_is_apart(one) for one in entries):
            continue
        small, large = parts
        ratio, count = float(np.median(large) / np.median(small)), len(small) + len(large)
        return failed(
            f"{len(small):,} of {count:,} samples vary {ratio:.0f} times less than the others",
            measured("how much less a part of the samples varies", f"{ratio:.0f} times", "a few times at most"),
            title="Samples in two units",
            detail=f"{len(small):,} of {count:,} samples of {column.name} vary {ratio:.0f} times less than the others, "
            "and none lies between: as bytes that are divided by 255 once in some and twice in others. To the network "
            "the smaller ones are all alike.",
            remedy="Divide by 255 at one place, once: look for a branch of the loading or the augmentation that does "
            "so again, or for files of two kinds.",
            where=column.name,
        )
    return None


def _parted(sizes: Floats) -> tuple[Floats, Floats] | None:
    """Return sizes (N,) in two parts, nothing between, the small as those of the large divided by about 255; or None.

    Not so silence with a little noise, or blanks, which are all of one size.
    """
    if len(sizes) < 2 * _FEW:
        return None
    ordered = np.sort(sizes)
    steps = ordered[1:] / ordered[:-1]
    cut = int(steps.argmax()) + 1
    small, large = ordered[:cut], ordered[cut:]
    if steps.max() < _GAP or min(len(small), len(large)) < _FEW:
        return None
    ratios = np.quantile(large, _SHARES) / np.quantile(small, _SHARES)
    return (small, large) if _UNIT[0] < ratios.min() and ratios.max() < _UNIT[1] else None


def _is_apart(operation: Operation) -> bool:
    """Whether the samples of a batch still differ so where they are weighed first."""
    for use, tensor in zip(operation.step.inputs, operation.given, strict=True):
        if use.origin not in operation.step.parameters and tensor.is_floating_point() and tensor.dim() > 1:
            sizes = tensor.detach().double().flatten(1).std(1)
            sizes = sizes[sizes > 0]
            return len(sizes) > 1 and float(sizes.max() / sizes.min()) > _STILL
    return False
