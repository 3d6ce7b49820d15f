"""What is suspicious about a tensor, in words with the number; silent on healthy data of every usual kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from nbinspect.records import Finding, Statistics, TensorFacts

_NAMED_ROWS = 64
_MOST_FEATURES = 1000
"""More columns than this are pixels or moments of a signal, of which some are still, not features of their own."""
_FEW = 8
"""From fewer values nothing is said about their spread."""
_IGNORED = -100


def judge(facts: TensorFacts, statistics: Statistics, labels: NDArray[np.generic] | None) -> tuple[Finding, ...]:
    """Return what is to be said about one tensor, the most serious first.

    Source: D-normalise, K-corrupt, K-imbalance.

    Args:
        facts: what it is.
        statistics: its statistics, a row a channel or feature.
        labels: all values of a target that has one a sample, else None.
    """
    if _is_additive_mask(statistics):
        return ()
    found = [*_nonfinite(statistics)]
    quantity = facts.dtype.startswith(("float", "bfloat", "complex"))
    if facts.role == "input" and "mask" not in facts.name.lower():
        if quantity or facts.dtype == "uint8":
            found += _constant(statistics)
        found += _unscaled(facts, statistics, quantity=quantity)
    if facts.role == "target":
        found += _targets(statistics, labels, quantity=quantity)
    return tuple(found)


def _is_additive_mask(known: Statistics) -> bool:
    """Tell a mask that is added to attention scores, 0 and −Inf, from values gone wrong."""
    zeros_only = np.nan_to_num(np.abs([known.min, known.max])).max(initial=0) == 0
    return bool(zeros_only and known.zeros.any() and known.neginf.any() and not (known.nan + known.posinf).any())


def _nonfinite(known: Statistics) -> Iterator[Finding]:
    def share(count: int, row: int) -> str:
        return "every value" if count == known.count[row] else f"{count:,} of {known.count[row]:,} values"

    infinite = known.posinf + known.neginf
    signs = np.where(known.posinf == 0, "−Inf", np.where(known.neginf == 0, "+Inf", "±Inf"))
    yield from _each("nan", known.nan > 0, lambda row: f"NaN: {share(known.nan[row], row)}")
    yield from _each("inf", infinite > 0, lambda row: f"{signs[row]}: {share(infinite[row], row)}")


def _constant(known: Statistics) -> Iterator[Finding]:
    """Channels or features of one value, but no absent category of a one-hot code and no blank pixel."""
    still = (known.min == known.max) & (known.count >= _FEW)
    if known.axis == "feature" and len(still) > _MOST_FEATURES and not still.all():
        return
    if still.all() and len(np.unique(known.min)) == 1:
        yield Finding("warn", "constant", f"constant: every value is {known.min[0]:.4g}")
        return
    lively = known.min < known.max
    if known.axis == "feature":
        still &= ~np.isin(known.min, [known.min[lively], known.max[lively]])
    elif _binary(known)[lively].all() and lively.any():
        still &= ~np.isin(known.min, [0, 1])
    yield from _each("constant", still, lambda row: f"constant: every value is {known.min[row]:.4g}")


def _unscaled(facts: TensorFacts, known: Statistics, *, quantity: bool) -> Iterator[Finding]:
    """Values far from mean 0 and deviation 1, where they are quantities; 0…1 is near enough."""
    lowest, highest = np.nanmin(known.min, initial=np.inf), np.nanmax(known.max, initial=-np.inf)
    if len(facts.shape) > 2 and lowest >= 0 and 100 < highest <= 255 and (quantity or facts.dtype == "uint8"):
        text = f"raw bytes {lowest:.0f}…{highest:.0f}: divide by 255 and normalise"
        yield from _each("unscaled", known.max > 1, lambda _: text)
    elif quantity and not (lowest >= 0 and highest <= 1):
        enough = (known.count >= _FEW) & (known.min < known.max)
        wide = enough & (known.std > 5)
        away = enough & ~wide & (np.abs(known.mean) > np.maximum(3, 3 * known.std))
        narrow = enough & ~wide & ~away & _narrow(known)
        yield from _each("unscaled", wide, lambda row: f"not normalised: std {_number(known.std[row])}")
        yield from _each("unscaled", away, lambda row: f"not centred: {_centre(known, row)}")
        yield from _each("unscaled", narrow, lambda row: f"hardly varies: std {_number(known.std[row])}")


def _narrow(known: Statistics) -> NDArray[np.bool_]:
    """Tell rows of tiny spread, but no sparse ones and no pixels at the rim of a picture laid out in a row."""
    sparse = known.zeros > known.count / 2
    if known.axis != "feature" or len(known.min) > _MOST_FEATURES:
        return (known.std < 1e-3) & ~sparse
    values, times = np.unique(np.concatenate([known.min, known.max]), return_counts=True)
    shared = np.isin(known.min, values[times > 2]) | np.isin(known.max, values[times > 2])
    return (known.std < 0.02) & (known.max - known.min < 0.2) & ~sparse & ~shared


def _targets(known: Statistics, labels: NDArray[np.generic] | None, *, quantity: bool) -> Iterator[Finding]:
    if labels is not None and (not quantity or _binary(known).all()):
        yield from _classes(labels[labels != _IGNORED])
    elif (known.min == known.max).all() and known.count.sum() >= (_FEW if labels is not None else 64):
        if len(np.unique(known.min)) == 1:
            yield Finding("warn", "one-label", f"all targets equal: {known.min[0]:.4g}")
    elif quantity:
        wide = known.std > 10
        away = ~wide & (np.abs(known.mean) > np.maximum(10, 10 * known.std)) & (known.count >= _FEW)
        text = "targets spread far from unit scale: std"
        yield from _each("unscaled", wide, lambda row: f"{text} {_number(known.std[row])}")
        yield from _each("unscaled", away, lambda row: f"targets far from zero: {_centre(known, row)}")


def _classes(labels: NDArray[np.generic]) -> Iterator[Finding]:
    """How many classes the labels name, and whether they are as frequent as equal chances would make them."""
    classes, counts = np.unique(labels.astype(np.float64), return_counts=True)
    if len(classes) == 1 and len(labels) >= _FEW:
        yield Finding("warn", "one-label", f"all labels equal: {classes[0]:.0f}", 0)
    elif 1 < len(classes) <= len(labels) / 2:
        freedom, expected = len(classes) - 1, len(labels) / len(classes)
        surprise = ((counts - expected) ** 2).sum() / expected  # chi-square: mean freedom, variance 2 freedom
        even = surprise <= freedom + 3 * np.sqrt(2 * freedom)
        most = f"most often {classes[counts.argmax()]:.0f} ({100 * counts.max() / len(labels):.0f} %)"
        yield Finding("ok", "classes", f"{len(classes)} classes, {'balanced' if even else most}", 0)
    elif len(classes) > 1:
        yield Finding("ok", "classes", f"{len(classes)} different labels in {len(labels)} samples", 0)


def _binary(known: Statistics) -> NDArray[np.bool_]:
    """Tell rows of nothing but 0 and 1: of values between them, these alone have variance m (1 − m)."""
    within = (known.min >= 0) & (known.max <= 1)
    with np.errstate(over="ignore"):  # rows of huge values are not within
        return within & np.isclose(known.std**2, known.mean * (1 - known.mean), rtol=1e-9, atol=1e-12)


def _each(kind: str, rows: NDArray[np.bool_], text: Callable[[int], str]) -> Iterator[Finding]:
    """Give a finding for each row, and one for all those beyond the first 64."""
    places = np.flatnonzero(rows)
    for row in places[:_NAMED_ROWS]:
        yield Finding("warn", kind, text(row), int(row))
    if len(places) > _NAMED_ROWS:
        more = len(places) - _NAMED_ROWS
        yield Finding("warn", kind, f"{more:,} more of {len(rows):,} like this: {text(places[_NAMED_ROWS])}")


def _centre(known: Statistics, row: int) -> str:
    return f"mean {_number(known.mean[row])}, std {_number(known.std[row])}"


def _number(value: float) -> str:
    return f"{value:.1f}" if 0.95 <= abs(value) < 1000 else f"{value:.2g}"
