"""The state of a run at one moment: what is copied of it, and how the live objects get it again."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.nn.parameter import is_lazy
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.errors import InputError, NbinspectError
from nbinspect.preserve import bytes_of
from nbinspect.settings import Undo, generator_undo, generators_in, random_undos

Kept: TypeAlias = "list[tuple[weakref.ref[Any], Any]]"


@dataclass(frozen=True, eq=False)
class RunParts:
    """The live objects whose state is the state of a run."""

    modules: tuple[nn.Module, ...]
    """The model first; then a loss with parameters or buffers, and an average of the weights."""
    optimizers: tuple[Optimizer, ...]
    stateful: tuple[Any, ...] = ()
    """Schedulers and gradient scalers."""
    loaders: tuple[object, ...] = ()
    """Their generators, and those of their samplers and data sets, are part of the state; their position is not."""


@dataclass(frozen=True, eq=False)
class _Stored:
    """A tensor of an optimizer or scheduler, in the main memory."""

    tensor: Tensor
    device: torch.device


class Snapshot:
    """The state of a run; the live objects are left unchanged and not kept alive.

    Raises:
        NbinspectError: if a part cannot be copied.
    """

    def __init__(self, parts: RunParts) -> None:
        self.size = size_of(parts)
        try:
            self._parameters = {name: (weakref.ref(p), _copied(p)) for name, p in _parameters(parts).items()}
            self._buffers = {name: _copied(getattr(owner, key)) for name, (owner, key) in _buffers(parts).items()}
            self._optimizers = _kept(parts.optimizers)
            self._stateful = _kept(parts.stateful)
        except Exception as error:
            raise NbinspectError(f"this state cannot be copied ({type(error).__name__}: {error})") from error
        self._flags = [(weakref.ref(module), module.training) for module in _submodules(parts)]
        self._random: list[Undo] = list(random_undos())
        for loader in parts.loaders:
            self._random += [generator_undo(*found) for found in generators_in("loader", loader)]

    def restore(self, parts: RunParts) -> None:
        """Give the live objects this state again.

        Raises:
            InputError: if the model or what trains it has been replaced since; nothing is changed.
        """
        self._require_same(parts)
        interrupts = [stop for action in self._actions(parts) if (stop := _twice_if_interrupted(action))]
        if interrupts:
            raise interrupts[0]

    def _actions(self, parts: RunParts) -> Iterator[Callable[[], object]]:
        """Give what restores each part; doing one twice does no harm."""
        for name, live in _parameters(parts).items():
            yield partial(_write, live, self._parameters[name][1])
        for name, (owner, key) in _buffers(parts).items():
            yield partial(_write_buffer, owner, key, self._buffers[name])
        yield torch.clear_autocast_cache  # casts of the weights that were
        for optimizer, state in self._optimizers:
            yield partial(_load_optimizer, optimizer(), state)
        for part, state in self._stateful:
            yield partial(_load, part(), state)
        for module, flag in self._flags:
            yield partial(setattr, module(), "training", flag)
        for _, undo, arguments in self._random:
            yield partial(undo, *arguments)

    def _require_same(self, parts: RunParts) -> None:
        parameters, buffers = _parameters(parts), _buffers(parts)
        changed = [name for name in (*self._parameters, *parameters) if not self._has_same(name, parameters)]
        changed += sorted(set(self._buffers) ^ set(buffers))
        if changed or any(module() is None for module, _ in self._flags):
            named = ", ".join(dict.fromkeys(changed[:3])) or "a module"
            raise InputError(f"the model has been changed since then ({named}): this state does not fit it any more")
        optimizers = [optimizer() for optimizer, _ in self._optimizers]
        same = len(optimizers) == len(parts.optimizers) and all(map(_is, optimizers, parts.optimizers))
        if not same or not all(_fits(*pair) for pair in self._optimizers):
            raise InputError("the optimizers are not those of then: this state cannot be given to others")
        stateful = [part() for part, _ in self._stateful]
        new = [p for p in parts.stateful if isinstance(p, LRScheduler) and not any(p is one for one in stateful)]
        if new or any(part is None for part in stateful):
            raise InputError("the schedulers or gradient scalers are not those of then: this state does not fit them")

    def _has_same(self, name: str, parameters: dict[str, Tensor]) -> bool:
        if name not in self._parameters or name not in parameters:
            return False
        then, kept = self._parameters[name]
        now = parameters[name]
        return then() is now and now.shape == kept.shape and now.dtype == kept.dtype


def _twice_if_interrupted(action: Callable[[], object]) -> KeyboardInterrupt | None:
    """Do it, again where an Interrupt broke it off: half of a state would be worse than a late end."""
    try:
        action()
    except KeyboardInterrupt as stop:
        action()
        return stop
    return None


def size_of(parts: RunParts) -> int:
    """Return the bytes of the tensors in the state of a run."""
    buffers = [getattr(owner, key) for owner, key in _buffers(parts).values()]
    of_optimizers = [_tensors(dict(optimizer.state)) for optimizer in parts.optimizers]
    held = [*_parameters(parts).values(), *buffers, *(tensor for tensors in of_optimizers for tensor in tensors)]
    return sum(map(bytes_of, held))


def _parameters(parts: RunParts) -> dict[str, Tensor]:
    """Return the parameters of the modules, and others that the optimizers hold, each once."""
    found: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, parameter in _named_parameters(parts):
        if id(parameter) not in seen and not is_lazy(parameter) and not parameter.is_meta:
            seen.add(id(parameter))
            found[name] = parameter
    return found


def _named_parameters(parts: RunParts) -> Iterator[tuple[str, Tensor]]:
    for at, module in enumerate(parts.modules):
        for name, parameter in module.named_parameters():
            yield f"{_prefix(at, module)}{name}", parameter
    for at, optimizer in enumerate(parts.optimizers):
        for group, options in enumerate(optimizer.param_groups):
            for number, parameter in enumerate(options["params"]):
                yield f"{type(optimizer).__name__} {at}/{group}/{number}", parameter


def _buffers(parts: RunParts) -> dict[str, tuple[nn.Module, str]]:
    """Return where each buffer is held; the tensors there may be others after every step."""
    return {
        f"{_prefix(at, module)}{path}.{key}".removeprefix("."): (owner, key)
        for at, module in enumerate(parts.modules)
        for path, owner in module.named_modules()
        for key, buffer in owner.named_buffers(recurse=False)
        if not is_lazy(buffer) and not buffer.is_meta
    }


def _submodules(parts: RunParts) -> Iterator[nn.Module]:
    for module in parts.modules:
        yield from module.modules()


def _prefix(at: int, module: nn.Module) -> str:
    return f"{type(module).__name__} {at}: " if at else ""


def _kept(parts: Iterable[Any]) -> Kept:
    return [(weakref.ref(part), _stored(part.state_dict())) for part in parts]


def _stored(tree: Any) -> Any:
    """Copy a state, its tensors into the main memory."""
    if isinstance(tree, Tensor):
        return _Stored(_copied(tree), tree.device)
    if type(tree) in {list, tuple}:
        return type(tree)(_stored(part) for part in tree)
    if type(tree) is dict:
        return {key: _stored(part) for key, part in tree.items()}
    return copy.deepcopy(tree)


def _given(tree: Any) -> Any:
    """Copy a stored state again, each tensor onto its device: whoever loads it may write to it."""
    if isinstance(tree, _Stored):
        return tree.tensor.to(tree.device, copy=True)
    if type(tree) in {list, tuple}:
        return type(tree)(_given(part) for part in tree)
    if type(tree) is dict:
        return {key: _given(part) for key, part in tree.items()}
    return copy.deepcopy(tree)


def _tensors(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, (list, tuple)):
        for part in tree:
            yield from _tensors(part)
    elif isinstance(tree, dict):
        yield from _tensors(list(tree.values()))


def _copied(tensor: Tensor) -> Tensor:
    return tensor.detach().to("cpu", copy=True)


def _write(live: Tensor, kept: Tensor) -> None:
    with torch.no_grad(), _unsafe_preserve_version_counter(live):
        live.copy_(kept)


def _write_buffer(owner: nn.Module, key: str, kept: Tensor) -> None:
    live = getattr(owner, key)
    expanded = live.layout is torch.strided and any(
        size > 1 and stride == 0 for size, stride in zip(live.shape, live.stride(), strict=True)
    )
    if live.shape == kept.shape and live.dtype == kept.dtype and not expanded:
        _write(live, kept)
    elif live.shape != kept.shape or not torch.equal(live.cpu(), kept):
        setattr(owner, key, kept.to(live.device, copy=True))


def _load(part: Any, stored: Any) -> None:
    part.load_state_dict(_given(stored))


def _load_optimizer(optimizer: Any, stored: Any) -> None:
    state = _given(stored)
    optimizer.load_state_dict(state)
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for number, own in state["state"].items():
        live = optimizer.state[parameters[number]] if isinstance(number, int) else {}
        for key, value in own.items() if isinstance(own, dict) else ():
            # torch casts the state of a parameter to its type, also one that was kept more exactly
            if isinstance(value, Tensor) and isinstance(live.get(key), Tensor) and live[key].dtype != value.dtype:
                live[key] = value


def _fits(optimizer: weakref.ref[Any], state: Any) -> bool:
    now = [len(group["params"]) for group in getattr(optimizer(), "param_groups", ())]
    return now == [len(group["params"]) for group in state["param_groups"]]


def _is(one: object, other: object) -> bool:
    return one is other
