"""What a network makes of a captured batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nbinspect.records import Floats


@dataclass(frozen=True)
class Evaluation:
    """What the network makes of a batch: detached outputs, and the loss of each sample where there is one."""

    outputs: Any
    """The samples come first."""
    losses: Floats | None
    """(N,) float64; NaN of a sample that the loss refuses."""
