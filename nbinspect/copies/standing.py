"""Copies that stand in for the live objects while the user's own functions run, and go again at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from nbinspect.copies.reach import MISSING, Binding, attributes
from nbinspect.copies.sinks import sink_for
from nbinspect.copies.twins import LIVE, Twins, walked
from nbinspect.preserve import Contents, preserve

_CONTAINERS = (dict, list, set, deque)


@contextmanager
def standing_in(bindings: Sequence[Binding], twins: Twins) -> Iterator[None]:
    """Bind names to copies of the live objects that they are bound to, and to sinks for loggers, while the block runs.

    At the end, also after an exception or an interrupt, every name is bound as it was when the block began, and
    containers and objects that hold nothing live, such as a list of losses, hold what they held.
    """
    others = [binding.value for binding in bindings if twins.of(binding.value) is binding.value]
    contents = [Contents(container) for container in containers_in(others)]
    before = [binding.get() for binding in bindings]
    with preserve(*contents):
        try:
            for binding in bindings:
                own = twins.of(binding.value)
                sink = sink_for(binding.value) if own is binding.value else None
                if own is not binding.value or sink is not None:
                    binding.put(own if sink is None else sink)
            yield
        finally:
            _put_back(bindings, before)


def containers_in(values: Iterable[Any]) -> Iterator[Any]:
    """Give the built-in containers, and the attributes of objects, among values and all that they hold."""
    for value in walked(value for value in values if value is not MISSING):
        if type(value) in _CONTAINERS:
            yield value
        elif not isinstance(value, LIVE) and attributes(value):
            yield vars(value)


def _put_back(bindings: Sequence[Binding], values: Sequence[Any]) -> None:
    """Bind every name to what it was bound to, past an interrupt."""
    interrupt: KeyboardInterrupt | None = None
    for binding, value in zip(bindings, values, strict=True):
        try:
            binding.put(value)
        except KeyboardInterrupt as stop:  # noqa: PERF203 - the others must still be put back
            interrupt = stop
            binding.put(value)
    if interrupt is not None:
        raise interrupt
