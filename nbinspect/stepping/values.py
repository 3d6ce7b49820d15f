"""The values at the cursor: which tensor it is, and what can stand for it."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from nbinspect.errors import InputError, NbinspectError
from nbinspect.nested import tensors_in
from nbinspect.subject import kind_of


def check_like(tensor: Any, current: Tensor) -> None:
    """Raise InputError unless a tensor can stand for the current one: same shape, dtype and device."""
    if not isinstance(tensor, Tensor):
        raise InputError(f"replace: expected a tensor like `tensor`, got {kind_of(tensor)}")
    for name in ("shape", "dtype", "device"):
        wanted, got = getattr(current, name), getattr(tensor, name)
        if wanted != got:
            plain = [tuple(value) if name == "shape" else str(value) for value in (wanted, got)]
            raise InputError(f"replace: expected {name} {plain[0]}, got {plain[1]}; make it like `tensor`")


def first_tensor(value: Any) -> Tensor:
    """Return the first tensor of what a step made.

    Raises:
        NbinspectError: if there is none.
    """
    found = next((tensor for _, tensor in tensors_in(value, "")), None)
    if found is None:
        raise NbinspectError("the step at the cursor made no tensor: see `value`")
    return found
