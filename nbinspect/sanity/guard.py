"""The mutation guard: tells what a check changed of the subject, and puts everything back at the end of a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nbinspect.copies.reach import bindings_of
from nbinspect.copies.twins import walked
from nbinspect.preserve import OBJECTS, preserve
from nbinspect.subject import Subject


class Guard:
    """While entered, knows the bytes and flags of the model and the loss; on leaving, all of the subject is put back.

    The random states are put back too, and the generators of the loaders.
    """

    def __init__(self, subject: Subject) -> None:
        optimizers = subject.optimizer.values() if isinstance(subject.optimizer, Mapping) else [subject.optimizer]
        given = (subject.model, subject.loss_fn, *optimizers, subject.scheduler, subject.scaler)
        live = {id(part): part for part in (*given, *_reached(subject)) if part is not None}
        self._modules = [part for part in live.values() if isinstance(part, nn.Module)]
        held = (*live.values(), subject.loader, subject.val_loader)
        self._touched = [part for part in held if part is not None]
        self._stack = ExitStack()

    def __enter__(self) -> Guard:
        self._stack.enter_context(preserve(*self._touched))
        with torch._C.DisableTorchFunction():
            self._before = {name: (fact, _copied(fact)) for name, fact in self._facts()}
        return self

    def __exit__(self, *exception: Any) -> None:
        self._before = {}
        self._stack.__exit__(*exception)

    def changed(self) -> tuple[str, ...]:
        """Return the names of what differs from the start: parameters, buffers, gradients, flags, hooks."""
        with torch._C.DisableTorchFunction():
            now = dict(self._facts())
            gone = [name for name in self._before if name not in now]
            return (*gone, *(name for name, fact in now.items() if not self._is_same(name, fact)))

    def restore(self) -> None:
        """Put everything back now, and go on guarding."""
        self._stack.close()
        self._stack.enter_context(preserve(*self._touched))

    def _is_same(self, name: str, fact: Any) -> bool:
        if name not in self._before:
            return False
        live, saved = self._before[name]
        if not _has_bytes(fact):
            return fact is saved if isinstance(fact, Tensor) else bool(fact == saved)
        return fact is live and fact.shape == saved.shape and torch.equal(_words(fact), _words(saved))

    def _facts(self) -> Iterator[tuple[str, Any]]:
        for top in self._modules:
            for path, module in top.named_modules():
                hooks = [len(hooks) for key, hooks in vars(module).items() if key.endswith("_hooks")]
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


def _copied(fact: Any) -> Any:
    return fact.detach().clone() if _has_bytes(fact) else fact


def _has_bytes(fact: Any) -> bool:
    return isinstance(fact, Tensor) and not is_lazy(fact) and not fact.is_meta


def _words(tensor: Tensor) -> Tensor:
    """View values as bytes, for NaN does not equal itself."""
    plain = tensor.detach()
    if plain.layout is not torch.strided or plain.is_quantized:
        return plain
    return plain.contiguous().reshape(-1).view(torch.uint8) if plain.numel() else plain
