"""Shells of live objects: what runs with them reads what they hold and calls them; what it sets is the shells'."""

from __future__ import annotations

import functools
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.amp import GradScaler
from torch.optim import Optimizer

_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_REAL, _TOLD, _FOLLOWED = "_nbinspect_real", "_nbinspect_told", "_nbinspect_followed"


class _Shell:
    """Goes before a module's own class: a call is the real module's."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the real module, and tell what it returned."""
        real = vars(self).get(_REAL)
        if real is None:  # a module that the class has made of a part of itself, such as a slice
            return super().__call__(*args, **kwargs)  # type: ignore[misc] # the module's own
        if vars(self)[_FOLLOWED]:
            for part in self.modules():  # type: ignore[attr-defined] # the module's own
                vars(part).get(_REAL, part).training = part.training
        returned = real(*args, **kwargs)
        vars(self)[_TOLD](returned)
        return returned

    forward = __call__


def module_shells(
    network: nn.Module, real: nn.Module, returned: Callable[[Any], None], *, followed: bool = False
) -> dict[int, Any]:
    """Return what stands for a network and all that it is made of, by their ids, so that calls run another one.

    The shells of modules hold the other's parameters and buffers; for the network's own stand the other's.

    Args:
        network: whose parts are stood in for; left unchanged.
        real: one of the same structure, such as its copy or itself; parts of another name have no shell.
        returned: told what each call of the whole network returns.
        followed: whether the other's modules take the modes that are set for their shells, when these are called.
    """
    reals = dict(real.named_modules(remove_duplicate=False))
    shells: dict[int, Any] = {}
    for name, module in reals.items():
        if id(module) not in shells:
            shells[id(module)] = _shell(module, _ignored if name else returned, followed)
    for module in reals.values():
        own = vars(shells[id(module)])
        if _REAL in own:
            own["_modules"] = {key: shells.get(id(part), part) for key, part in module._modules.items()}
    found: dict[int, Any] = {}
    for name, module in network.named_modules(remove_duplicate=False):
        if name in reals:
            found[id(module)] = shells[id(reals[name])]
            for mine, other in ((module._parameters, reals[name]._parameters), (module._buffers, reals[name]._buffers)):
                found |= {id(one): other[key] for key, one in mine.items() if one is not None and key in other}
    return found


def _ignored(_: Any) -> None:
    """Take what a part of the network returns."""


def _shell(real: nn.Module, returned: Callable[[Any], None], followed: bool) -> nn.Module:
    if isinstance(real, torch.jit.ScriptModule):
        return real
    kind: Any = type(real)
    shell: nn.Module = object.__new__(_shell_class(kind))
    held = vars(shell)
    held.update(vars(real))
    held.update({name: OrderedDict() for name in _HOOKS if name in held})
    held.update({name: held[name].copy() for name in ("_parameters", "_buffers")})
    held.update({_REAL: real, _TOLD: returned, _FOLLOWED: followed})
    return shell


@functools.lru_cache(256)
def _shell_class(kind: type[Any]) -> type[nn.Module]:
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__, "__doc__": kind.__doc__}
    made: type[nn.Module] = types.new_class(kind.__name__, (_Shell, kind), exec_body=lambda space: space.update(names))
    return made


def optimizer_shells(optimizers: Iterable[Optimizer], instead: dict[int, Any]) -> dict[int, Any]:
    """Return what stands for optimizers, by their ids: it has their groups and state, and takes no step.

    Args:
        optimizers: left unchanged.
        instead: what stands for parameters, by their ids.
    """
    found: dict[int, Any] = {}
    for optimizer in optimizers:
        shell = object.__new__(type(optimizer))
        groups = [
            {**group, "params": [instead.get(id(one), one) for one in group["params"]]}
            for group in optimizer.param_groups
        ]
        vars(shell).update({**vars(optimizer), "param_groups": groups, "step": _no_step})
        found[id(optimizer)] = shell
    return found


def scaler_shells(scalers: Iterable[GradScaler]) -> dict[int, Any]:
    """Return what stands for gradient scalers, by their ids: it leaves a loss as it is.

    Args:
        scalers: left unchanged.
    """
    found: dict[int, Any] = {}
    for scaler in scalers:
        shell = object.__new__(type(scaler))
        vars(shell).update({**vars(scaler), "scale": _unscaled})
        found[id(scaler)] = shell
    return found


def _unscaled(outputs: Any) -> Any:
    return outputs


def _no_step(closure: Any = None) -> Any:
    """Leave the parameters as they are; a closure is called, as by LBFGS."""
    return closure() if callable(closure) else None
