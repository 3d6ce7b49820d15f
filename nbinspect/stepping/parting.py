"""Where two passes that run side by side part ways, and whether already what the step was given did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from nbinspect.capture.kinds import UNWRITTEN, word_of
from nbinspect.capture.operations import Call
from nbinspect.capture.origins import shape_of, type_name
from nbinspect.errors import CaptureError, written_out
from nbinspect.nested import tensors_in
from nbinspect.records import Step, TensorUse
from nbinspect.stepping.commands import stop_at_once
from nbinspect.stepping.gap import Gap, Tolerance, gap_between
from nbinspect.stepping.passes import Pass

Reason: TypeAlias = Literal["none", "values", "shape", "step", "length", "failure"]


@dataclass(frozen=True)
class Agreement:
    """How what a step was given agrees in the two passes."""

    name: str
    """``args[1]: conv1.weight``, ``input: step 4``; the path of a parameter or buffer that a module owns."""
    greatest: float | None
    """Greatest absolute difference; None where they cannot be compared."""


@dataclass(frozen=True)
class Difference:
    """Where two passes part ways; false where they do not."""

    reason: Reason
    """What differs first: ``values``, a ``shape``, which ``step`` it is, their number (``length``), that one raises
    (``failure``); or ``none``."""
    steps: tuple[Step | None, Step | None]
    """That step in each pass; None where one had ended before."""
    compared: int
    """Number of steps that agree before it."""
    output: str
    """Which of the step's outputs: ``output``, ``output[0]``; empty where it is not about values."""
    greatest: float | None
    """Greatest absolute difference of its values; infinite where one is no finite number and the other another."""
    relative: float | None
    """The same relative to the greatest finite magnitude of both."""
    share: float | None
    """Of values that differ by more than is allowed."""
    inputs: tuple[Agreement, ...]
    """How what the step was given agrees."""
    text: str

    def __bool__(self) -> bool:
        return self.reason != "none"

    def __str__(self) -> str:
        return written_out(self.text)


def parting(one: Pass, other: Pass, tolerance: Tolerance, timeout: float) -> Difference:
    """Run two passes, a step of each in turn, and return the first step that differs.

    Raises:
        CaptureError: if a step takes longer than `timeout` seconds.
    """
    count = 0
    while True:
        for each in (one, other):
            if not each.advance(stop_at_once, timeout):
                raise CaptureError(f"a step takes longer than {timeout:g} s: give a larger timeout")
        found = _apart(one, other, count, tolerance)
        if found is not None:
            return found
        if one.at is None:
            return _difference("none", one, other, count, _alike(one, count))
        count += 1


def _alike(one: Pass, count: int) -> str:
    """Return what is said of two passes that ended alike."""
    if one.failure is not None and count == 0:
        return f"both raise {one.failure.error} before the first step: nothing was compared"
    both = f", after which both raise {one.failure.error}" if one.failure else ""
    return f"no difference in {count:,} steps{both}"


def _apart(one: Pass, other: Pass, count: int, tolerance: Tolerance) -> Difference | None:
    """Return how the two differ where they stand; None where they agree."""
    first, second = one.at, other.at
    failed = [name for name, each in (("a", one), ("b", other)) if each.failure is not None]
    if failed and len(failed) < 2:
        error = next(filter(None, (one.failure, other.failure)), None)
        why = f" {error.error}" if error else ""
        return _difference("failure", one, other, count, f"{_where(one, other)}: {failed[0]} raises{why}")
    if first is None or second is None:
        if first is second:
            return None
        ended, goes_on = ("a", "b") if first is None else ("b", "a")
        text = f"{ended} ends after {count:,} steps, and {goes_on} goes on: {_where(one, other)}"
        return _difference("length", one, other, count, text)
    if (first.kind, first.name, first.path, first.number) != (second.kind, second.name, second.path, second.number):
        text = f"step {count}: a runs {_named(first)}, and b {_named(second)}"
        return _difference("step", one, other, count, text)
    return _values_apart(one, other, count, tolerance)


def _values_apart(one: Pass, other: Pass, count: int, tolerance: Tolerance) -> Difference | None:
    made = [list(tensors_in(each.value, "output")) for each in (one, other)]
    where = _where(one, other)
    if len(made[0]) != len(made[1]):
        text = f"{where}: a makes {len(made[0])} tensors, and b {len(made[1])}"
        return _difference("shape", one, other, count, text, inputs=_agreements(one.at, other.at))
    for (name, before), (_, after) in zip(*made, strict=True):
        shapes = tuple(shape_of(before)), tuple(shape_of(after))
        if one.at is not None and UNWRITTEN.fullmatch(word_of(one.at.name)) and shapes[0] == shapes[1]:
            with torch.inference_mode(after.is_inference()), torch.no_grad():
                after.copy_(before)  # whatever lies in memory: the passes are not to differ in that
        if shapes[0] != shapes[1]:
            text = f"{where}: the shape of {name} is {shapes[0]} in a, and {shapes[1]} in b"
            return _difference("shape", one, other, count, text, inputs=_agreements(one.at, other.at))
        gap = gap_between(before, after, tolerance)
        if gap is not None and gap.share > 0:
            inputs = _agreements(one.at, other.at)
            text = f"{where}: {gap.share:.1%} of the values of {name} differ, by up to {gap.greatest:.3g}"
            text += f" ({gap.relative:.2g} of the greatest value); {_of_inputs(inputs)}"
            return _difference("values", one, other, count, text, output=name, gap=gap, inputs=inputs)
    return None


def _agreements(first: Call | None, second: Call | None) -> tuple[Agreement, ...]:
    """Return how what a step was given agrees, its own parameters and buffers too."""
    if first is None or second is None:
        return ()
    given = [_given(first), _given(second)]
    if len(given[0]) != len(given[1]):
        return ()
    found = []
    for (name, one), (_, other) in zip(*given, strict=True):
        gap = gap_between(one, other, Tolerance()) if shape_of(one) == shape_of(other) else None
        found.append(Agreement(name, None if gap is None else gap.greatest))
    return tuple(found)


def _given(call: Call) -> list[tuple[str, Tensor]]:
    found = [(_use_named(use), tensor) for use, tensor in zip(call.uses, call.given, strict=False)]
    if call.module is not None:
        for held in (call.module.named_parameters(recurse=False), call.module.named_buffers(recurse=False)):
            found += [(f"{call.path}.{name}".lstrip("."), tensor) for name, tensor in held]
    return found


def _use_named(use: TensorUse) -> str:
    return f"{use.name}: {use.origin}"


def _of_inputs(inputs: tuple[Agreement, ...]) -> str:
    apart = [f"{one.name} (by up to {one.greatest:.3g})" for one in inputs if one.greatest]
    return f"of what it was given, {', '.join(apart)} differs" if apart else "what it was given is the same"


def _named(call: Call) -> str:
    at = f" in {call.path}" if call.path and call.kind == "operation" else f" {call.path}" if call.path else ""
    line = f" (line {call.place.line})" if call.place else ""
    kinds = ", ".join(type_name(tensor.dtype) for tensor in call.given[:1])
    return f"{call.name}{at}{line}" + (f" of {kinds}" if kinds else "")


def _where(one: Pass, other: Pass) -> str:
    call = one.at or other.at
    return "at the end" if call is None else f"step {call.index}, {_named(call)}"


def _difference(
    reason: Reason,
    one: Pass,
    other: Pass,
    count: int,
    text: str,
    *,
    output: str = "",
    gap: Gap | None = None,
    inputs: tuple[Agreement, ...] = (),
) -> Difference:
    steps = tuple(_step_at(each) for each in (one, other))
    return Difference(
        reason=reason,
        steps=(steps[0], steps[1]),
        compared=count,
        output=output,
        greatest=gap.greatest if gap else None,
        relative=gap.relative if gap else None,
        share=gap.share if gap else None,
        inputs=inputs,
        text=text,
    )


def _step_at(each: Pass) -> Step | None:
    index = each.at.index if each.at else each.failure.step if each.failure else None
    return next((step for step in each.steps() if step.index == index), None)
