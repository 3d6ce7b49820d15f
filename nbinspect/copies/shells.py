"""Shells of live objects: what runs with them reads what they hold and calls them; what it sets is the shells'."""

from __future__ import annotations

import functools
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.func import functional_call
from torch.optim import Optimizer

from nbinspect.clone import HOOKS

_REAL, _TOLD, _FOLLOWED = "_nbinspect_real", "_nbinspect_told", "_nbinspect_followed"
_EVERY = frozenset(vars(nn.Module()))
"""The attributes that a module has of itself."""


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
        instead = _replaced(self)  # type: ignore[arg-type] # a module, by its other class
        with _handed_on(self):  # type: ignore[arg-type] # as above
            returned = functional_call(real, instead, args, kwargs) if instead else real(*args, **kwargs)
        vars(self)[_TOLD](returned)
        return returned

    forward = __call__


@contextmanager
def _handed_on(shell: nn.Module) -> Iterator[None]:
    """Hand on to shells what the real modules set while the block runs, such as a part of the loss, or a buffer."""
    pairs = [(part, vars(part)[_REAL]) for part in shell.modules() if _REAL in vars(part)]
    before = [_set_on(real) for _, real in pairs]
    yield
    for (part, real), known in zip(pairs, before, strict=True):
        homes: tuple[Any, ...] = vars(part), part._parameters, part._buffers
        for home, now, was in zip(homes, _set_on(real), known, strict=True):
            home.update({name: value for name, value in now.items() if was.get(name, real) is not value})


def _set_on(module: nn.Module) -> list[dict[str, Any]]:
    """Return the attributes of a module, its parameters and its buffers, by their names."""
    own = {name: value for name, value in vars(module).items() if name not in _EVERY}
    return [own, {**module._parameters}, {**module._buffers}]


def _replaced(shell: nn.Module) -> dict[str, Any]:
    """Return by name what has been put in the place of the real module's tensors, as by `functional_call`."""
    found: dict[str, Any] = {}
    for path, part in shell.named_modules():
        own = vars(part).get(_REAL)
        for held in ("_parameters", "_buffers") if own is not None else ():
            before = getattr(own, held)
            now = ((name, tensor) for name, tensor in vars(part)[held].items() if name in before)
            changed = ((name, one) for name, one in now if isinstance(one, Tensor) and one is not before[name])
            found |= {f"{path}.{name}".lstrip("."): one for name, one in changed}
    return found


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
    held.update({name: OrderedDict() for name in HOOKS if name in held})
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
