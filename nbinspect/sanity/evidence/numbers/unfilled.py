"""Memory that a pass asks for, and reads before all of it was written: it holds whatever was left there."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded

_EMPTY = re.compile(r"(new_)?empty(_like|_strided|_permuted)?")
_LEFT = (0.5, 3.25)


def unfilled(program: Program, recorded: Recorded) -> Operation | None:
    """Return the first operation that made a tensor of values left unset, if outputs or loss depend on these.

    The pass is run twice more with other values in such memory; what is written over, or not read, changes nothing.

    Args:
        program: left unchanged; where no such tensor is made, nothing is run.
        recorded: a pass that ran to the end.
    """
    steps = (one for one in recorded.operations if one.step.kind == "operation")
    asked = next((one for one in steps if _EMPTY.fullmatch(word_of(one.step.name))), None)
    if asked is None:
        return None
    found, others = (_outcome(program, recorded.batch, value) for value in _LEFT)
    alike = len(found) == len(others) and all(map(_is_same, found, others))
    return None if alike else asked


def _outcome(program: Program, batch: Batch, value: float) -> list[Tensor]:
    with program.running(gradients=True), _Left(value):
        outputs = program.outputs(batch)
        loss = program.loss(outputs, batch)
        return [tensor.detach().clone() for _, tensor in tensors_in((outputs, loss), "")]


def _is_same(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one.double(), other.double(), rtol=1e-4, equal_nan=True)


class _Left(TorchFunctionMode):
    """Gives floating-point memory that is left unset with one value everywhere."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        if isinstance(made, Tensor) and _EMPTY.fullmatch(getattr(func, "__name__", "")) and made.is_floating_point():
            with torch.no_grad(), torch._C.DisableTorchFunction():
                made.fill_(self.value)
        return made
