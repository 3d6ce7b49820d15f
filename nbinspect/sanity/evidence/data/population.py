"""Which samples of two sets can be compared, if their targets are mixed otherwise or have drifted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nbinspect.records import Flags, Floats
from nbinspect.sanity.evidence.data.columns import Column
from nbinspect.sanity.evidence.data.scan import Scan, is_binary
from nbinspect.sanity.evidence.data.shift import shift_between

_APART, _RATIO = 0.3, 1.5
_MIXED, _NOISES = 0.1, 2.0
_ENOUGH, _CLASSES = 16, 64


def comparable(train: Scan, val: Scan) -> tuple[Flags, Flags] | None:
    """Return which samples of each set come from one population.

    All of them where the targets are spread alike; those of one class where classes come in other shares; None where
    targets differ in another way, as those of a later time do, so that inputs may as well.
    """
    everything = np.ones(train.read, dtype=bool), np.ones(val.read, dtype=bool)
    one, other = train.labels, val.labels
    if one is not None and other is not None and _are_classes(train, one) and _are_classes(val, other):
        if not _mixed_otherwise(one, other):
            return everything
        common = max(np.intersect1d(one, other), key=lambda kind: min((one == kind).sum(), (other == kind).sum()))
        chosen = one == common, other == common
        return chosen if min(part.sum() for part in chosen) >= _ENOUGH else None
    for name, column in train.targets.items():
        twin = val.targets.get(name)
        if twin is not None and np.array_equal(column.followed, twin.followed):
            shift = shift_between(column, twin)
            if shift.distance.max(initial=0) > _APART or shift.ratio.max(initial=1) > _RATIO:
                return None
    return everything


def by_class(train: Scan, val: Scan, chosen: tuple[Flags, Flags]) -> list[tuple[Flags, Flags]]:
    """Return for each class which of the chosen samples of each set are of it; nothing without classes."""
    if train.labels is None or val.labels is None:
        return []
    one, other = (labels[flags] for labels, flags in zip((train.labels, val.labels), chosen, strict=True))
    if not (_are_classes(train, one) and _are_classes(val, other)):
        return []
    return [(one == kind, other == kind) for kind in np.intersect1d(one, other)[:_CLASSES]]


def _are_classes(scan: Scan, labels: Floats) -> bool:
    return bool(scan.tally) or is_binary(labels)


def _mixed_otherwise(one: Floats, other: Floats) -> bool:
    """Whether the shares of classes differ by more than sampling does."""
    kinds = np.union1d(one, other)
    shares = [np.array([(labels == kind).mean() for kind in kinds]) for labels in (one, other)]
    pooled = (shares[0] * len(one) + shares[1] * len(other)) / (len(one) + len(other))
    noise = 0.4 * float(np.sqrt(pooled * (1 - pooled) * (1 / len(one) + 1 / len(other))).sum())
    return float(np.abs(shares[0] - shares[1]).sum()) / 2 > _MIXED + _NOISES * noise


def chosen_of(column: Column, chosen: Flags) -> Column:
    """Return what is known of some samples of a column; all of it where its samples are not those of the labels."""
    if len(column.centres) != len(chosen) or chosen.all():
        return column
    parts = {name: getattr(column, name)[chosen] for name in ("centres", "spreads", "lows", "highs", "cuts")}
    at = column.at[chosen] if len(column.at) else column.at
    mean, std = column.mean.copy(), column.std.copy()
    mean[column.followed] = parts["centres"].mean(0)
    std[column.followed] = np.sqrt((parts["spreads"] ** 2).mean(0) + parts["centres"].var(0))
    return replace(column, mean=mean, std=std, at=at, **parts)
