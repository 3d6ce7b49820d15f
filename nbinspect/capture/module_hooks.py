"""Hooks around every call of a network's modules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import nn

from nbinspect.capture.hook import EMPTY, add_hook, add_pre_hook

Entered: TypeAlias = "Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]"
Left: TypeAlias = "Callable[[nn.Module, Any, Any], Any]"

_WRAPPED = frozenset({"_orig_mod", "_checkpoint_wrapped_module"})


def own_path(name: str) -> str:
    """Return the path of a module or parameter as the user's own code has it, without torch's wrappers."""
    return ".".join(part for part in name.split(".") if part not in _WRAPPED)


def stepped_modules(network: nn.Module) -> dict[str, nn.Module]:
    """Return the modules whose calls are steps, by path: none inside a scripted one, which is opaque."""
    found: dict[str, nn.Module] = {}
    opaque: list[str] = []
    for name, module in network.named_modules():
        if any(name.startswith(prefix) for prefix in opaque):
            continue
        found[own_path(name)] = module
        if isinstance(module, torch.jit.ScriptModule):
            opaque.append(f"{name}." if name else "")
    return found


class _Staying(partial[Any]):
    """A hook that goes nowhere with the module, where the user's own code copies that; and no frame of its own."""

    def __reduce__(self) -> Any:
        return EMPTY


def add_hooks(modules: Mapping[str, nn.Module], entered: Callable[[str], Entered], left: Left) -> list[Any]:
    """Add hooks that tell when a module begins and, also where it raised, ends; give the handles that remove them."""
    handles: list[Any] = []
    try:
        for path, module in modules.items():
            handles.append(add_pre_hook(module, _Staying(entered(path))))
            handles.append(add_hook(module, _Staying(left), always_call=True))
    except BaseException:
        for handle in handles:
            handle.remove()
        raise
    return handles
