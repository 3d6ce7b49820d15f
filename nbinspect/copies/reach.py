"""What the user's own functions reach beyond their arguments: globals, closure cells, defaults, `self`, attributes.

Followed are functions and classes of the user's own files, and those that they call there; installed packages are not,
but for what their wrappers close over.
"""

from __future__ import annotations

import dis
import functools
import inspect
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.copies.sinks import sink_for
from nbinspect.whose import is_users_file, names_in

MISSING = object()
"""Stands for a name that is not bound."""
_CONTAINERS = (dict, list, tuple, set, deque)
_LONGEST = 10_000


@dataclass(frozen=True, eq=False)
class Binding:
    """A name by which a function of the user's reaches a value."""

    name: str
    value: Any
    """`MISSING` for a global that the function may make."""
    get: Callable[[], Any]
    """Gives what the name is bound to now."""
    put: Callable[[Any], None]
    """Binds the name to another value."""


def bindings_of(roots: Iterable[Any]) -> list[Binding]:
    """Return every binding by which functions, methods and objects reach a value, and these themselves without a name.

    Nothing is called or changed.
    """
    walk = _Walk()
    for root in roots:
        walk.found.append(Binding("", root, functools.partial(_same, root), lambda _: None))
        walk.enter(root)
    return walk.found


def is_users_own(call: Any) -> bool:
    """Return whether the code of something that can be called is the user's, or one of C that keeps nothing."""
    if isinstance(call, functools.partial):
        return is_users_own(call.func)
    if isinstance(call, types.MethodType):
        return is_users_own(call.__func__)
    if isinstance(call, types.FunctionType):
        return is_users_file(call.__code__.co_filename)
    if isinstance(call, types.BuiltinFunctionType):
        return call.__self__ is None or isinstance(call.__self__, types.ModuleType | type)
    kind: type = type(call)
    return _is_users_class(kind)


class _Walk:
    """A walk over functions and what they reach; each thing is entered once."""

    def __init__(self) -> None:
        self.found: list[Binding] = []
        self._seen: dict[Any, Any] = {}

    def enter(self, value: Any) -> None:
        """Follow one value, and all that it leads to."""
        waiting = deque([value])
        while waiting:
            one = waiting.popleft()
            if id(one) not in self._seen:
                self._seen[id(one)] = one
                waiting.extend(self._inside(one))

    def _inside(self, value: Any) -> Iterator[Any]:
        if isinstance(value, types.FunctionType):
            yield from self._of_function(value)
        elif isinstance(value, types.MethodType):
            yield from (value.__func__, value.__self__)
        elif isinstance(value, functools.partial):
            yield from (value.func, *value.args, *value.keywords.values())
        elif isinstance(value, staticmethod | classmethod):
            yield value.__func__
        elif isinstance(value, property):
            yield from (value.fget, value.fset)
        elif isinstance(value, type):
            yield from self._of_class(value)
        elif isinstance(value, _CONTAINERS):
            yield from elements(value)
        else:
            yield type(value)
            yield from self._of_attributes(value)

    def _of_function(self, function: types.FunctionType) -> Iterator[Any]:
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is not None:
            yield wrapped
        own, names = is_users_file(function.__code__.co_filename), names_in(function.__code__)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # empty
                continue
            if own and _is_users_module(value):
                yield from self._of_namespace(vars(value), names)
            elif own or _leads_on(value):
                yield self._bound(name, value, *_attribute(cell, "cell_contents"))
        if not own:
            return
        for module in filter(_is_users_module, map(sys.modules.get, _imported(function.__code__))):
            yield from self._of_namespace(vars(module), names)
        for key in ("__defaults__", "__kwdefaults__"):
            given = getattr(function, key)
            if given:
                yield self._bound(function.__name__, given, *_attribute(function, key))
        yield from self._of_namespace(function.__globals__, names)

    def _of_namespace(
        self, namespace: dict[str, Any], names: frozenset[str], entered: set[int] | None = None
    ) -> Iterator[Any]:
        entered = set() if entered is None else entered
        entered.add(id(namespace))  # modules may import each other
        for name in names:
            if (id(namespace), name) in self._seen:
                continue
            value = namespace.get(name, MISSING)
            if isinstance(value, types.ModuleType):
                if sink_for(value) is not None:
                    self._bound(name, value, *_entry(namespace, name))
                elif _is_users_module(value) and id(vars(value)) not in entered:
                    yield from self._of_namespace(vars(value), names, entered)
                continue
            self._seen[id(namespace), name] = value
            self._bound(name, value, *_entry(namespace, name))
            if value is not MISSING:
                yield value

    def _of_attributes(self, value: Any) -> Iterator[Any]:
        for name, part in attributes(value).items():
            if sink_for(part) is not None:  # else what holds nothing live, and is not copied, writes to it
                self._bound(name, part, *_entry(vars(value), name))
            elif _leads_on(part):
                yield part

    def _of_class(self, kind: type) -> Iterator[Any]:
        for one in kind.__mro__:
            if not _is_users_class(one):
                continue
            for name, value in list(vars(one).items()):
                if name.startswith("__") and not isinstance(value, types.FunctionType):
                    continue
                if not isinstance(value, types.FunctionType | staticmethod | classmethod | property | type):
                    self._bound(name, value, *_attribute(one, name))
                yield value

    def _bound(self, name: str, value: Any, get: Callable[[], Any], put: Callable[[Any], None]) -> Any:
        self.found.append(Binding(name, value, get, put))
        return value


def _same(value: Any) -> Any:
    return value


def _attribute(home: Any, name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return what gives and what sets an attribute."""
    return functools.partial(getattr, home, name), functools.partial(setattr, home, name)


def _entry(namespace: dict[str, Any], name: str) -> tuple[Callable[[], Any], Callable[[Any], None]]:
    """Return what gives and what sets a name of a namespace."""
    return functools.partial(namespace.get, name, MISSING), functools.partial(_bind, namespace, name)


def _bind(namespace: dict[str, Any], name: str, value: Any) -> None:
    if value is MISSING:
        namespace.pop(name, None)
    else:
        namespace[name] = value


@functools.lru_cache(4096)
def _is_users_class(kind: type) -> bool:
    if kind.__module__ in ("builtins", "typing", "abc"):
        return False
    if kind.__module__ == "__main__":
        return True
    try:
        return is_users_file(inspect.getfile(kind))
    except (TypeError, OSError):
        return False


def _is_users_module(value: Any) -> bool:
    return isinstance(value, types.ModuleType) and is_users_file(getattr(value, "__file__", None) or "<")


def _imported(code: types.CodeType) -> set[str]:
    """Return the modules that a function imports itself, by their full names."""
    return {step.argval for step in dis.get_instructions(code) if step.opname == "IMPORT_NAME"}


def _leads_on(value: Any) -> bool:
    """Whether a value may lead to more of the user's code or to live objects."""
    return callable(value) or isinstance(value, _CONTAINERS) or bool(attributes(value))


def elements(container: Any) -> Iterable[Any]:
    """Return the elements of a built-in container; none of one so long that it must be data."""
    if len(container) > _LONGEST:
        return ()
    return container.values() if isinstance(container, dict) else container


def attributes(value: Any) -> Mapping[str, Any]:
    """Return the attributes of an object of any class; none of tensors, types, functions, modules, data, loggers."""
    if isinstance(value, Tensor | type | types.FunctionType | types.ModuleType | DataLoader | Dataset):
        return {}
    if sink_for(value) is not None:
        return {}
    if type(value).__module__.split(".")[0] in ("builtins", "numpy", "pandas", "polars", "matplotlib", "IPython"):
        return {}
    held = getattr(value, "__dict__", None)
    if type(held) is not dict:
        return {}
    if isinstance(value, nn.Module):
        return {**held, **held.get("_modules", {})}
    return held
