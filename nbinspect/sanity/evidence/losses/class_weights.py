"""Weights of classes in a loss that are inverse frequencies, but of other classes, or frequencies not inverted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nbinspect.records import Floats
from nbinspect.sanity.evidence.passes.lineage import argument
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.task import loss_call

_CLEAR = np.log(2)
_SAME, _OTHER = 0.1, 0.4
"""Shares of the range of weights, in logarithms: within which they are the expected ones, and beyond which they are not
those of their own classes."""


@dataclass(frozen=True, eq=False)
class Misplaced:
    """Weights of a loss beside those that the counts of the classes give, of the same mean."""

    given: Floats
    expected: Floats
    is_by_count: bool
    """Whether they are the frequencies themselves, not inverted."""


def misplaced(attempt: Recorded, counts: Mapping[int, int]) -> Misplaced | None:
    """Return the weights of a loss that are frequencies, or inverse ones in another order; None of any others.

    Other costs on purpose are no such weights: these agree with the counts one by one, only of other classes.
    """
    given = _weights(attempt)
    if given is None or sorted(counts) != list(range(len(given))) or min(counts.values()) < 1:
        return None
    inverse = 1 / np.array([counts[value] for value in range(len(given))], dtype=np.float64)
    own, wanted = (np.log(one) - np.log(one).mean() for one in (given, inverse))
    reach = np.ptp(wanted)
    if reach < _CLEAR or abs(own - wanted).max() <= _OTHER * reach:
        return None
    is_by_count = bool(abs(own + wanted).max() <= _SAME * reach)
    if not is_by_count and abs(np.sort(own) - np.sort(wanted)).max() > _SAME * reach:
        return None
    return Misplaced(given, np.exp(wanted + np.log(given).mean()), is_by_count)


def _weights(attempt: Recorded) -> Floats | None:
    """Return a weight for each class that the loss is given; of no and yes where it weighs yes."""
    call = loss_call(attempt)
    if call is None:
        return None
    operation = call.operation
    at, of_yes = argument(operation, "weight", 2), argument(operation, "pos_weight", 5)
    if of_yes is not None and operation.given[of_yes].numel() == 1:
        return np.array([1.0, float(operation.given[of_yes])]) if float(operation.given[of_yes]) > 0 else None
    if at is None or operation.step.name not in ("F.cross_entropy", "F.nll_loss"):
        return None
    found = operation.given[at].detach().cpu().double().numpy()
    is_by_class = found.ndim == 1 and len(found) > 1
    return found if is_by_class and bool((found > 0).all()) and np.isfinite(found).all() else None
