"""A hook on a user's module that holds nothing alive and goes nowhere with the module; hooks that leave in time."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from types import FrameType
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.utils.hooks import RemovableHandle


class Hook:
    """Calls a method for as long as its object lives.

    Copies and pickles of the module carry an empty hook along instead. The compiler does not trace into it, where the
    compiler was there before: to bring it for nothing takes two seconds.
    """

    def __init__(self, method: Callable[..., None]) -> None:
        # not a WeakMethod: it builds the method anew at every call, and some hooks are called at every step
        self._owner: Callable[[], Any] = weakref.ref(method.__self__)  # type: ignore[attr-defined] # it is a bound method
        self._function: Callable[..., None] = method.__func__  # type: ignore[attr-defined] # likewise
        if "torch._dynamo" in sys.modules:
            _leave_alone()

    def __call__(self, *args: Any) -> None:
        """Call the method with what torch gives a hook."""
        owner = self._owner()
        if owner is not None:
            self._function(owner, *args)

    def let_go(self) -> None:
        """Call nothing any more."""
        self._owner = _nobody

    @property
    def owner(self) -> Any:
        """The object whose method is called; None once it is gone."""
        return self._owner()

    def __reduce__(self) -> tuple[Any, tuple[Any, str]]:
        return EMPTY


def add_pre_hook(module: nn.Module, hook: Callable[..., Any]) -> RemovableHandle:
    """Have ``hook(module, args, kwargs)`` called before a module's forward, also a scripted one's; give its handle."""
    # a scripted module hides these methods of its class, and where Python calls it they work all the same
    return nn.Module.register_forward_pre_hook(module, hook, with_kwargs=True)


def add_hook(module: nn.Module, hook: Callable[..., Any], **options: bool) -> RemovableHandle:
    """Have a hook called after a module's forward, also a scripted one's; options are torch's own. Gives its handle."""
    return nn.Module.register_forward_hook(module, hook, **options)


def remove_step_hooks(handles: Iterable[RemovableHandle]) -> None:
    """Remove hooks on the steps of all optimizers; while one of these steps, in any thread, not before the next call.

    torch goes through its hooks as they are: to remove one meanwhile, as garbage or from another thread, raises in the
    user's own step. A `Hook` is silent from now on in any case.
    """
    for handle in handles:
        hook = (handle.hooks_dict_ref() or {}).get(handle.id)
        if isinstance(hook, Hook):
            hook.let_go()
        _LEFT.append(handle)
    if not _is_stepping():
        while _LEFT:
            _LEFT.pop().remove()


def _is_stepping() -> bool:
    frames: list[FrameType | None] = list(sys._current_frames().values())
    while frames:
        frame = frames.pop()
        if frame is not None and frame.f_code is _STEP:
            return True
        if frame is not None:
            frames.append(frame.f_back)
    return False


def _nobody() -> None:
    return None


EMPTY: tuple[Any, tuple[Any, str]] = getattr, (nullcontext(), "__exit__")
"""How to make what takes anything and gives None, of Python's own: a saved model must load without this package."""
_LEFT: list[RemovableHandle] = []
_STEP = Optimizer.profile_hook_step(_nobody).__code__
"""Of what torch puts around the step of each class of optimizers: there it calls the hooks."""


@functools.cache
def _leave_alone() -> None:
    """Have the compiler leave the code of this package alone; private, so that it may be missing."""
    rules: Any = sys.modules.get("torch._dynamo.trace_rules")
    if hasattr(rules, "add"):
        rules.add("nbinspect")
