"""How much information rows of values hold, as far as the rows that there are can tell."""

from __future__ import annotations

import numpy as np

from nbinspect.records import Floats, Integers

_SAID = 0.1


def bits_of(places: Floats) -> float:
    """Return a cautious estimate of the information in a row, in bits, from distinct rows (D, K).

    A place of few values counts with what is not known from the one or the two before it, one of many with its entropy.
    """
    bits = 0.0
    before = pair = np.zeros(len(places), dtype=np.int64)
    for column in places.T:
        codes = np.unique(column, return_inverse=True)[1].reshape(-1)
        levels, own = int(codes.max(initial=-1)) + 1, _entropy(codes)
        if levels > len(places) / 2:
            bits += own
            continue
        (single, _), (double, are_enough) = (_beyond(codes, levels, own, known) for known in (before, pair))
        bits += min(single, double) if are_enough else single
        pair = np.unique(before * (levels + 1) + codes, return_inverse=True)[1].reshape(-1)
        before = codes
    return bits


def _beyond(codes: Integers, levels: int, own: float, known: Integers) -> tuple[float, bool]:
    """Return the entropy of a place beyond what others tell, as far as few rows can say, and whether they are enough.

    Of many levels few rows give too little: by as much as for the same levels in a random order, which tell nothing.
    """
    shuffled = np.random.default_rng(0).permutation(codes)
    plain, chance = (_entropy(known * (levels + 1) + part) - _entropy(known) for part in (codes, shuffled))
    return (own * min(1.0, plain / chance), True) if chance > _SAID * own else (plain, False)


def _entropy(codes: Integers) -> float:
    if not codes.size:
        return 0.0
    shares = np.unique(codes, return_counts=True)[1] / codes.size
    return float(-(shares * np.log2(shares)).sum())
