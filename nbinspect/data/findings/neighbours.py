"""The nearest of many points, by comparing with each of them."""

from __future__ import annotations

import numpy as np
import torch

from nbinspect.records.arrays import Floats, Integers

_AT_ONCE = 1 << 23


def nearest(points: Floats, others: Floats, count: int, *, own: Integers | None = None) -> tuple[Integers, Floats]:
    """Return places in `others` (M, K) and distances of the `count` points nearest to each of `points` (P, K).

    Args:
        points: from where; left unchanged, as `others`.
        others: among which.
        count: how many, fewer where there are fewer.
        own: (P,) the place of each point among the others, −1 for none, which is no neighbour of itself.

    Returns:
        (P, count) int64 and float32, the nearest first.
    """
    available = len(others) - (own is not None)
    count = max(0, min(count, available))
    places = np.zeros((len(points), count), np.int64)
    distances = np.zeros((len(points), count), np.float32)
    if not count:
        return places, distances
    centre = others.mean(0, dtype=np.float64).astype(np.float32)  # far from zero the squares would drown differences
    near, far = points.astype(np.float32) - centre, others.astype(np.float32) - centre
    squares = np.einsum("mk,mk->m", far, far)
    step = max(1, _AT_ONCE // len(others))
    for start in range(0, len(points), step):
        part = near[start : start + step]
        table = squares - 2 * (part @ far.T)
        if own is not None:
            mine = own[start : start + step]
            table[np.flatnonzero(mine >= 0), mine[mine >= 0]] = np.inf
        chosen = torch.topk(torch.from_numpy(table), count, largest=False).indices.numpy()
        exact = np.linalg.norm(far[chosen] - part[:, None], axis=2)
        order = np.argsort(exact, axis=1, kind="stable")
        places[start : start + step] = np.take_along_axis(chosen, order, 1)
        distances[start : start + step] = np.take_along_axis(exact, order, 1)
    return places, distances
