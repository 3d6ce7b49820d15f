"""What is suspicious about the values that a step made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from math import hypot, prod

import torch
from torch import Tensor

from nbinspect.capture.kinds import LAYS, RECTIFIES, UNWRITTEN, word_of
from nbinspect.capture.summary import Measured
from nbinspect.records import Activation, Finding, Moments, Step

_DEAD_SHARE = 0.25
_LEAST_PLACES = 16
_LEAST_PICTURES = 4
_SATURATED_SHARE = 0.5
_EXPLODING = 1e4
_VANISHING = 1e-6
_ACTIVATES = re.compile(r"\w*relu6?|gelu|silu|mish|[sc]?elu|softplus|hardswish|hard_?tanh|tanh|\w*sigmoid|glu")
_MULTIPLIES = re.compile(r"\w*matmul\w*|\w*mm|einsum|\w*linear|\w*conv\w*|scaled_dot_product_attention|\w*norm")
_ADDS = re.compile(r"[ri]?(add|sub)|baddbmm|addmm")
_FILLS = re.compile(r"setitem|index_(copy|put|fill|add)|\w*scatter\w*|masked_\w+")
_RESHAPES = frozenset({"view", "reshape"})
_REGULARISES = ("softmax", "dropout", "embedding", "pad")


class HealthJudge:
    """Judges steps in the order in which they end, so as to tell what arises in one from what it was handed.

    Infinities and zeros that were laid on purpose (masks, initial states, weights that begin at zero) and what follows
    from them are no alarm, nor is memory that has not been written to yet. Dead units count where 16 places or more, of
    4 pictures or more, have had the chance to differ.
    """

    def __init__(self) -> None:
        self._masked: set[int] = set()
        self._lowest: set[int] = set()
        self._still: set[int] = set()
        self._unwritten: set[int] = set()

    def findings(
        self, step: Step, measured: Sequence[Measured], weights: Sequence[Tensor], *, constant: bool = False
    ) -> tuple[Finding, ...]:
        """Return what is suspicious about a step's outputs, the gravest first; empty for a healthy one.

        Args:
            step: with its outputs.
            measured: what is known of the values of each output.
            weights: the parameters that the step was given, or owns.
            constant: whether the step works on counted or written numbers alone: an infinity among them is known.
        """
        found = list(_of_shape(step))
        if self._is_unwritten(step):
            self._unwritten.add(step.index)
            return tuple(found)
        for activation, known in zip(step.outputs, measured, strict=True):
            values = activation.moments
            if values is not None:
                if _reaches_the_lowest(activation, values):
                    self._lowest.add(step.index)
                found += self._of_finiteness(step, values, known, constant=constant)
                if values.count > 1 and activation.dtype.startswith(("float", "bfloat")):
                    found += self._of_values(step, activation, values, weights)
        return tuple(found)

    def _is_unwritten(self, step: Step) -> bool:
        """Whether some of what a step gives may be what happened to lie in memory, as of a tensor filled row by row."""
        if UNWRITTEN.fullmatch(_word(step)):
            return True
        handed_on = step.kind == "operation" and (_FILLS.fullmatch(_word(step)) or step.note.startswith("a view"))
        return bool(handed_on) and any(use.step in self._unwritten for use in step.inputs)

    def _of_finiteness(self, step: Step, values: Moments, known: Measured, *, constant: bool) -> Iterator[Finding]:
        if not (values.nan or values.inf):
            return
        laid = constant or LAYS.fullmatch(_word(step)) is not None or self._lays_a_mask(step)
        if known.masked and (laid or _follows(step, self._masked)):
            self._masked.add(step.index)
            return
        parts = [f"{count:,} {name}" for count, name in ((values.nan, "NaN"), (values.inf, "infinite")) if count]
        yield Finding("warn", "non-finite", f"{' and '.join(parts)} of {values.count:,} values")

    def _lays_a_mask(self, step: Step) -> bool:
        """Whether a step adds what nobody has judged, or one mask of the type's lowest number to another."""
        return _ADDS.fullmatch(_word(step)) is not None and (_is_given(step) or _follows(step, self._lowest))

    def _of_values(
        self, step: Step, activation: Activation, values: Moments, weights: Sequence[Tensor]
    ) -> Iterator[Finding]:
        if values.min == values.max == 0:
            if (
                not _computes(step)
                or _is_regularised(step)
                or _follows(step, self._still)
                or _is_given(step)
                or begins_at_zero(weights)
            ):
                self._still.add(step.index)
            else:
                yield Finding("warn", "all-zero", "every value is zero")
            return
        if _dies(step, activation):
            yield Finding("warn", "dead", f"{activation.dead} of {activation.units} units zero on every sample")
        if values.saturated >= _SATURATED_SHARE and not _is_regularised(step):
            yield Finding("warn", "saturated", f"{values.saturated:.0%} of the values at an end of their range")
        greatest, typical = max(abs(values.min), abs(values.max)), hypot(values.mean, values.std)
        if typical > _EXPLODING and step.inputs and not _is_mask(step, values):
            yield Finding("warn", "exploding", f"values up to {greatest:.3g}")
        elif 0 < values.std < _VANISHING and _computes(step) and not _is_regularised(step):
            yield Finding("warn", "vanishing", f"std {values.std:.1g}: hardly any difference is left")


def _of_shape(step: Step) -> Iterator[Finding]:
    """Find a view whose rows hold the end of one sample and the beginning of the next."""
    if _word(step) not in _RESHAPES or not step.inputs or not step.outputs:
        return
    given, made = step.inputs[0].shape, step.outputs[0].shape
    if len(given) < 2 or len(made) < 2 or not prod(given):
        return
    sample, row = prod(given[1:]), prod(made[1:])
    if sample % row and row % sample:
        text = f"{given} holds {sample:,} values a sample, a row of {made} {row:,}: rows mix samples"
        yield Finding("warn", "mixed-samples", text)


def _word(step: Step) -> str:
    return word_of(step.name)


def _computes(step: Step) -> bool:
    """Whether a step weighs or activates; others may hand on masks, positions and states."""
    word = _word(step)
    named = _ACTIVATES.fullmatch(word) or _MULTIPLIES.fullmatch(word)
    return step.kind == "module" or bool(step.parameters) or named is not None


def _is_regularised(step: Step) -> bool:
    return any(part in _word(step) for part in _REGULARISES)


def _follows(step: Step, steps: set[int]) -> bool:
    """Whether a step was given what one of these made, or contains one."""
    inside = step.kind == "module" and any(index > step.index for index in steps)
    return inside or any(use.step in steps for use in step.inputs)


def _is_given(step: Step) -> bool:
    """Whether a step works on what nobody has judged: the batch, a buffer."""
    return any(use.step is None and use.origin not in step.parameters for use in step.inputs)


def _reaches_the_lowest(activation: Activation, values: Moments) -> bool:
    """Whether a tensor holds the lowest finite number of its type, which nothing computes and masks are filled with."""
    kind = getattr(torch, activation.dtype, None)
    if not (isinstance(kind, torch.dtype) and kind.is_floating_point):
        return False
    return values.min <= torch.finfo(kind).min * 0.99


def _is_mask(step: Step, values: Moments) -> bool:
    """Whether greatly negative values alone are far off, in a step that does no more than hand them on."""
    return values.max < _EXPLODING and not step.parameters and step.kind == "operation"


def begins_at_zero(weights: Sequence[Tensor]) -> bool:
    """Whether the largest of the weights is all zeros, as an initialisation leaves it."""
    largest = max(weights, key=lambda weight: weight.numel(), default=None)
    return largest is not None and largest.is_floating_point() and not bool(largest.detach().any())


def _dies(step: Step, activation: Activation) -> bool:
    if not activation.units or activation.dead < max(1, _DEAD_SHARE * activation.units):
        return False
    rectifies = RECTIFIES.fullmatch(_word(step)) is not None or step.kind == "module"
    return rectifies and may_tell_death(activation.shape, activation.units) and not _is_regularised(step)


def may_tell_death(shape: tuple[int, ...], units: int) -> bool:
    """Whether units of a tensor of this shape had the chance to differ; a few places may be silent by chance."""
    pictures = len(shape) > 2 and shape[1] == units
    return prod(shape) >= _LEAST_PLACES * units and (not pictures or shape[0] >= _LEAST_PICTURES)
