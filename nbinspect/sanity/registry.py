"""The catalogue: every check, in the order in which they run."""

from __future__ import annotations

from nbinspect.sanity.check import Check
from nbinspect.sanity.wiring import runs

CHECKS: tuple[Check, ...] = (runs.CHECK,)
