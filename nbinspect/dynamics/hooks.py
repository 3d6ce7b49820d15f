"""What tells of a training from outside: hooks on the loss, the model and every optimizer step; no edit of the loop."""

from __future__ import annotations

import functools
import timeit
import weakref
from typing import Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from nbinspect.capture.door import is_probing
from nbinspect.capture.hook import Hook, add_hook, remove_step_hooks
from nbinspect.subject import Subject

Arguments: TypeAlias = "tuple[tuple[Any, ...], dict[str, Any]]"
"""What a module was called with."""


class Listener(Protocol):
    """Who is told, on the training thread."""

    def loss_seen(self, loss: Tensor, targets: Any) -> None:
        """Take note of a loss that a backward pass may start from, and of its targets if they are known.

        It must not be held: a graph hangs on it.
        """

    def batch_seen(self, arguments: Arguments) -> None:
        """Take note of what entered the model."""

    def before_step(self, optimizer: Optimizer) -> None:
        """Act before an optimizer of the model changes its parameters."""

    def after_step(self, optimizer: Optimizer) -> None:
        """Act after it has."""


class Hooks:
    """Tells a listener of losses, batches and steps until `remove`; model, loss and optimizers are left unchanged.

    The loss is seen where the loss function is a module, or where the model returns it as ``.loss``. Steps are seen of
    every optimizer that holds parameters of the model, also of one that is made later; one within another's step
    (a wrapper) counts once.
    """

    def __init__(self, subject: Subject, listener: Listener) -> None:
        self._listener = listener
        self._parameters = {id(parameter) for parameter in subject.model.parameters()}
        self._model = subject.model
        self._known: weakref.WeakKeyDictionary[Optimizer, bool] = weakref.WeakKeyDictionary()
        self._open: list[Optimizer] = []
        self._usual: Optimizer | None = None  # the one that was seen last, for which nothing is to be looked up
        self._reads_outputs = not isinstance(subject.loss_fn, nn.Module)
        self._is_lean = self._needs_all = self._expects = False
        self._handles: dict[str, Any] = {
            "batch": add_hook(subject.model, Hook(self._left), with_kwargs=True),
            "before": register_optimizer_step_pre_hook(Hook(self._stepping)),
            "after": register_optimizer_step_post_hook(Hook(self._stepped)),
        }
        if isinstance(subject.loss_fn, nn.Module):
            self._handles["loss"] = add_hook(subject.loss_fn, Hook(self._compared))
        weakref.finalize(self, _remove, self._handles)

    def remove(self) -> None:
        """Remove every hook; so does the end of this object."""
        _remove(self._handles)

    def make_lean(self) -> bool:
        """Leave only what tells of losses and of steps that are done; tell whether that can be, as it mostly can.

        Batches are not told of any more, and what is before a step only after `expect_step`.
        """
        if self._reads_outputs or self._needs_all or self._open:
            return False
        self._handles["batch"].remove()
        self._handles["before"].remove()
        self._is_lean = True
        return True

    def expect_step(self) -> None:
        """Have the listener told before the next step, also where all is lean."""
        if self._is_lean and not self._expects:
            self._expects = True
            self._handles["before"] = register_optimizer_step_pre_hook(Hook(self._stepping))

    def _compared(self, _: nn.Module, args: tuple[Any, ...], loss: Any) -> None:
        if self._open:
            self._needs_all = True  # a closure: only the first of its losses is that of the step
        if isinstance(loss, Tensor) and loss.requires_grad and not is_probing():
            self._listener.loss_seen(loss, args[1] if len(args) > 1 else None)

    def _left(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], outputs: Any) -> None:
        if not torch.is_grad_enabled() or is_probing():
            return
        self._listener.batch_seen((args, kwargs))
        if self._reads_outputs:
            loss = outputs.get("loss") if isinstance(outputs, dict) else getattr(outputs, "loss", None)
            if isinstance(loss, Tensor) and loss.requires_grad:
                self._listener.loss_seen(loss, None)

    def _stepping(self, optimizer: Optimizer, *_: Any) -> None:
        if optimizer is not self._usual and not self._trains_the_model(optimizer):
            return
        self._usual = optimizer
        if optimizer in self._open:
            self._open.clear()  # its last step raised and never came to its end
        self._open.append(optimizer)
        if len(self._open) == 1:
            self._listener.before_step(optimizer)
        else:
            self._needs_all = True  # a wrapper: without what is before its step, the step within would count too

    def _stepped(self, optimizer: Optimizer, *_: Any) -> None:
        if optimizer is not self._usual and not self._trains_the_model(optimizer):
            return
        outermost = self._open[0] is optimizer if self._open else self._is_lean
        while self._open and self._open.pop() is not optimizer:
            pass
        if outermost:
            if self._expects:
                self._expects = False
                self._handles["before"].remove()
            self._listener.after_step(optimizer)

    def _trains_the_model(self, optimizer: Optimizer) -> bool:
        known = self._known.get(optimizer)
        if known is None:
            held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
            if not held & self._parameters:
                self._parameters = {id(parameter) for parameter in self._model.parameters()}
            known = self._known[optimizer] = bool(held & self._parameters)
        return known


def _remove(handles: dict[str, Any]) -> None:
    for name, handle in handles.items():
        if name in ("batch", "loss"):
            handle.remove()
    remove_step_hooks(handles[name] for name in ("before", "after"))


@functools.cache
def seconds_of_hooks() -> float:
    """Return what hooks add to a step, measured on a module that does nothing."""
    bare, hooked = nn.Identity(), nn.Identity()
    hooked.register_forward_hook(Hook(_Nothing().seen), with_kwargs=True)
    value = torch.zeros(1)

    def seconds(module: nn.Module) -> float:
        return min(timeit.repeat(lambda: module(value), number=100, repeat=5)) / 100

    # four hooks, and what is done in them; in a real step, which leaves the caches cold, all takes four times as long
    return 16 * max(0.0, seconds(hooked) - seconds(bare))


class _Nothing:
    def seen(self, *_: Any) -> None:
        return None


def size_of(arguments: Arguments | None) -> int | None:
    """Return N of the first tensor that a model was called with; None where there is none with a first axis."""
    for value in (*arguments[0], *arguments[1].values()) if arguments is not None else ():
        if isinstance(value, Tensor) and value.dim():
            return len(value)
    return None
