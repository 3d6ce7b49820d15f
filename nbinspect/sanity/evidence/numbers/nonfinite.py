"""Where NaN and infinities of a recorded pass come from, forward and backward."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import LAYS, word_of
from nbinspect.nested import tensors_in
from nbinspect.records import Activation, TensorUse
from nbinspect.sanity.evidence.passes.graph import nodes_of, steps_of
from nbinspect.sanity.program import Program, as_scalar
from nbinspect.sanity.recorded import Operation, Recorded

_CHOOSES = re.compile(r"is(nan|inf|finite|posinf|neginf)|nan\w+|getitem|masked_\w+|index_\w+|\w*gather")
"""Operations that look for values that are not finite, or choose among values."""


@dataclass(frozen=True, eq=False)
class Origin:
    """Where values that are not finite began."""

    operation: Operation | None
    """The first that made them of finite ones; None where they were there before the pass."""
    use: TensorUse | None = None
    """What held them before: a tensor of the batch, a parameter."""
    laid: bool = False
    """Whether they are infinities laid down on purpose, as of a mask."""


def is_finite(value: Any) -> bool:
    """Whether all that is in a value, nested or sparse, is finite; what is no number is."""
    if isinstance(value, Real):
        return isfinite(value)
    with torch._C.DisableTorchFunction():
        return all(_tensor_is_finite(tensor) for _, tensor in tensors_in(value, ""))


def has_nan(value: Any) -> bool:
    """Whether there is a NaN in a nested value."""
    with torch._C.DisableTorchFunction():
        return any(bool(tensor.isnan().any()) for _, tensor in tensors_in(value, "") if _has_values(tensor))


def _tensor_is_finite(tensor: Tensor) -> bool:
    if not _has_values(tensor):
        return True
    return bool((tensor.coalesce().values() if tensor.is_sparse else tensor).isfinite().all())


def _has_values(tensor: Tensor) -> bool:
    return (tensor.is_floating_point() or tensor.is_complex()) and not (tensor.is_meta or tensor.is_nested)


def is_left_out(recorded: Recorded) -> bool:
    """Whether some operation leaves values out that are not finite: it looks for them, or chooses and lays others."""
    return any(
        (_CHOOSES.fullmatch(word_of(one.step.name)) or LAYS.fullmatch(word_of(one.step.name)))
        and is_finite(one.made)
        and not is_finite(one.given)
        for one in recorded.operations
    )


def amiss(made: Activation) -> int:
    """Return how many values of what a step made are not finite."""
    return made.moments.nan + made.moments.inf if made.moments is not None else 0


def origin_of(recorded: Recorded, last: Operation) -> Origin:
    """Return where the values began of which an operation's are not finite: NaN first, then what NaN was made of."""
    operation = last
    while True:
        cause = _cause(recorded, operation)
        if isinstance(cause, Origin):
            return cause
        operation = cause


def _cause(recorded: Recorded, operation: Operation) -> Operation | Origin:
    """Return what gave an operation values that are not finite; a mask that was laid with infinities is no cause."""
    if LAYS.fullmatch(word_of(operation.step.name)) and not _count(operation, "nan"):
        return Origin(operation, laid=True)
    found: Operation | Origin = Origin(operation)
    for use, tensor in zip(operation.step.inputs, operation.given, strict=True):
        maker = recorded.by_index.get(use.step) if use.step is not None else None
        if maker is None:
            if use.step is None and not is_finite(tensor):
                found = Origin(None, use, laid=not (isinstance(tensor, nn.Parameter) or has_nan(tensor)))
        elif _count(maker, "nan") and _count(operation, "nan"):
            return maker
        elif _count(maker, "inf") and not (_count(operation, "nan") and origin_of(recorded, maker).laid):
            found = maker
    return Origin(operation) if isinstance(found, Origin) and found.laid and _count(operation, "nan") else found


def _count(operation: Operation, kind: str) -> int:
    return sum(getattr(made.moments, kind) for made in operation.step.outputs if made.moments is not None)


@dataclass(frozen=True, eq=False)
class Reached:
    """What values that are not finite do to a pass."""

    origin: Origin
    what: str
    """How far they come: ``the loss``."""
    is_grave: bool
    """Whether no training can go on from there."""


def reached_in(program: Program, recorded: Recorded) -> Reached | None:
    """Return what values that are not finite do to a pass; None where they do nothing, as under a mask.

    Args:
        program: whose pass it is; run again where the gradient alone is not finite.
        recorded: the pass, or a step of the user's own up to its backward pass.
    """
    bad = [one for one in recorded.operations if one.step.kind == "operation" and any(map(amiss, one.step.outputs))]
    if not bad:
        return None
    if recorded.loss is not None and not is_finite(recorded.loss):
        return Reached(origin_of(recorded, _maker_of(recorded, recorded.loss, bad)), "the loss", is_grave=True)
    if not is_finite(list(recorded.gradients.values())):
        operation, _ = backward_origin(program, recorded)
        if operation is not None:
            guilty = next((one for one in _around(recorded, operation) if one in bad), None)
            if guilty is not None:
                return Reached(origin_of(recorded, guilty), "the gradient", is_grave=True)
    if not is_finite(recorded.outputs):
        origin = origin_of(recorded, _maker_of(recorded, recorded.outputs, bad))
        nan = has_nan(recorded.outputs)
        if nan or not origin.laid:
            return Reached(origin, "the outputs", is_grave=nan and recorded.loss is None)
    return None


def _maker_of(recorded: Recorded, value: object, bad: list[Operation]) -> Operation:
    """Return the operation that made a value that is not finite: the last such, where it is not known."""
    makers = (recorded.maker(tensor) for _, tensor in tensors_in(value, ""))
    return next((maker for maker in makers if maker in bad and maker is not None), bad[-1])


def _around(recorded: Recorded, operation: Operation) -> list[Operation]:
    given = {use.step for use in operation.step.inputs if use.step is not None}
    return [operation, *(recorded.by_index[index] for index in given if index in recorded.by_index)]


def range_of(recorded: Recorded, operation: Operation, number: int) -> str:
    """Return least and greatest of what an operation was given, as they were then; empty where nobody knows."""
    use, tensor = operation.step.inputs[number], operation.given[number].detach()
    maker = recorded.by_index.get(use.step) if use.step is not None else None
    moments = [made.moments for made in maker.step.outputs if made.moments is not None] if maker is not None else []
    if moments:
        return f"{min(one.min for one in moments):.4g} … {max(one.max for one in moments):.4g}"
    known = tensor.numel() and _has_values(tensor) and not tensor.is_complex()
    return f"{float(tensor.min()):.4g} … {float(tensor.max()):.4g}" if known else ""


def backward_origin(program: Program, recorded: Recorded) -> tuple[Operation | None, str]:
    """Run the pass once more, and return where its backward first makes values that are not finite of finite ones.

    Returns:
        The operation, None where it cannot be told; and the name of its function in the graph, empty where none is.
    """
    guilty: list[int] = []
    with program.running(gradients=True):
        loss = program.loss(program.outputs(recorded.batch), recorded.batch)
        nodes = nodes_of(loss)

        def watch(number: int) -> Any:
            def hook(given: tuple[Tensor | None, ...], taken: tuple[Tensor | None, ...]) -> None:
                if is_finite(taken) and not is_finite(given):
                    guilty.append(number)

            return hook

        for number, node in enumerate(nodes):
            node.register_hook(watch(number))
        wanted: list[Tensor] = [parameter for parameter in program.parameters.values() if parameter.requires_grad]
        program.gradients(as_scalar(loss, program.subject), wanted, recorded.batch)
        names = [node.name() for node in nodes]
    if not guilty:
        return None, ""
    before = nodes_of(recorded.loss)
    same = [node.name() for node in before] == names
    return (steps_of(recorded).get(before[guilty[0]]) if same else None), names[guilty[0]]
