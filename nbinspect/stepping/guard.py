"""Writes of a pass to the parameters that it shares with the user's model, turned aside as they happen."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from nbinspect.capture.naming import spelled
from nbinspect.nested import tensors_in


class ParameterGuard(TorchFunctionMode):
    """While entered, an operation on this thread that writes to a shared parameter gives the clone one of its own.

    The bytes of the user's parameter are put back right after the operation. Its `.data` and `.grad` need no guard: the
    clone's parameters are tensors of their own over the same memory. Writes from compiled code outside torch are not
    seen. Entered before other modes, so that it runs the operation itself and they see nothing of this.

    Args:
        clone: the model whose parameters lie in the memory of the user's.
    """

    def __init__(self, clone: nn.Module) -> None:
        super().__init__()
        self._shared = {id(parameter): parameter for parameter in clone.parameters() if _has_memory(parameter)}
        self._theirs = {key: parameter.detach() for key, parameter in self._shared.items()}
        self._own: dict[int, Tensor] = {}

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Run the operation, aside from the user's memory where it writes there."""
        kwargs = kwargs or {}
        name = spelled(function)
        if not ((name[-1] == "_" and name[-2:] != "__") or name == "Tensor.__setitem__" or "out" in kwargs):
            return function(*args, **kwargs)
        with contextlib.ExitStack() as aside:
            for key in self._written(args, kwargs):
                aside.enter_context(self._aside(key))
            return function(*args, **kwargs)

    def _written(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> list[int]:
        """Return the parameters that share memory with what is written to."""
        with torch._C.DisableTorchFunction():
            named = [kwargs.get(name) for name in ("out", "input", "tensor")]  # the last in `nn.init`
            targets = [tensor for _, tensor in tensors_in([args[:1], named], "") if _has_memory(tensor)]
            places = {tensor.untyped_storage().data_ptr() for tensor in targets}
            return [key for key, theirs in self._theirs.items() if theirs.untyped_storage().data_ptr() in places]

    @contextlib.contextmanager
    def _aside(self, key: int) -> Iterator[None]:
        """Let the block write to the clone's own values of a parameter, in the place of the user's."""
        theirs = self._theirs[key]
        with torch._C.DisableTorchFunction(), torch.no_grad():
            before = theirs.clone()
            if key in self._own:
                theirs.copy_(self._own[key])
        try:
            yield
        finally:
            with torch._C.DisableTorchFunction(), torch.no_grad():
                self._own[key] = theirs.clone()
                self._shared[key].data = self._own[key]
                theirs.copy_(before)


def _has_memory(tensor: Tensor) -> bool:
    strided = tensor.layout is torch.strided and not tensor.is_meta and not nn.parameter.is_lazy(tensor)
    return strided and type(tensor) in (Tensor, nn.Parameter)
