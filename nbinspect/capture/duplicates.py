"""Samples that stand in a batch more than once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from nbinspect.capture.tensors import Values, readable
from nbinspect.records import Finding

_CHUNK = 1 << 22
_TELLING = 8
"""Samples of fewer values are equal by chance."""


def duplicate_samples(inputs: Sequence[Values]) -> Finding | None:
    """Return which samples of a batch are exactly equal in every input, or None. Source: K-duplicates.

    Args:
        inputs: values whose first axis is the batch, or lists of one tensor a sample; left unchanged.

    Samples of equal signature (one number a sample, one transfer) are compared value by value before they are named.
    """
    whole = [dense for dense in map(_dense, inputs) if dense is not None]
    if not whole or len(whole) < len(inputs) or len(whole[0]) < 2:
        return None
    if sum(part[0].numel() for part in whole) < _TELLING:
        return None
    keys: dict[tuple[float, ...], list[int]] = defaultdict(list)
    for position, key in enumerate(zip(*map(_signatures, whole), strict=True)):
        keys[key].append(position)
    groups = [group for key, group in keys.items() if len(group) > 1 for group in _equal(whole, group)]
    if not groups:
        return None
    extra = sum(len(group) - 1 for group in groups)
    shown = ", ".join(" = ".join(map(str, group[:3])) for group in groups[:3])
    more = ", …" if len(groups) > 3 or any(len(group) > 3 for group in groups) else ""
    samples = tuple(sorted(position for group in groups for position in group))[:64]
    plural = "sample is a duplicate" if extra == 1 else "samples are duplicates"
    return Finding("warn", "duplicates", f"{extra} {plural}: {shown}{more}", samples=samples)


def _dense(values: Values) -> Values | None:
    """Return the values in a form that can be compared, or None."""
    if isinstance(values, Tensor):
        return readable(values)[0]
    parts = [part for part, _ in map(readable, values) if part is not None]
    return parts if len(parts) == len(values) else None


def _signatures(values: Values) -> list[float]:
    """Return one number a sample: equal samples have equal ones, different samples hardly ever."""
    rows = (
        [values.flatten(1)] if isinstance(values, Tensor) and values.dim() > 1 else [p.reshape(1, -1) for p in values]
    )
    sums = []
    for row in rows:
        weights = torch.from_numpy(np.random.default_rng(0).random(row.shape[1], dtype=np.float32)).to(row.device)
        step = max(1, _CHUNK // max(1, row.shape[1]))
        for start in range(0, len(row), step):
            part = row[start : start + step].float().nan_to_num(nan=0.5, posinf=2.0, neginf=-2.0)
            sums.append((part * weights).sum(1))
    signatures: list[float] = torch.cat(sums).cpu().tolist()
    return signatures


def _equal(inputs: Sequence[Values], group: list[int]) -> list[list[int]]:
    """Split samples of one signature into groups that are really equal, of two or more."""
    groups: list[list[int]] = []
    for position in group:
        for known in groups:
            if all(_same(part[known[0]], part[position]) for part in inputs):
                known.append(position)
                break
        else:
            groups.append([position])
    return [each for each in groups if len(each) > 1]


def _same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and bool(torch.equal(one.nan_to_num(), other.nan_to_num()))
