"""Which optimizer's steps are the steps of a run."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from torch.optim import Optimizer

from nbinspect.subject import Subject, named_optimizers


class Counted:
    """The optimizers of a run; none is kept alive.

    The first one seen is counted. Another takes its place when it trains some of the same parameters; one that trains
    others (a discriminator's, an embedding's) stands beside it.
    """

    def __init__(self, replaced: Callable[[Optimizer], None]) -> None:
        self._main: weakref.ref[Optimizer] | None = None
        self._others: weakref.WeakSet[Optimizer] = weakref.WeakSet()
        self._replaced = replaced

    @property
    def seen(self) -> tuple[Optimizer, ...]:
        """Those that have made a step, the counted one first."""
        main = self._main() if self._main is not None else None
        return tuple(one for one in (main, *self._others) if one is not None)

    def is_counted(self, optimizer: Optimizer) -> bool:
        """Whether a step of this optimizer is a step of the run."""
        main = self._main() if self._main is not None else None
        if optimizer is main:
            return True
        if optimizer in self._others:
            return False
        if main is not None and not _held(optimizer) & _held(main):
            self._others.add(optimizer)
            return False
        had_one = self._main is not None
        self._main = weakref.ref(optimizer)
        if had_one:
            self._replaced(optimizer)
        return True


def given_optimizers(subject: Subject) -> tuple[Optimizer, ...]:
    """Return the live optimizers that the user has named."""
    return tuple(one for one in named_optimizers(subject.optimizer).values() if isinstance(one, Optimizer))


def _held(optimizer: Optimizer) -> set[int]:
    return {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
