"""How alike the labels inside of one batch are, in two epochs of a loader that draws anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nbinspect.records import CheckResult, Integers
from nbinspect.sanity.check import failed, measured, warned
from nbinspect.sanity.evidence.data.order import Order, label_changes
from nbinspect.sanity.evidence.data.scan import Scan

_FEW = 40
_DRAWS = 24
_TOGETHER = 0.5
_BLOCKS = 4.0
_IN_BLOCKS, _LASTING = 0.5, 1 / 3


@dataclass(frozen=True)
class Mates:
    """Pairs of samples that come in one batch, in the epoch with more pairs of different labels."""

    differing: int
    """Pairs of different labels."""
    expected: float
    """How many there would be if the samples came in a random order."""
    deviation: float
    """Of that number, by chance."""
    stay: bool
    """Whether most samples of a batch come together in the next epoch too."""
    in_blocks: bool
    """Whether successive batches are of one label far more often than by chance, in both epochs."""
    changes: float
    """Share of the changes of the label from sample to sample that a random order has, in the epoch with more."""
    inside: float
    """The same inside of batches alone."""

    @property
    def sigmas(self) -> float:
        """By how many deviations pairs are more alike than in a random order."""
        return (self.expected - self.differing) / self.deviation

    @property
    def share(self) -> float:
        """Of the pairs of different labels that a random order has."""
        return self.differing / self.expected

    def is_unmixed(self, most: float) -> bool:
        """Whether labels of a batch are far more alike than by chance: at most this share of it is left, or in blocks.

        Blocks that always come together, or each of one label, may hold the end of one and the beginning of the next.
        """
        lasting = self.stay and self.inside <= most
        return self.share <= (_IN_BLOCKS if self.in_blocks else _LASTING if lasting else most)

    def is_local(self, most: float) -> bool:
        """Whether they are so for neighbours stay together, or classes come in blocks, wherever batches are cut."""
        return (
            (self.stay or self.in_blocks)
            and self.is_unmixed(most)
            and min(self.share, self.changes, self.inside) <= most
        )


def mates_of(scan: Scan) -> Mates | None:
    """Return how alike batch-mates are, as far as their labels were read; None where few were, or no order is told.

    Source: S-order.
    """
    order, rows = scan.order, scan.rows
    if order is None or rows is None or not np.isfinite(rows.classes).all():
        return None
    values, kinds = np.unique(rows.classes, return_inverse=True)
    if len(kinds) < max(_FEW, 4 * len(values)):
        return None
    by_index = dict(zip(rows.indices.tolist(), kinds.tolist(), strict=True))
    found, blocks, changing, inside = [], [], [], []
    for epoch, sizes in ((order.first, order.sizes[0]), (order.second, order.sizes[1])):
        batches = np.repeat(np.arange(len(sizes)), sizes)
        known = np.array([by_index.get(index, -1) for index in epoch.tolist()])
        used = known >= 0
        codes, groups = known[used], batches[used]
        if len(np.unique(codes)) < 2:
            return None
        draws = np.random.default_rng(0)
        others = np.array([_differing(draws.permutation(codes), groups) for _ in range(_DRAWS)])
        if not others.std():
            return None
        found.append((_differing(codes, groups), float(others.mean()), float(others.std())))
        last = np.append(groups[1:] != groups[:-1], True)
        changes, expected, deviation = label_changes(codes[last].astype(np.float64))
        blocks.append(expected - changes >= _BLOCKS * deviation)
        changes, expected, _ = label_changes(codes.astype(np.float64))
        changing.append(changes / expected)
        side = groups[1:] == groups[:-1]
        inside.append((codes[1:] != codes[:-1])[side].sum() / max(side.sum() * expected / (len(codes) - 1), 1e-12))
    differing, expected, deviation = max(found, key=lambda one: one[0] / one[1])
    return Mates(differing, expected, deviation, _stay(order), all(blocks), max(changing), float(max(inside)))


def _differing(codes: Integers, groups: Integers) -> int:
    """Return how many pairs of one group have different codes."""
    pairs = _pairs(np.unique(groups, return_counts=True)[1])
    return pairs - _pairs(np.unique(groups * (int(codes.max()) + 1) + codes, return_counts=True)[1])


def _pairs(counts: Integers) -> int:
    return int((counts * (counts - 1) // 2).sum())


def _stay(order: Order) -> bool:
    """Whether samples that stand side by side in a batch are mostly in one batch in the next epoch."""
    first, second = (np.repeat(np.arange(len(sizes)), sizes) for sizes in order.sizes)
    later = dict(zip(order.second.tolist(), second.tolist(), strict=True))
    after = np.array([later.get(index, -1) for index in order.first.tolist()])
    side = (first[1:] == first[:-1]) & (after[1:] >= 0) & (after[:-1] >= 0)
    together = (after[1:] == after[:-1])[side]
    return len(together) > 0 and float(together.mean()) >= _TOGETHER


def unmixed_classes(
    mates: Mates, sorted_below: float, sure: float, reads_together: Callable[[], bool]
) -> CheckResult | None:
    """Judge batches of few classes: a defect where neighbours stay together, or classes come in blocks or in order."""
    if mates.sigmas < sure or not mates.is_unmixed(sorted_below):
        return None
    follow = "batches of one class follow each other" if mates.in_blocks else "each batch is drawn anew"
    how = "the same samples come together in each epoch" if mates.stay else follow
    return (failed if mates.is_local(sorted_below) and not reads_together() else warned)(
        f"{mates.differing:,} pairs in a batch have different labels",
        measured("pairs of samples in a batch with different labels", mates.differing, f"about {mates.expected:,.0f}"),
        title="The batches do not mix the classes",
        detail=f"Samples of one batch differ in the label {mates.differing:,} times, where those in a random order do "
        f"about {mates.expected:,.0f} times, and {how}: each step pulls the network to one constant answer.",
        remedy="Let the sampler permute samples, not batches, chunks or files of them: shuffle=True in place of it.",
        code="+ DataLoader(…, shuffle=True)",
    )
