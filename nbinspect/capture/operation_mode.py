"""A torch-function mode that hears of every operation called from Python on this thread, with what it wrote to."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from nbinspect.capture.naming import spelled

LEAVES_THE_GRAPH = frozenset(
    f"Tensor.{name}"
    for name in ("item", "tolist", "numpy", "__bool__", "__float__", "__int__", "__index__", "__array__", "__complex__")
)
# Attributes and methods that hand out a tensor that is there already, and one that sets a flag.
_LOOKS = frozenset(f"Tensor.{name}" for name in ("grad", "grad_fn", "_base", "requires_grad_", "retain_grad"))


class Listener(Protocol):
    """What the mode tells of each operation, torch functions being switched off meanwhile."""

    def operation_failed(
        self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], frame: FrameType, error: Exception
    ) -> None:
        """Hear of an operation that raised."""

    def operation_ended(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        frame: FrameType,
        *,
        value: Any,
        written: tuple[Tensor, ...],
        seconds: float,
    ) -> Any:
        """Hear of an operation that made a tensor, wrote to some, or told a value; gives what goes on."""


class OperationMode(TorchFunctionMode):
    """Tells a listener of every call of torch that makes tensors, writes to one, or tells a value to Python."""

    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation and tell of it."""
        kwargs = kwargs or {}
        name = spelled(function)
        first = args[0] if args and isinstance(args[0], Tensor) else None
        version = _version(first)
        started = time.perf_counter()
        try:
            value = function(*args, **kwargs)
        except Exception as error:
            with torch._C.DisableTorchFunction():
                self._listener.operation_failed(name, args, kwargs, sys._getframe(1), error)
            raise
        seconds = time.perf_counter() - started
        written = _written(name, first, args, kwargs, value=value, version=version)
        if name in _LOOKS or not (written or makes_tensors(value) or name in LEAVES_THE_GRAPH):
            return value
        with torch._C.DisableTorchFunction():
            return self._listener.operation_ended(
                name, args, kwargs, sys._getframe(1), value=value, written=written, seconds=seconds
            )


def makes_tensors(value: Any) -> bool:
    """Whether a value is a tensor, or a tuple or list with one in it."""
    if isinstance(value, Tensor):
        return True
    return isinstance(value, tuple | list) and type(value) is not torch.Size and any(map(makes_tensors, value))


def _written(
    name: str, first: Tensor | None, args: tuple[Any, ...], kwargs: Mapping[str, Any], *, value: Any, version: int
) -> tuple[Tensor, ...]:
    """Return the tensors that an operation has changed in place."""
    out = kwargs.get("out")
    if out is not None:
        return tuple(part for part in (out if isinstance(out, tuple | list) else (out,)) if isinstance(part, Tensor))
    if first is None:
        return ()
    method = name[-1] == "_" and name[-2:] != "__"
    if method or name == "Tensor.__setitem__":
        return (first,)
    if value is first:  # as in `F.relu(x, inplace=True)`, and not as in `x.contiguous()`
        asked = kwargs.get("inplace") is True or any(part is True for part in args[1:])
        if version != _version(first) or (version < 0 and asked):
            return (first,)
    return ()


def _version(tensor: Tensor | None) -> int:
    """Return how often a tensor has been written to; -1 where nobody counts."""
    if tensor is None:
        return -1
    with torch._C.DisableTorchFunction():
        return -1 if tensor.is_inference() else tensor._version
