"""From which losses a training step begins its backward passes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Reached(BaseException):
    """Raised where a step calls its first backward pass, past whatever the step catches."""


class BackwardCalls(TorchFunctionMode):
    """While entered, notes each tensor of which ``backward()`` is called, in order, as `found`.

    Args:
        ends: whether to raise `Reached` instead of the first.
    """

    def __init__(self, *, ends: bool = False) -> None:
        super().__init__()
        self.found: list[Tensor] = []
        self._ends = ends

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Note a backward pass."""
        if function is Tensor.backward:
            with torch._C.DisableTorchFunction():
                self.found.append(args[0])
            if self._ends:
                raise Reached
        return function(*args, **(kwargs or {}))
