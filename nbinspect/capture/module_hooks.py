"""Hooks around every call of a network's modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

Entered: TypeAlias = "Callable[[nn.Module, tuple[Any, ...], dict[str, Any]], None]"
Left: TypeAlias = "Callable[[nn.Module, Any, Any], Any]"

_WRAPPED = frozenset({"_orig_mod", "_checkpoint_wrapped_module"})


def stepped_modules(network: nn.Module) -> dict[str, nn.Module]:
    """Return the modules whose calls are steps, by path: none inside a scripted one, which is opaque."""
    found: dict[str, nn.Module] = {}
    opaque: list[str] = []
    for name, module in network.named_modules():
        if any(name.startswith(prefix) for prefix in opaque):
            continue
        path = ".".join(part for part in name.split(".") if part not in _WRAPPED)
        found[path] = module
        if isinstance(module, torch.jit.ScriptModule):
            opaque.append(f"{name}." if name else "")
    return found


def add_hooks(modules: dict[str, nn.Module], entered: Callable[[str], Entered], left: Left) -> list[Any]:
    """Add hooks that tell when a module begins and, also where it raised, ends; give the handles that remove them."""
    handles: list[Any] = []
    scripted: dict[int, Entered] = {}
    try:
        for path, module in modules.items():
            if isinstance(module, torch.jit.ScriptModule):
                scripted[id(module)] = entered(path)
            else:
                handles.append(module.register_forward_pre_hook(entered(path), with_kwargs=True))
                handles.append(module.register_forward_hook(left, always_call=True))
        if scripted:
            handles += _global_hooks(scripted, left)
    except BaseException:
        for handle in handles:
            handle.remove()
        raise
    return handles


def _global_hooks(scripted: dict[int, Entered], left: Left) -> list[Any]:
    """See calls of scripted modules, which take no hooks of their own."""

    def enter(module: nn.Module, args: Any) -> None:
        if id(module) in scripted:
            scripted[id(module)](module, args, {})

    def leave(module: nn.Module, args: Any, output: Any) -> Any:
        return left(module, args, output) if id(module) in scripted else None

    return [register_module_forward_pre_hook(enter), register_module_forward_hook(leave, always_call=True)]
