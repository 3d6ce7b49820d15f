"""Two models on the same input, side by side: the first operation where they part ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor, nn

from nbinspect.calling import to_device
from nbinspect.capture.door import refuse_beside_training
from nbinspect.capture.kinds import UNWRITTEN, word_of
from nbinspect.capture.operations import Call, Level
from nbinspect.capture.origins import shape_of, type_name
from nbinspect.errors import CaptureError, InputError, written_out
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Step, TensorUse
from nbinspect.stepping.commands import stop_at_once
from nbinspect.stepping.gap import Gap, Tolerance, gap_between
from nbinspect.stepping.inputs import Batches
from nbinspect.stepping.modes import Modes
from nbinspect.stepping.passes import Pass
from nbinspect.subject import Subject, kind_of

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


def first_difference(
    a: Any,
    b: Any,
    batch: Any = None,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    level: Level = "operation",
    training: tuple[bool | None, bool | None] = (None, None),
    timeout: float = 60.0,
) -> Difference:
    """Run two models on the same input and random numbers, step by step, and return the first step that differs.

    Both run on clones, and wait for each other after each step; the models and the random states are left unchanged.
    The input is moved to each model's device and, where the models differ in dtype, cast to its own.

    Args:
        a: a model, or an `Inspector`.
        b: what it is compared with: another model, another checkpoint of it, or it on another device or in another
            dtype.
        batch: what the models are called with, a tuple as positional and a dict as named arguments; for an `Inspector`
            a batch as its loader gives it, and by default one from there.
        atol: absolute difference that is none; by default 0, so that bits count. Where the two differ in dtype or
            device, by default 8 times the spacing of the coarser type's numbers at the greatest value of the tensor.
        rtol: the same relative to each value.
        level: what counts as a step.
        training: train or eval mode of each; by default their own.
        timeout: seconds that one step may take.

    Raises:
        InputError: if a or b is no model, or there is no batch.
        CaptureError: if a model cannot be copied, is in use in another thread, or a step takes too long.
    """
    for name, tolerance in (("atol", atol), ("rtol", rtol)):
        if tolerance is not None and not tolerance >= 0:
            raise InputError(f"{name}: expected a number of 0 or more, got {tolerance!r}")
    one, other = _subject_of(a, "a"), _subject_of(b, "b")
    batches = _batches(one, other, batch, a)
    for subject in (one, other):
        refuse_beside_training(subject.model)
    modes = Modes.here()
    passes = [
        Pass(subject, given, modes, level=level, training=mode)
        for subject, given, mode in zip((one, other), batches, training, strict=True)
    ]
    try:
        return _compared(passes[0], passes[1], Tolerance(atol, rtol), timeout)
    finally:
        for each in passes:
            each.stop()


def _subject_of(model: Any, name: str) -> Subject:
    found = getattr(model, "subject", model) if not isinstance(model, nn.Module) else model
    if isinstance(found, Subject):
        return found
    if not isinstance(found, nn.Module):
        raise InputError(f"{name}: expected a torch.nn.Module or an Inspector, got {kind_of(model)}")
    return Subject(found, None, forward=_called, split=_whole)


def _called(model: nn.Module, batch: Any) -> Any:
    if isinstance(batch, Mapping):
        return model(**batch)
    return model(*batch) if isinstance(batch, tuple) else model(batch)


def _whole(batch: Any) -> tuple[Any, Any]:
    return batch, None


def _batches(one: Subject, other: Subject, batch: Any, a: Any) -> tuple[Any, Any]:
    """Return the batch for each of the two: on its device, and in its dtype where that is not the same."""
    if batch is None and one.loader is None:
        raise InputError(f"batch: expected what the models are called with, got none, and {kind_of(a)} has no loader")
    given = Batches(one, batch, None)
    current = given.current
    given.close()
    kinds = [_kind_of(subject.network) for subject in (one, other)]
    moved = [to_device(subject, current)[0] for subject in (one, other)]
    if kinds[0] is kinds[1]:
        return moved[0], moved[1]
    return _cast(moved[0], kinds[0]), _cast(moved[1], kinds[1])


def _cast(batch: Any, kind: torch.dtype | None) -> Any:
    if kind is None:
        return batch
    return map_tensors(lambda tensor: tensor.to(kind) if tensor.is_floating_point() else tensor, batch)


def _kind_of(network: nn.Module) -> torch.dtype | None:
    return next((parameter.dtype for parameter in network.parameters() if parameter.is_floating_point()), None)


def _compared(one: Pass, other: Pass, tolerance: Tolerance, timeout: float) -> Difference:
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
