"""What is suspicious about the values that a step made."""

from __future__ import annotations

from collections.abc import Iterator

from nbinspect.records import Activation, Finding, Step

_DEAD_SHARE = 0.1
_SATURATED_SHARE = 0.5
_EXPLODING = 1e4
_VANISHING = 1e-6


def judge_step(step: Step) -> tuple[Finding, ...]:
    """Return what is suspicious about a step's outputs, the gravest first; empty for a healthy one."""
    return tuple(finding for activation in step.outputs for finding in _findings(activation))


def _findings(activation: Activation) -> Iterator[Finding]:
    values = activation.moments
    if values is None:
        return
    if values.nan or values.inf:
        parts = [f"{count:,} {name}" for count, name in ((values.nan, "NaN"), (values.inf, "infinite")) if count]
        yield Finding("warn", "non-finite", f"{' and '.join(parts)} of {values.count:,} values")
    if not activation.dtype.startswith(("float", "bfloat")) or values.count < 2:
        return
    if values.min == values.max == 0:
        yield Finding("warn", "all-zero", "every value is zero")
    elif activation.dead and activation.dead >= _DEAD_SHARE * activation.units:
        yield Finding("warn", "dead", f"{activation.dead} of {activation.units} units zero on every sample")
    if values.saturated >= _SATURATED_SHARE:
        yield Finding("warn", "saturated", f"{values.saturated:.0%} of the values at an end of their range")
    if max(abs(values.min), abs(values.max)) > _EXPLODING:
        yield Finding("warn", "exploding", f"values up to {max(abs(values.min), abs(values.max)):.3g}")
    elif 0 < values.std < _VANISHING:
        yield Finding("warn", "vanishing", f"std {values.std:.1g}: hardly any difference is left")
