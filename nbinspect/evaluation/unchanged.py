"""The guard of a reading: what a forward without gradients can change comes back, far cheaper than all of a model."""

from __future__ import annotations

import random
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.nn.parameter import is_lazy

from nbinspect.calling import set_mode
from nbinspect.errors import CaptureError
from nbinspect.preserve import preserve
from nbinspect.settings import GENERATORS, autocast_devices, generator_undo, random_undos, setting_undos

_CONTAINERS = (dict, OrderedDict, defaultdict, list, set, deque, tuple)
_OTHERS = ("builtins", "types", "functools", "threading", "queue", "multiprocessing", "asyncio", "torch.utils.data")
"""Where classes are at home whose objects a forward does not change, or other threads do."""
COPIED = 2**28
"""Parameters that are copied at most, to see whether a forward writes to them."""
_PLAIN_MODES = ("torch.nn.modules.module", "transformers.modeling_utils")
"""Where a `train` is at home that only sets the training flags."""


class Unchanged:
    """Runs passes of modules so that all which they can change is as before, however they end.

    Put back are each module's attributes, training flag and hooks, built-in containers and generators in them to any
    depth, attributes of plain objects that a module holds, buffers and other tensors (memory, bytes, version), random
    states, and process-wide settings. Not covered: bytes of parameters, whose versions are looked at instead; what the
    user's hooks and functions change outside the model; the classes of objects; tensors that are neither dense nor on
    a device. A model with a `train` of its own, with scripted or uninitialised parts, or whose forward writes to
    parameters is guarded by `preserve` with a copy of its parameters.
    """

    def __init__(self, *roots: Any) -> None:
        self._roots = [root for root in roots if isinstance(root, nn.Module)]
        self.whole = any(map(_is_special, _modules_of(self._roots)))
        """Whether the whole guard is needed."""
        self._proved = False

    @contextmanager
    def passes(self, training: bool) -> Iterator[None]:
        """Run a block without gradients, in eval mode, or in train mode where a model is in eval mode as a whole.

        Raises:
            CaptureError: if the block has written to a parameter, which stays written; the next block has a copy.
        """
        if self.whole or not self._proved:
            live = None if self.whole else self._bytes()
            kept = None if live is None else [part.clone() for part in live]
            with preserve(*self._roots, parameters=self.whole or kept is not None), torch.no_grad():
                for root in self._roots:
                    if not (training and root.training):
                        set_mode(root, training)
                yield
                if kept is not None and not all(map(torch.equal, kept, self._bytes() or ())):
                    self.whole = True  # written past the versions, which is all that is looked at later
            self._proved = True
            return
        before = self._versions()
        undos = [undo for root in self._roots for undo in _snapshot(root)]
        undos += [(act, given) for _, act, given in (*random_undos(), *setting_undos())]
        try:
            if any(map(torch.is_autocast_enabled, autocast_devices())):
                torch.set_autocast_cache_enabled(False)  # casts made here must not serve the user's own pass
            for root in self._roots:
                if not (training and root.training):
                    for module in _modules_of([root]):
                        module.__dict__["training"] = training
            with torch.no_grad():
                yield
        finally:
            _run(undos)
        if self._versions() != before:
            self.whole = True
            raise CaptureError(
                "the forward writes to parameters, also without gradients: watching it would change them"
            )

    def _bytes(self) -> list[Tensor] | None:
        """Return the parameters' bytes, uncopied where they lie in order; None where they are too many to be copied."""
        found = [
            part for module in _modules_of(self._roots) for part in module._parameters.values() if part is not None
        ]
        found = [part for part in found if not (is_lazy(part) or part.is_meta) and part.layout is torch.strided]
        if sum(part.numel() for part in found) > COPIED:
            return None
        return [part.detach().contiguous().reshape(-1).view(torch.uint8) for part in found]

    def _versions(self) -> int:
        """Return a number that grows when a parameter is written to."""
        found = (part for module in _modules_of(self._roots) for part in module._parameters.values())
        return sum(part._version for part in found if part is not None and not part.is_inference())


def _run(undos: list[tuple[Callable[..., object], tuple[Any, ...]]]) -> None:
    """Run all undos; an interrupt or a failure waits for their end, for each may be done twice."""
    stopped: BaseException | None = None
    with torch._C.DisableTorchFunction():
        for act, given in undos:
            try:
                try:
                    act(*given)
                except KeyboardInterrupt as stop:
                    stopped = stop
                    act(*given)
            except Exception as error:  # noqa: BLE001, PERF203 - all else must still be put back
                stopped = stopped or error
    if stopped is not None:
        raise stopped


def _modules_of(roots: list[nn.Module]) -> list[nn.Module]:
    found: dict[int, nn.Module] = {}
    waiting: list[Any] = list(roots)
    while waiting:
        module = waiting.pop()
        if module is not None and id(module) not in found:
            found[id(module)] = module
            waiting.extend(
                module.children() if isinstance(module, torch.jit.ScriptModule) else module._modules.values()
            )
    return list(found.values())


def _is_special(module: nn.Module) -> bool:
    """Whether flags and attributes are not all there is to a module's modes, or its forward writes to parameters."""
    kind = type(module)
    own = kind.train.__module__ not in _PLAIN_MODES or kind.eval.__module__ not in _PLAIN_MODES
    scripted = isinstance(module, torch.jit.ScriptModule)
    writes = getattr(module, "max_norm", None) is not None
    return own or scripted or writes or any(map(is_lazy, module.parameters(recurse=False)))


@lru_cache(maxsize=4096)
def _sort_of(kind: Any) -> str:
    """What is done about a value of this class; empty where nothing is."""
    if kind in _CONTAINERS:
        return "container"
    if issubclass(kind, nn.Module):
        return "" if issubclass(kind, torch.jit.ScriptModule) else "module"
    if issubclass(kind, Tensor):
        return "" if issubclass(kind, nn.Parameter) else "tensor"
    if issubclass(kind, GENERATORS):
        return "" if issubclass(kind, random.SystemRandom) else "generator"
    own = {name for each in kind.__mro__ for name in vars(each)}
    plain = getattr(kind, "__dictoffset__", 0) and not kind.__module__.startswith(_OTHERS)
    return "plain" if plain and not own & {"__call__", "__next__", "__mro__"} else ""


def _sorted(value: Any) -> str:
    kind: Any = type(value)
    return _sort_of(kind)


def _snapshot(root: nn.Module) -> Iterator[tuple[Callable[..., object], tuple[Any, ...]]]:
    """Give how to put back all that a module holds."""
    seen: dict[int, Any] = {}
    waiting: list[tuple[Any, bool]] = [(root, True)]
    empty: list[Any] = []  # most containers of a module are hooks that nobody has set
    yield _clear, (empty,)
    while waiting:
        value, inside = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        sort = _sorted(value)
        if sort in ("module", "plain"):
            inside = sort == "module"  # a trainer that a module knows leads to all of a program: no further
            value = value.__dict__
            seen[id(value)] = value
        elif sort == "tensor":
            yield from _tensor_undos(value)
            continue
        elif sort == "generator":
            _, act, given = generator_undo("", value)
            yield act, given
            continue
        if type(value) is not tuple:
            yield _refill, (value, value.copy())
        for part in value.values() if isinstance(value, dict) else value:
            if part.__class__ in _CONTAINERS and not part:
                empty.append(part)
            elif (kind := _sorted(part)) and (inside or kind != "plain"):
                waiting.append((part, inside))


def _clear(containers: list[Any]) -> None:
    for container in containers:
        if container:
            container.clear()


def _tensor_undos(tensor: Tensor) -> Iterator[tuple[Callable[..., object], tuple[Any, ...]]]:
    if tensor.is_meta or tensor.is_nested or tensor.is_inference() or tensor.layout is not torch.strided:
        return
    with torch._C.DisableTorchFunction():
        alias = tensor.data
        yield _rewrite, (tensor, alias, alias.clone(), alias.untyped_storage().nbytes())
        # after the bytes: a graph of the user's that still waits for its backward stays valid
        yield _unsafe_preserve_version_counter(tensor).__exit__, ()


def _rewrite(tensor: Tensor, alias: Tensor, saved: Tensor, storage_size: int) -> None:
    storage = alias.untyped_storage()
    if storage.nbytes() < storage_size:  # given back by the forward: to read there would end the process
        storage.resize_(storage_size)
    if tensor.data_ptr() != alias.data_ptr() or tensor.shape != alias.shape or tensor.dtype != alias.dtype:
        tensor.data = alias
    if alias.device.type != "cpu" or not torch.equal(alias, saved):  # elsewhere to compare would wait for the device
        alias.copy_(saved)


def _refill(container: Any, saved: Any) -> None:
    keys = isinstance(container, dict)
    same = len(container) == len(saved) and (
        container == saved if isinstance(container, set) else all(map(is_, container, saved))
    )
    if same and (not keys or all(map(is_, container.values(), saved.values()))):
        return
    if keys and container.keys() == saved.keys():
        container.update(saved)  # nobody sees it empty meanwhile
    else:
        container.clear()
        (container.update if isinstance(container, dict | set) else container.extend)(saved)
