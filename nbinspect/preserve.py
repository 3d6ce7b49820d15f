"""The no-trace guard: whatever a probe touches is put back as it was, byte for byte."""

from __future__ import annotations

import warnings
from collections import OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from operator import is_
from types import ModuleType
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import _unsafe_preserve_version_counter
from torch.optim import Optimizer, optimizer
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.errors import NbinspectError
from nbinspect.settings import (
    GENERATORS,
    Undo,
    autocast_devices,
    generator_undo,
    generators_in,
    guard_opened,
    random_undos,
    setting_undos,
)

Named: TypeAlias = tuple[str, Any]


@dataclass(frozen=True, eq=False)
class Contents:
    """A container, or the attributes of an object, that is to hold the same things again."""

    container: Any


OBJECTS = (nn.Module, Optimizer, LRScheduler, torch.amp.GradScaler)
"""What comes back whole."""
_REFILLED = (dict, OrderedDict, defaultdict, list, set, deque)  # no subclass: it may refuse, or do more than fill
_FOLLOWED = (Tensor, *OBJECTS, *GENERATORS, dict, list, tuple, set, deque)


@contextmanager
def preserve(*touched: object, parameters: bool = True) -> Iterator[None]:
    """Put back, however the block ends, all that a probe could have changed.

    Modules, optimizers, schedulers and gradient scalers come back whole: class, attributes, built-in containers in
    them, hooks, each module's own training flag, and tensors with identity, storage, bytes, gradient and version.
    Of a loader and its data set the random generators come back; so do the global ones and torch's process-wide
    settings. Of objects of other classes that a module holds, the attributes and the containers in them come back.

    Args:
        touched: Modules, optimizers, schedulers, gradient scalers and loaders, in any order; None is skipped. Of a
            built-in container wrapped in `Contents`, what it holds comes back, and the containers in it.
        parameters: Whether to copy the bytes of parameters and their gradients, which takes the memory of one copy
            of them on their device. Without it the block must not write to them, for such writes stay.

    Raises:
        NbinspectError: At the end of the block, where something could not be put back; all else was. An exception
            of the block itself goes on unchanged, with this as a note.
    """
    undos = [*_Snapshot(touched, parameters).undos(), *random_undos(), *setting_undos(), guard_opened()]
    try:
        if any(map(torch.is_autocast_enabled, autocast_devices())):
            torch.set_autocast_cache_enabled(False)  # casts made in the block must not serve the user's own pass
        yield
    except BaseException as error:
        if failures := _run(undos):
            _note(error, failures)
        raise
    if failures := _run(undos):
        raise NbinspectError(failures)


def _run(undos: Iterable[Undo]) -> str:
    """Run each undo, past failures and Interrupts; give the failures in words."""
    failures: list[str] = []
    interrupt: KeyboardInterrupt | None = None
    with torch._C.DisableTorchFunction():
        for name, undo, arguments in undos:
            try:
                try:
                    undo(*arguments)
                except KeyboardInterrupt as stop:
                    interrupt = stop
                    undo(*arguments)
            except Exception as error:  # noqa: BLE001, PERF203 - all else must still be put back; raised together
                failures.append(f"{name} ({type(error).__name__}: {error})")
    text = f"could not put back as it was: {'; '.join(failures)}. Build or load it anew." if failures else ""
    if interrupt is not None:
        _note(interrupt, text)
        raise interrupt
    return text


def _note(error: BaseException, text: str) -> None:
    if text and hasattr(error, "add_note"):
        error.add_note(text)
    elif text:
        warnings.warn(text, RuntimeWarning, stacklevel=4)  # Python 3.10 has no notes


class _Snapshot:
    """How to put back objects and all that they hold."""

    def __init__(self, touched: Iterable[object], parameters: bool) -> None:
        self.parameters = parameters
        self.contents: list[Undo] = []
        self.places: list[Undo] = []
        self.bytes: list[Undo] = []
        self.links: list[Undo] = []
        self.copied: set[tuple[Any, ...]] = set()
        seen: dict[int, Any] = {}
        pending = deque([*self._global_hooks(), *_followed(touched)])
        with torch._C.DisableTorchFunction():  # tensor subclasses and modes are to see none of this
            while pending:
                name, value = pending.popleft()
                if id(value) not in seen:
                    seen[id(value)] = value
                    pending.extend(self._add(name, value))

    def undos(self) -> list[Undo]:
        """Give all undos in the order in which they must run: what holds, where, which bytes, what hangs on it."""
        return [*self.contents, *self.places, *self.bytes, *self.links]

    def _add(self, name: str, value: Any) -> Iterable[Named]:
        """Note how to put one value back; give what it holds."""
        if isinstance(value, (dict, list, tuple, set, deque)):
            if not isinstance(value, tuple) and type(value) in _REFILLED:
                self.contents.append((name, _refill, (value, value.copy())))
            return _children(name, value) if value else ()
        if isinstance(value, Tensor):
            return self._add_tensor(name, value)
        if isinstance(value, OBJECTS):
            return self._add_object(name, value)
        self.contents.append(generator_undo(name, value))
        return ()

    def _add_object(self, name: str, value: Any) -> Iterator[Named]:
        self.contents.append((f"class of {name}", _reset, (value, "__class__", value.__class__)))
        yield name, vars(value)
        # a forward may write to its configuration, as those of transformers do
        yield from ((f"{name}.{key}", vars(part)) for key, part in vars(value).items() if _is_plain(part))
        if isinstance(value, torch.jit.ScriptModule):  # keeps the flag, tensors and submodules outside of __dict__
            self.links.append((f"training flag of {name}", _reset, (value, "training", value.training)))
            held = (value.named_parameters(recurse=False), value.named_buffers(recurse=False), value.named_children())
            yield from ((f"{name}.{key}", part) for parts in held for key, part in parts)

    def _add_tensor(self, name: str, tensor: Tensor) -> Iterator[Named]:
        yield name, vars(tensor)
        copies = self.parameters or not isinstance(tensor, nn.Parameter)
        self.contents.append((f"class of {name}", _reset, (tensor, "__class__", tensor.__class__)))
        self.places.append((name, _rebind, (tensor, tensor.data, _place(tensor))))
        for part in _strided_parts(tensor) if copies else ():
            self._add_bytes(name, part)
        if not tensor.is_inference():
            # equal bytes, equal version: a graph of the user's that still waits for its backward stays valid
            self.links.append((f"version of {name}", _unsafe_preserve_version_counter(tensor).__exit__, ()))
        for key in ("_backward_hooks", "_post_accumulate_grad_hooks"):
            hooks = getattr(tensor, key)
            self.links.append((f"hooks of {name}", _reset_hooks, (tensor, key, hooks)))
            if hooks is not None:
                yield f"hooks of {name}", hooks
        if tensor.is_leaf:
            for key in ("grad", "requires_grad"):
                self.links.append((f"{key} of {name}", _reset, (tensor, key, getattr(tensor, key))))
        if copies and (tensor.is_leaf or tensor.retains_grad) and tensor.grad is not None:
            yield f"gradient of {name}", tensor.grad

    def _add_bytes(self, name: str, part: Tensor) -> None:
        """Copy the stretch of storage that a strided tensor spans, once for all tensors that share it."""
        storage, whole = part.untyped_storage(), part.untyped_storage().nbytes()
        start = int(part.storage_offset()) * part.element_size()
        span = 1 + sum((n - 1) * step for n, step in zip(part.size(), part.stride(), strict=True))
        stop = min(start + span * part.element_size(), whole) if part.numel() else start
        key = (part.device, storage.data_ptr(), start, stop)
        if stop <= start or key in self.copied:
            return
        self.copied.add(key)
        word = torch.int64 if (start | stop) % 8 == 0 else torch.uint8  # eight bytes at a time compare 6× faster
        live = torch.empty(0, dtype=word, device=part.device)
        live.set_(storage, start // word.itemsize, ((stop - start) // word.itemsize,), (1,))
        self.bytes.append((f"bytes of {name}", _rewrite, (live, live.clone(), whole)))

    def _global_hooks(self) -> Iterator[Named]:
        for home in (nn.modules.module, optimizer):
            for key, value in vars(home).items():
                if key.startswith("_global_"):
                    self.links.append((key, _reset, (home, key, value)))
                    if isinstance(value, dict):
                        yield key, value


def _followed(touched: Iterable[object]) -> Iterator[Named]:
    for thing in touched:
        if isinstance(thing, Contents):
            yield type(thing.container).__name__, thing.container
            continue
        name = type(thing).__name__
        yield from ((name, thing),) if isinstance(thing, OBJECTS) else generators_in(name, thing)


def _children(name: str, container: Any) -> Iterator[Named]:
    pairs = container.items() if isinstance(container, dict) else enumerate(container)
    for number, (key, value) in enumerate(pairs):
        kind: Any = type(value)
        if not _is_followed(kind):
            continue
        if key in {"_parameters", "_buffers", "_modules"}:
            yield name, value
        else:
            yield (f"{name}.{key}" if isinstance(key, str) else f"{name}[{number}]"), value


@lru_cache
def _is_followed(kind: Any) -> bool:
    return issubclass(kind, _FOLLOWED)


def _is_plain(part: Any) -> bool:
    """Whether a part is an object of a user's or a library's own class, with nothing but attributes."""
    kind: Any = type(part)
    own = not (_is_followed(kind) or callable(part) or isinstance(part, ModuleType))
    return own and type(getattr(part, "__dict__", None)) is dict


def _refill(container: Any, saved: Any) -> None:
    if not _same(container, saved):
        container.clear()
        (container.update if isinstance(container, (dict, set)) else container.extend)(saved)


def _same(one: Any, other: Any) -> bool:
    """Tell whether two containers hold the very same objects in the same order."""
    if not (one or other):
        return True
    if len(one) != len(other) or not all(map(is_, one, other)):
        return False
    return not isinstance(one, dict) or all(map(is_, one.values(), other.values()))


def _reset(owner: Any, key: str, value: Any) -> None:
    if getattr(owner, key) is not value:
        setattr(owner, key, value)


def _reset_hooks(tensor: Tensor, key: str, hooks: Any) -> None:
    now = getattr(tensor, key)
    if now is not hooks:
        if now is not None:
            now.clear()  # autograd may hold this dictionary on, also once the attribute is None
        setattr(tensor, key, hooks)


def _rewrite(live: Tensor, saved: Tensor, storage_size: int) -> None:
    storage = live.untyped_storage()
    if storage.nbytes() < storage_size:
        storage.resize_(storage_size)
    if not torch.equal(live, saved):
        live.copy_(saved)


def _rebind(tensor: Tensor, alias: Tensor, place: list[tuple[Any, ...]]) -> None:
    if _place(tensor) != place:
        tensor.data = alias


def _place(tensor: Tensor) -> list[tuple[Any, ...]]:
    """Give what tells two tensors of different memory, type or shape apart."""
    parts = _strided_parts(tensor)
    whole = () if tensor.is_nested else tensor.size()
    memory = [(part.size(), part.stride(), part.storage_offset(), part.untyped_storage().data_ptr()) for part in parts]
    return [(tensor.dtype, tensor.device, tensor.layout, whole), *memory]


def bytes_of(tensor: Tensor) -> int:
    """Return the bytes that hold a tensor's values: of a sparse one, those of the values that it has."""
    return sum(part.numel() * part.element_size() for part in _strided_parts(tensor) or [tensor])


def _strided_parts(tensor: Tensor) -> list[Tensor]:
    """Give the strided tensors that hold the bytes of any tensor; none where it has no bytes to read."""
    if hasattr(tensor, "__tensor_flatten__"):
        return []  # a wrapper, such as DTensor: its attributes lead to the tensors with the bytes
    if tensor.is_nested:
        return [tensor.values()]
    if tensor.layout is torch.sparse_coo:
        return [tensor._indices(), tensor._values()]
    if tensor.layout in {torch.sparse_csr, torch.sparse_bsr}:
        return [tensor.crow_indices(), tensor.col_indices(), tensor.values()]
    if tensor.layout in {torch.sparse_csc, torch.sparse_bsc}:
        return [tensor.ccol_indices(), tensor.row_indices(), tensor.values()]
    readable = tensor.layout is torch.strided and tensor.untyped_storage().device.type != "meta"
    return [tensor] if readable else []
