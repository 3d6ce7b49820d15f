"""A hook on a user's module that holds nothing alive and goes nowhere with the module."""

from __future__ import annotations

import functools
import sys
import weakref
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from torch import nn
from torch.utils.hooks import RemovableHandle


class Hook:
    """Calls a method for as long as its object lives.

    Copies and pickles of the module carry an empty hook along instead. The compiler does not trace into it, where the
    compiler was there before: to bring it for nothing takes two seconds.
    """

    def __init__(self, method: Callable[..., None]) -> None:
        # not a WeakMethod: it builds the method anew at every call, and some hooks are called at every step
        self._owner = weakref.ref(method.__self__)  # type: ignore[attr-defined] # it is a bound method
        self._function: Callable[..., None] = method.__func__  # type: ignore[attr-defined] # likewise
        if "torch._dynamo" in sys.modules:
            _leave_alone()

    def __call__(self, *args: Any) -> None:
        """Call the method with what torch gives a hook."""
        owner = self._owner()
        if owner is not None:
            self._function(owner, *args)

    @property
    def owner(self) -> Any:
        """The object whose method is called; None once it is gone."""
        return self._owner()

    def __reduce__(self) -> tuple[Any, tuple[Any, str]]:
        # something of Python's own that takes anything and gives None: a saved model must load without this package
        return getattr, (nullcontext(), "__exit__")


def add_pre_hook(module: nn.Module, hook: Callable[..., Any]) -> RemovableHandle:
    """Have ``hook(module, args, kwargs)`` called before a module's forward, also a scripted one's; give its handle."""
    # a scripted module hides these methods of its class, and where Python calls it they work all the same
    return nn.Module.register_forward_pre_hook(module, hook, with_kwargs=True)


def add_hook(module: nn.Module, hook: Callable[..., Any], **options: bool) -> RemovableHandle:
    """Have a hook called after a module's forward, also a scripted one's; options are torch's own. Gives its handle."""
    return nn.Module.register_forward_hook(module, hook, **options)


@functools.cache
def _leave_alone() -> None:
    """Have the compiler leave the code of this package alone; private, so that it may be missing."""
    rules: Any = sys.modules.get("torch._dynamo.trace_rules")
    if hasattr(rules, "add"):
        rules.add("nbinspect")
