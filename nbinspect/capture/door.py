"""The door of a module: what its forward is called with, copied before the forward can work on it in place."""

from __future__ import annotations

import contextlib
import inspect
import sys
import threading
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import FrameType
from typing import Any

import torch
from torch import nn

from nbinspect.capture.alone import alone
from nbinspect.capture.module_hooks import add_hooks
from nbinspect.capture.origins import type_name
from nbinspect.errors import CaptureError
from nbinspect.nested import map_tensors, tensors_in

_probing: ContextVar[bool] = ContextVar("probing", default=False)
_between_steps: ContextVar[bool] = ContextVar("between_steps", default=False)


@dataclass(frozen=True)
class Visit:
    """One call of a module, as seen at its door."""

    path: str
    arguments: dict[str, Any]
    training: bool
    autocast: str | None
    grad_enabled: bool


class Door:
    """While entered, notes the outermost calls of the given modules with copies of the tensors that came in.

    Hooks are added on entering and removed on leaving; the modules are otherwise left unchanged.
    """

    def __init__(self, modules: Mapping[str, nn.Module]) -> None:
        self.visits: list[Visit] = []
        self._modules = modules
        self._depth = 0

    def __enter__(self) -> Door:
        self._handles = add_hooks(self._modules, self._entered, self._left)
        return self

    def __exit__(self, *_: object) -> None:
        for handle in self._handles:
            handle.remove()

    def _entered(self, path: str) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            self._depth += 1
            if self._depth == 1:
                self.visits.append(note_visit(module, path, args, kwargs))

        return hook

    def _left(self, *_: Any) -> None:
        self._depth -= 1


def note_visit(module: nn.Module, path: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Visit:
    """Note what enters a module: copies of its arguments by the names of its forward, mode, grad mode and autocast."""
    arguments = map_tensors(lambda tensor: tensor.detach().clone(), _named(module, args, kwargs))
    device = next((tensor.device.type for _, tensor in tensors_in(arguments, "")), "cpu")
    on = device != "meta" and torch.is_autocast_enabled(device)
    autocast = type_name(torch.get_autocast_dtype(device)) if on else None
    return Visit(path, arguments, module.training, autocast, torch.is_grad_enabled())


def _named(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    try:
        signature = inspect.signature(module.forward)
        bound = signature.bind_partial(*args, **kwargs).arguments
    except (TypeError, ValueError):
        return {f"input {position}": value for position, value in enumerate(args)} | kwargs
    named: dict[str, Any] = {}
    for name, value in bound.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            named |= value
        else:
            named[name] = value
    return named


@contextlib.contextmanager
def between_steps() -> Iterator[None]:
    """Say that this is the thread that trains, between two of its steps: a probe disturbs nobody here."""
    token = _between_steps.set(True)
    try:
        yield
    finally:
        _between_steps.reset(token)


def refuse_beside_training(model: nn.Module) -> None:
    """Raise CaptureError if another thread is at work on the model: undoing a probe would undo its steps as well.

    That is the case when a running function of another thread holds the model, unless the caller is known to be the
    one that trains (`between_steps`); nothing is changed.
    """
    if _between_steps.get():
        return
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, top in sys._current_frames().items():
        frame: FrameType | None = top if ident != threading.get_ident() else None
        while frame is not None:
            if any(value is model for value in list(frame.f_locals.values())):
                raise CaptureError(
                    f"the model is in use in thread {names.get(ident, ident)!r} ({frame.f_code.co_name}): "
                    f"a probe beside it would disturb its steps; wait for its end, or look on with follow=True"
                )
            frame = frame.f_back


@contextlib.contextmanager
def probing() -> Iterator[None]:
    """Mark calls of the model as ours, and run compiled modules as they were written, so that hooks see calls.

    Where there are several ranks, collectives raise: the others would be waited for in vain.
    """
    # what was compiled has brought dynamo along; bringing it for nothing takes two seconds
    stance = getattr(torch.compiler, "set_stance", None) if "torch._dynamo" in sys.modules else None
    token = _probing.set(True)
    try:
        with alone(), stance("force_eager") if stance is not None else contextlib.nullcontext():
            yield
    finally:
        _probing.reset(token)


def is_probing() -> bool:
    """Whether the running call of the model is a probe of nbinspect, not a step of the user's training."""
    return _probing.get()
