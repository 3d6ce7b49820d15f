"""One thing that is not the same in two entries of a journal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from nbinspect.figures.words import clean, number

_ABSENT = "–"


@dataclass(frozen=True)
class Difference:
    """One thing that is not the same in both entries."""

    section: str
    """``optimizer``, ``seed``, ``versions``, ``commit``, ``device``, ``data``, …; or ``check``, or ``last value``."""
    name: str
    """``groups.0.lr``; the check; the quantity."""
    a: Any
    """A value of JSON; None where it is not there. So is `b`."""
    b: Any


def shown(value: Any) -> str:
    """Return a value of JSON as one line."""
    if isinstance(value, float):
        return number(value) if not np.isfinite(value) else f"{value:.6g}"
    return _ABSENT if value is None else clean(value, 120)
