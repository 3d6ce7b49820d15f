"""The mutation guard: tells what a check changed of the subject, and puts everything back at the end of a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbinspect.copies.reach import MISSING, bindings_of, is_users_own
from nbinspect.copies.standing import containers_in
from nbinspect.copies.twins import walked
from nbinspect.preserve import OBJECTS, Contents, preserve
from nbinspect.subject import Subject, named_optimizers


class Guard:
    """While entered, knows the bytes and flags of the model and the loss; on leaving, all of the subject is put back.

    The random states are put back too, and the generators of the loaders.
    """

    def __init__(self, subject: Subject) -> None:
        optimizers = named_optimizers(subject.optimizer)
        given = (subject.model, subject.loss_fn, *optimizers.values(), subject.scheduler, subject.scaler)
        live = {id(part): part for part in (*given, *_reached(subject)) if part is not None}
        self._modules = [part for part in live.values() if isinstance(part, nn.Module)]
        held = (*live.values(), subject.loader, subject.val_loader)
        hooked = map(Contents, containers_in(_reached_by_hooks(self._modules)))
        self._touched = [*(part for part in held if part is not None), *hooked]
        self._stack = ExitStack()

    def __enter__(self) -> Guard:
        self._stack.enter_context(preserve(*self._touched))
        with torch._C.DisableTorchFunction():
            self._before = {key: (fact, _copied(fact)) for key, fact in self._facts()}
        return self

    def __exit__(self, *exception: Any) -> None:
        self._before = {}
        self._stack.__exit__(*exception)

    def changed(self) -> tuple[str, ...]:
        """Return the names of what differs from the start: parameters, buffers, gradients, flags, hooks."""
        with torch._C.DisableTorchFunction():
            now = dict(self._facts())
            gone = [key for key in self._before if key not in now]
            differs = (*gone, *(key for key, fact in now.items() if not self._is_same(key, fact)))
        return tuple(dict.fromkeys(name for _, name in differs))

    def restore(self) -> None:
        """Put everything back now, and go on guarding."""
        self._stack.close()
        self._stack.enter_context(preserve(*self._touched))

    def _is_same(self, key: tuple[int, str], fact: Any) -> bool:
        if key not in self._before:
            return False
        live, saved = self._before[key]
        if not _has_bytes(fact):
            return fact is saved if isinstance(fact, Tensor) else bool(fact == saved)
        return fact is live and _has_equal_bytes(fact, saved)

    def _facts(self) -> Iterator[tuple[tuple[int, str], Any]]:
        """Give each fact by its module's place and a name, which an average of the model has in common with it."""
        for place, top in enumerate(self._modules):
            yield from (((place, name), fact) for name, fact in _facts_of(top))


def _facts_of(top: nn.Module) -> Iterator[tuple[str, Any]]:
    for path, module in top.named_modules():
        hooks = [len(own) for key, own in vars(module).items() if key.endswith("_hooks") and isinstance(own, Mapping)]
        yield f"train/eval mode of {path or type(top).__name__}", module.training
        yield f"hooks of {path or type(top).__name__}", hooks
    for name, tensor in (*top.named_parameters(), *top.named_buffers()):
        yield name, tensor
        yield f"requires_grad of {name}", tensor.requires_grad
        if tensor.grad is not None:
            yield f"gradient of {name}", tensor.grad


def _reached(subject: Subject) -> Iterator[Any]:
    """Yield the live objects that the user's own steps reach beyond what was given."""
    steps = [step for step in (subject.train_step, subject.eval_step) if step is not None]
    values = [binding.value for binding in bindings_of(steps)]
    parts = list(walked(values))
    inner = {id(child) for part in parts if isinstance(part, nn.Module) for child in list(part.modules())[1:]}
    yield from (part for part in parts if isinstance(part, OBJECTS) and id(part) not in inner)


def _reached_by_hooks(modules: Iterable[nn.Module]) -> Iterator[Any]:
    """Yield what the user's hooks on modules reach, which may keep activations there."""
    parts = {id(part): part for module in modules for part in module.modules()}.values()
    held = (getattr(part, key, None) for part in parts for key in ("_forward_hooks", "_forward_pre_hooks"))
    hooks = [hook for own in held for hook in (own or {}).values() if is_users_own(hook)]
    yield from (binding.value for binding in bindings_of(hooks) if binding.value is not MISSING)


def _copied(fact: Any) -> Any:
    return fact.detach().clone() if _has_bytes(fact) else fact


def _has_bytes(fact: Any) -> bool:
    return isinstance(fact, Tensor) and not is_lazy(fact) and not fact.is_meta


def _has_equal_bytes(one: Tensor, other: Tensor) -> bool:
    if one.shape != other.shape or one.layout is not other.layout:
        return False
    if one.layout is torch.sparse_coo:
        parts = ((tensor.detach()._indices(), tensor.detach()._values()) for tensor in (one, other))
        return all(map(_has_equal_bytes, *parts))
    return torch.equal(_words(one), _words(other))


def _words(tensor: Tensor) -> Tensor:
    """View values as bytes, for NaN does not equal itself."""
    plain = tensor.detach()
    if plain.layout is not torch.strided or plain.is_quantized:
        return plain
    return plain.contiguous().reshape(-1).view(torch.uint8) if plain.numel() else plain
