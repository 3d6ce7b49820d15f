"""A clone of a model that shares its parameters: what outlives a call runs on it, so that the model meets no hook."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Collection, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from torch.utils.data import DataLoader, Dataset

from nbinspect.errors import CaptureError
from nbinspect.whose import is_users_module, names_in

Part = TypeVar("Part")

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""The attributes in which a module keeps its hooks."""
_OF_TRAINING = (Optimizer, LRScheduler, DataLoader, Dataset)
_NO_HOLDERS = (Tensor, nn.Module, type, types.FunctionType, *_OF_TRAINING)
_MOST, _LONGEST = 100_000, 10_000


def clones_of(
    network: nn.Module, *parts: Any, values: dict[str, Tensor] | None = None, shared: bool = True
) -> tuple[Any, ...]:
    """Return a deep copy of a model that shares its parameters, and copies of functions and modules that refer to it.

    Buffers, random generators and all else are the clone's own. Shared are, besides parameters: hooks that are no
    methods of the model's modules, optimizers, loaders and data sets, and what cannot be copied (locks, open files,
    Python generators). Functions that close over the model, as its hooks or attributes too, close over the clone.
    So do the user's own functions that reach it through a global, and objects and containers that hold it: they get
    shallow copies of these. Weights of embeddings with a `max_norm` are copied, for a forward writes to them. The model
    is left unchanged.

    Args:
        network: the model.
        parts: a loss, a `forward`, a `split`; what is neither a module nor refers to one is given back itself.
        values: of parameters and buffers by name, to use instead of the model's own.
        shared: False copies the parameters too, so that the clone can be trained.

    Raises:
        CaptureError: if the model cannot be copied, with the reason.
    """
    modules = [network, *(part for part in parts if isinstance(part, nn.Module))]
    with torch.inference_mode(False), torch.enable_grad():
        ready = {id(part): (part, own) for module in modules for part, own in _all_prepared(module, shared)}
        ready |= {id(part): (part, own) for part, own in _valued(network, values or {})}
        known = {key: own for key, (_, own) in ready.items()}
        try:
            memo: dict[Any, Any] = dict(known)
            copy.deepcopy(modules, memo)
        except Exception:  # noqa: BLE001 - a class's own way of copying may raise anything; what it refuses is shared
            known |= {id(part): part for module in modules for part in _refused(module, known)}
            memo = dict(known)
            _copied_all(modules, memo)
    clones = [memo[id(module)] for module in modules]
    for clone in clones:
        for module in clone.modules():
            rebind_functions(module, memo)
    return clones[0], *(_rebound(part, memo) for part in parts)


def _copied_all(modules: list[nn.Module], memo: dict[Any, Any]) -> None:
    try:
        copy.deepcopy(modules, memo)
    except Exception as error:
        raise CaptureError(
            f"the model cannot be copied, so nothing can be run on a copy of it ({type(error).__name__}: {error}); "
            f"recording a whole pass needs no copy and works"
        ) from error


def _all_prepared(network: nn.Module, shared: bool) -> Iterator[tuple[Any, Any]]:
    modules = set(network.modules())
    for module in modules:
        for parameter in module.parameters(recurse=False) if shared else ():
            if not (getattr(module, "max_norm", None) is not None or is_lazy(parameter)):
                yield parameter, _over_the_same_memory(parameter)
        yield from ((value, value) for value in _attributes(module) if isinstance(value, _OF_TRAINING))
        yield from prepared(module, modules)


def prepared(module: nn.Module, modules: set[nn.Module]) -> Iterator[tuple[Any, Any]]:
    """Yield what a plain deep copy of one of `modules` would get wrong, with what is to stand for it in the copy."""
    for value in _attributes(module):
        if isinstance(value, Tensor) and not isinstance(value, nn.Parameter) and not value.is_leaf:
            yield value, off_its_graph(value)
        elif isinstance(value, torch.Generator):
            yield value, torch.Generator(value.device).set_state(value.get_state())
    for name in HOOKS:
        for hook in module.__dict__.get(name, {}).values():
            if getattr(hook, "__self__", None) not in modules:
                yield hook, hook


def off_its_graph(tensor: Tensor) -> Tensor:
    """Return a copy of a tensor inside a graph, without it.

    Where no parameter stands behind it, as behind inputs by which a program differentiates, it has a graph of its own.
    """
    own, waiting, seen = tensor.detach(), [tensor.grad_fn], set[Any]()
    while waiting:
        node = waiting.pop()
        if isinstance(getattr(node, "variable", None), nn.Parameter):
            return own.clone()
        if node is not None and node not in seen:
            seen.add(node)
            waiting += [before for before, _ in node.next_functions]
    return own.requires_grad_().clone()


def _over_the_same_memory(parameter: nn.Parameter) -> nn.Parameter:
    """Return a parameter with the same values in the same memory, whose `.data` and `.grad` are its own."""
    if type(parameter) is not nn.Parameter:
        return parameter
    own = nn.Parameter(parameter.detach(), parameter.requires_grad)
    own.__dict__.update(parameter.__dict__)
    return own


def _valued(network: nn.Module, values: dict[str, Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
    for name, parameter in network.named_parameters():
        if name in values:
            yield parameter, nn.Parameter(values[name].clone(), parameter.requires_grad)
    for name, buffer in network.named_buffers():
        if name in values:
            yield buffer, values[name].clone()


def _attributes(module: nn.Module) -> Iterator[Any]:
    for name, value in module.__dict__.items():
        if name not in ("_parameters", "_modules"):
            yield value
            yield from value if isinstance(value, list | tuple) else value.values() if isinstance(value, dict) else ()


def _refused(network: nn.Module, known: dict[int, Any]) -> Iterator[Any]:
    """Yield the attributes that refuse to be copied."""
    others = {id(other): other for other in network.modules()}
    for module in network.modules():
        for name, value in module.__dict__.items():
            if isinstance(value, nn.Module) or name == "_modules":
                continue
            parts = list(value.values()) if isinstance(value, dict) else [value]
            for part in parts:
                try:
                    copy.deepcopy(part, {**known, **others})
                except Exception:  # noqa: BLE001, PERF203 - whatever it raises, it cannot be copied
                    yield part


def rebind_functions(module: nn.Module, memo: dict[Any, Any]) -> None:
    """Make functions among a copy's attributes and hooks close over copies where they closed over what was copied."""
    for name, value in list(module.__dict__.items()):
        if name in HOOKS:
            for key, hook in value.items():
                value[key] = _rebound(hook, memo)
        elif isinstance(value, types.FunctionType | functools.partial):
            module.__dict__[name] = _rebound(value, memo)


def _rebound(value: Part, memo: dict[Any, Any]) -> Part:
    """Return a value with the clones in place of the model's modules; itself where it refers to none."""
    again: Any = value
    if isinstance(value, nn.Module):
        again = memo.get(id(value), value)
    elif isinstance(value, types.MethodType):
        again = types.MethodType(value.__func__, _rebound(value.__self__, memo))
    elif isinstance(value, functools.partial):
        given = [_rebound(part, memo) for part in value.args]
        named = {key: _rebound(part, memo) for key, part in value.keywords.items()}
        again = functools.partial(_rebound(value.func, memo), *given, **named)
    elif isinstance(value, types.FunctionType):
        known = memo.get(("function", id(value)))
        again = _closed_over(value, memo) if known is None else known
    elif _held_by(value):
        again = memo.get(("holder", id(value))) or _holder(value, memo)
    return again  # type: ignore[no-any-return] # of the very type that came


def _holder(value: Any, memo: dict[Any, Any]) -> Any:
    """Return a shallow copy of an object or container that holds the clones where this one holds what was copied."""
    memo["holder", id(value)] = value  # an object may hold itself
    if not _leads_to(value, memo):
        return value
    try:
        own = copy.copy(value)
        if isinstance(value, tuple):
            parts = [_rebound(part, memo) for part in value]
            own = type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
        memo["holder", id(value)] = own
        if isinstance(value, dict):
            own.update({key: _rebound(part, memo) for key, part in value.items()})
        elif isinstance(value, list):
            own[:] = [_rebound(part, memo) for part in value]
        elif not isinstance(value, tuple):
            vars(own).update({name: _rebound(part, memo) for name, part in vars(value).items()})
    except Exception:  # noqa: BLE001 - a class's own way of copying may raise anything; it is shared
        memo["holder", id(value)] = own = value
    return own


def _leads_to(value: Any, memo: dict[Any, Any]) -> bool:
    """Whether an object or container holds what was copied, itself or through others."""
    seen, waiting = {id(value)}, [value]
    while waiting and len(seen) < _MOST:
        held = waiting.pop()
        for part in _held_by(held):
            own = part.__self__ if isinstance(part, types.MethodType) else part
            if isinstance(own, nn.Module) and memo.get(id(own), own) is not own:
                return True
            if id(own) not in seen and not isinstance(own, nn.Module):
                seen.add(id(own))
                waiting.append(own)
    return False


def _held_by(value: Any) -> Collection[Any]:
    """Return the elements of a container, the attributes of an object of the user's own class; none of data."""
    if isinstance(value, list | tuple | dict):
        return () if len(value) > _LONGEST else value.values() if isinstance(value, dict) else value
    held = getattr(value, "__dict__", None)
    is_plain = type(held) is dict and not isinstance(value, _NO_HOLDERS)
    return held.values() if is_plain and is_users_module(type(value).__module__) else ()  # type: ignore[union-attr]


def _closed_over(function: types.FunctionType, memo: dict[Any, Any]) -> types.FunctionType:
    memo["function", id(function)] = function  # a function may close over itself
    cells, known = list(function.__closure__ or ()), _globals_of(function, memo)
    for position, cell in enumerate(cells):
        try:
            held = cell.cell_contents
        except ValueError:  # empty
            continue
        own = _rebound(held, memo)
        if own is not held and own != held:
            cells[position] = types.CellType(own)
    if not known and not any(one is not other for one, other in zip(cells, function.__closure__ or (), strict=True)):
        return function
    names = {**function.__globals__, **known} if known else function.__globals__
    again = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, tuple(cells))
    again.__kwdefaults__, again.__qualname__ = function.__kwdefaults__, function.__qualname__
    again.__dict__.update(function.__dict__)
    memo["function", id(function)] = again
    return again


def _globals_of(function: types.FunctionType, memo: dict[Any, Any]) -> dict[str, Any]:
    """Return the globals of a function of the user's own that are, or lead to, what was copied: with the clones."""
    if not is_users_module(function.__module__ or ""):
        return {}
    held = {name: function.__globals__[name] for name in names_in(function.__code__) & function.__globals__.keys()}
    again = {name: _rebound(value, memo) for name, value in held.items()}
    return {name: own for name, own in again.items() if own is not held[name]}


def parameter_versions(network: nn.Module) -> tuple[tuple[int, int], ...]:
    """Return what changes when parameters are written to or replaced."""
    with torch._C.DisableTorchFunction():
        return tuple(map(_version, network.parameters()))


def _version(parameter: Tensor) -> tuple[int, int]:
    try:
        return parameter.data_ptr(), parameter._version
    except (RuntimeError, ValueError):  # no memory yet, or none that can be asked for; made in inference mode
        return id(parameter), 0


def parameter_copies(network: nn.Module) -> dict[str, Tensor]:
    """Return copies of the parameters and buffers by name."""
    named = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    return {name: tensor.detach().clone() for name, tensor in named.items() if not is_lazy(tensor)}
