"""Where the tensors of a forward pass come from: parameters and inputs by name, others by the step that made them."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.multiprocessing.reductions import StorageWeakRef
from torch.nn.parameter import is_lazy

from nbinspect.nested import tensors_in
from nbinspect.records import TensorUse

_PLAIN = (int, float, bool, str, type(None), torch.dtype, torch.device, torch.Size, slice, torch.memory_format)


class Given(NamedTuple):
    """A tensor that a step was given, as it was then."""

    name: str
    origin: str | None
    maker: int | None
    shape: tuple[int, ...]
    dtype: torch.dtype

    def use(self) -> TensorUse:
        """Return it as a record has it."""
        origin = self.origin or ("made outside the pass" if self.maker is None else f"step {self.maker}")
        return TensorUse(self.name, origin, self.maker, tuple(self.shape), type_name(self.dtype))


class Origins:
    """Which step made each live tensor, through views and writes in place; tensors are not held.

    Args:
        modules: whose parameters and buffers are known by name.
        batch: whose tensors are known as ``batch``, ``batch['x']``.
        by_value: whether others with their very values are known as these, as the user makes them of arrays.
    """

    def __init__(self, modules: Mapping[str, nn.Module], batch: Any, *, by_value: bool = False) -> None:
        self._held = [*tensors_in(batch, "batch"), *_named_tensors(modules)]  # an id is a name while a tensor lives
        self._names = {id(tensor): name for name, tensor in self._held}
        self._known_by_value = list(tensors_in(batch, "batch")) if by_value else []
        self._makers: dict[int, tuple[weakref.ref[Tensor], int]] = {}
        self._written: dict[int, tuple[StorageWeakRef, int]] = {}

    def parameters(self, given: tuple[Tensor, ...]) -> tuple[str, ...]:
        """Return the names of those that are parameters of the model."""
        names = [self._names.get(id(tensor)) for tensor in given if isinstance(tensor, nn.Parameter)]
        return tuple(name for name in names if name is not None)

    def given(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> tuple[tuple[Given, ...], tuple[Tensor, ...]]:
        """Return what the tensors among arguments are, and those tensors themselves."""
        found = list(_tensors_given(args, kwargs))
        return tuple(self._given(name, tensor) for name, tensor in found), tuple(tensor for _, tensor in found)

    def made(self, value: Any, step: int) -> None:
        """Remember that a step made the tensors of a value, but for those that later steps, inside it, have made."""
        for tensor in (value,) if isinstance(value, Tensor) else (tensor for _, tensor in tensors_in(value, "")):
            before = self._maker(tensor)
            if before is None or before < step:
                self._makers[id(tensor)] = weakref.ref(tensor), step

    def wrote(self, tensor: Tensor, step: int) -> None:
        """Remember that a step wrote to a tensor, and so to all that share its memory."""
        key = _storage_key(tensor)
        if key is not None:
            # while it is referred to, no other storage can take its place
            self._written[key] = StorageWeakRef(tensor.untyped_storage()), step  # type: ignore[no-untyped-call] # torch's
        self._makers[id(tensor)] = weakref.ref(tensor), step

    def forget(self) -> None:
        """Let go of all that is known."""
        self._held.clear()
        self._known_by_value.clear()
        self._names.clear()
        self._makers.clear()
        self._written.clear()

    def _given(self, name: str, tensor: Tensor) -> Given:
        maker = self._maker(tensor)
        if maker is None and id(tensor) not in self._names:
            self._recognise(tensor)
        return Given(name, self._names.get(id(tensor)), maker, shape_of(tensor), tensor.dtype)

    def _recognise(self, tensor: Tensor) -> None:
        """Name a tensor that nothing here has made by the one of the batch with its values, unless all are alike."""
        if not self._known_by_value or not _is_plain(tensor):
            return
        for name, known in self._known_by_value:
            if known.shape != tensor.shape or known.device != tensor.device or tensor.requires_grad:
                continue
            with torch._C.DisableTorchFunction(), torch.no_grad():
                is_same = torch.equal(known.to(tensor.dtype), tensor) and bool((tensor != tensor.flatten()[0]).any())
            if is_same:
                self._held.append((name, tensor))
                self._names[id(tensor)] = name
                return

    def _maker(self, tensor: Tensor) -> int | None:
        reference, made = self._makers.get(id(tensor), (None, 0))
        maker = made if reference is not None and reference() is tensor else None
        if self._written:
            key = _storage_key(tensor)
            written = self._written.get(key) if key is not None else None
            if written is not None:
                return written[1] if maker is None else max(maker, written[1])
        return maker


def _is_plain(tensor: Tensor) -> bool:
    """Whether the values of a tensor can be compared, and there are any: not of a sparse one, or one inside a vmap."""
    is_own = not (tensor.is_nested or tensor.is_quantized or torch._C._functorch.is_functorch_wrapped_tensor(tensor))
    return is_own and tensor.layout is torch.strided and not tensor.is_meta and tensor.numel() > 0


def shape_of(tensor: Tensor) -> tuple[int, ...]:
    """Return a tensor's shape: (N,) of a nested one, () of a lazy parameter before its first use."""
    if tensor.is_nested:
        return (tensor.size(0),)
    return () if is_lazy(tensor) else tensor.shape


def type_name(dtype: torch.dtype) -> str:
    """Return a dtype as its users say it: ``float32``."""
    return str(dtype).removeprefix("torch.")


def share_memory(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors lie in the same storage."""
    try:
        return bool(torch._C._is_alias_of(one, other))  # type: ignore[attr-defined] # not in torch's own stubs
    except RuntimeError:  # sparse, or a wrapper without a storage
        return False


def _storage_key(tensor: Tensor) -> int | None:
    try:
        return int(tensor.untyped_storage()._cdata)
    except RuntimeError:  # sparse, or a wrapper without a storage
        return None


def _named_tensors(modules: Mapping[str, nn.Module]) -> Iterator[tuple[str, Tensor]]:
    for path, module in modules.items():
        for parts in (module.named_parameters(recurse=False), module.named_buffers(recurse=False)):
            yield from ((f"{path}.{name}".lstrip("."), tensor) for name, tensor in parts)


def _tensors_given(args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    for position, part in enumerate(args):
        name = "input" if position == 0 else f"args[{position}]"
        if isinstance(part, Tensor):
            yield name, part
        elif not isinstance(part, _PLAIN):
            yield from tensors_in(part, name)
    for key, part in kwargs.items():
        if isinstance(part, Tensor):
            yield key, part
        elif not isinstance(part, _PLAIN):
            yield from tensors_in(part, key)
