"""A copy of the whole program that stands in for it: model, optimizer, scheduler, scaler, loss, what code reaches."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.copies.reach import Binding, bindings_of, is_users_own
from nbinspect.copies.sinks import sink_for
from nbinspect.copies.standing import standing_in
from nbinspect.copies.twins import Twins, is_live, walked
from nbinspect.errors import CaptureError
from nbinspect.preserve import preserve
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.subject import Subject, named_optimizers

_STEPS = ("train_step", "eval_step", "forward", "split", "loss_fn")
_LIVE = ("optimizer", "scheduler", "scaler")
_HOOKS = {
    "_backward_hooks": "register_hook",
    "_post_accumulate_grad_hooks": "register_post_accumulate_grad_hook",
}


@dataclass(frozen=True, eq=False)
class Whole:
    """The copy of a program, while it stands in for the original."""

    subject: Subject
    """With copies in place of all that is live."""
    bindings: Sequence[Binding]
    twins: Twins

    def reached(self) -> dict[str, Any]:
        """Return the copies of optimizers, schedulers and scalers by name: those given, and those that code reaches."""
        subject, wanted = self.subject, (Optimizer, LRScheduler, torch.amp.GradScaler)
        given = named_optimizers(subject.optimizer) or {"optimizer": None}
        found: dict[str, Any] = {**given, "scheduler": subject.scheduler, "scaler": subject.scaler}
        named = [(binding.name, binding.value) for binding in self.bindings]
        live = [value for _, value in named if is_live(value)]
        within = [(type(part).__name__, part) for value in live for part in walked([value])]
        for name, part in (*named, *within):
            own = self.twins.of(part) if isinstance(part, wanted) else None
            if own is not None and not any(own is other for other in found.values()):
                found[name if name not in found else f"{name} {len(found)}"] = own
        return found


@contextmanager
def whole_copy(program: Program) -> Iterator[Whole]:
    """Give a copy of a program; in the block, names by which the user's functions reach live objects mean the copies.

    Hooks of the user's on parameters, such as one that clamps gradients, are on the copies too. At the end everything
    is as it was.

    Raises:
        MissingNeed: if the program cannot be copied, or a library has put a hook on a parameter.
    """
    subject, hooks = program.given, _hooks_of(program)
    bindings = bindings_for(subject, [hook for *_, hook in hooks])
    live = [subject.network, subject.model, *(getattr(subject, name) for name in _LIVE)]
    held = [*live, *(binding.value for binding in bindings if is_live(binding.value))]
    with preserve(), torch.inference_mode(False), torch.enable_grad():
        try:
            twins = Twins(part for part in held if part is not None)
        except CaptureError as error:
            raise MissingNeed(str(error)) from error
        for parameter, register, hook in hooks:
            getattr(twins.of(parameter), register)(twins.of(hook))
        with standing_in(bindings, twins):
            own = {name: twins.of(getattr(subject, name)) for name in (*_STEPS, *_LIVE)}
            yield Whole(replace(subject, model=twins.of(subject.network), **own), bindings, twins)


def bindings_for(given: Subject, hooks: Sequence[Any] = ()) -> list[Binding]:
    """Return every binding by which the functions that a user gave reach a value.

    Raises:
        MissingNeed: if one of these is an iterator.
    """
    factory = given.optimizer if callable(given.optimizer) else None
    roots = [*(getattr(given, name) for name in _STEPS), factory, given.network, *hooks]
    bindings = bindings_of([part for part in roots if part is not None])
    _refuse_iterators(bindings)
    return bindings


def _refuse_iterators(bindings: Sequence[Binding]) -> None:
    """An iterator that a step draws from cannot be copied, and what is drawn from it is gone."""
    for binding in bindings:
        drawn = isinstance(binding.value, Iterator) and not isinstance(binding.value, io.IOBase)
        if drawn and sink_for(binding.value) is None:
            raise MissingNeed(f"a step that is given its batches; {binding.name} is an iterator and cannot be copied")


def _hooks_of(program: Program) -> list[tuple[Tensor, str, Any]]:
    """Return the hooks on parameters, each with its parameter and the method that puts it on one.

    One of a library, such as a logger's, may reach what no copy stands in for.
    """
    found: list[tuple[Tensor, str, Any]] = []
    for name, parameter in program.parameters.items():
        for held, register in _HOOKS.items():
            for hook in (getattr(parameter, held, None) or {}).values():
                if not is_users_own(hook):
                    raise MissingNeed(f"parameters without hooks of a library, which no copy can have; {name} has one")
                found.append((parameter, register, hook))
    return found
