"""Steps of torch's optimizers inside those of a subclass; its hooks see them only where it has hooked the parent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import torch
from torch.optim import Optimizer

Noted = Callable[[Optimizer], Any]


@contextmanager
def inner_steps(before: Noted, after: Noted) -> Iterator[None]:
    """Call functions before and after each `step` of torch's own optimizer classes while the block runs.

    Classes that torch has hooked, as it does when one of them is made, are left to its global hooks.

    Args:
        before: told the optimizer.
        after: likewise.
    """
    kinds: list[Any] = [one for one in vars(torch.optim).values() if isinstance(one, type) and "step" in vars(one)]
    own = {one: one.step for one in kinds if issubclass(one, Optimizer) and not getattr(one.step, "hooked", False)}
    noted = [(before, after)]
    seen = {kind: _seen(step, noted) for kind, step in own.items()}
    for kind, step in seen.items():
        kind.step = step
    try:
        yield
    finally:
        noted.clear()
        for kind, step in own.items():
            is_made = kind.step is not seen[kind]  # meanwhile, so that torch has hooked what it found
            kind.step = Optimizer.profile_hook_step(step) if is_made else step
            if is_made:
                kind.step.hooked = True


def _seen(step: Callable[..., Any], noted: list[tuple[Noted, Noted]]) -> Callable[..., Any]:
    """Return a step that notes as long as there is whom to tell: a subclass made meanwhile keeps it."""

    @wraps(step)
    def seen(self: Optimizer, *args: Any, **named: Any) -> Any:
        now = tuple(noted)
        for before, _ in now:
            before(self)
        returned = step(self, *args, **named)
        for _, after in now:
            after(self)
        return returned

    return seen
