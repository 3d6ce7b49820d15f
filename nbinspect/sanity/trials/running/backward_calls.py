"""From which losses a training step begins its backward passes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class BackwardCalls(TorchFunctionMode):
    """While entered, notes each tensor of which ``backward()`` is called, in order, as `found`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Tensor] = []

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Note a backward pass."""
        if function is Tensor.backward:
            with torch._C.DisableTorchFunction():
                self.found.append(args[0])
        return function(*args, **(kwargs or {}))
