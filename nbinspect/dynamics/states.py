"""Full states of a run, kept so that it can go back to a step and train on from there bit for bit."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer

from nbinspect.dynamics.rates import alive, change_rates, checked_rate, schedulers_of
from nbinspect.dynamics.snapshot import RunParts, Snapshot, size_of
from nbinspect.errors import InputError
from nbinspect.subject import Subject

MEGABYTE = 1_000_000


def parts_of(subject: Subject, optimizers: Sequence[Optimizer]) -> RunParts:
    """Return the parts of a run: those given, those that `train_step` names, and every scheduler of its optimizers.

    A gradient scaler of a plain loop is found while it makes the step of one of the optimizers.
    """
    named = _named_by(subject.train_step)
    losses = [subject.loss_fn] if isinstance(subject.loss_fn, nn.Module) else []
    twins = [part for part in named if isinstance(part, nn.Module) and part is not subject.model]
    known = {id(optimizer) for optimizer in optimizers}
    given = [subject.scheduler, subject.scaler, *(part for part in named if isinstance(part, torch.amp.GradScaler))]
    scalers = [part for part in alive(torch.amp.GradScaler) if known & set(getattr(part, "_per_optimizer_states", ()))]
    found = [*schedulers_of(optimizers), *scalers]
    return RunParts(
        _each_once([subject.network, *losses, *twins]),
        tuple(optimizers),
        _each_once([part for part in [*given, *found] if hasattr(part, "load_state_dict")]),
        _each_once([part for part in (subject.loader, subject.val_loader) if part is not None]),
    )


class StateRing:
    """The states of a few steps, held in the main memory; the oldest that is not pinned makes room.

    Args:
        limit_bytes: of all states together.
        most: how many states.
    """

    def __init__(self, limit_bytes: int = 512 * MEGABYTE, most: int = 8) -> None:
        self.limit_bytes = limit_bytes
        self.most = most
        self._states: dict[int, Snapshot] = {}
        self._pinned: set[int] = set()

    @property
    def steps(self) -> tuple[int, ...]:
        """The steps to which the run can go back, ascending."""
        return tuple(sorted(self._states))

    @property
    def pinned(self) -> tuple[int, ...]:
        """Those of them that stay until they are dropped."""
        return tuple(sorted(self._pinned))

    @property
    def held_bytes(self) -> int:
        """Bytes of all states together."""
        return sum(state.size for state in self._states.values())

    def keep(self, step: int, parts: RunParts, *, pinned: bool = False) -> None:
        """Keep the state of the run as it is after this step; the run is left unchanged.

        Kept are parameters, buffers, training flags, optimizers with the options of their groups, schedulers, gradient
        scalers, the global random states and the generators of the loaders. Gradients are not: a step has used them.

        Raises:
            InputError: if the state, with those pinned, is larger than the limit; with the bytes.
            NbinspectError: if a part cannot be copied.
        """
        size = size_of(parts)
        staying = [at for at in self._pinned if at != step]
        taken = sum(self._states[at].size for at in staying)
        if size + taken > self.limit_bytes or len(staying) >= self.most:
            pins = f" besides {len(staying)} pinned of {taken:,} bytes" if staying else ""
            raise InputError(
                f"the state of step {step} has {size:,} bytes{pins}; the limit is {self.limit_bytes:,} bytes and "
                f"{self.most} states: drop a pin, or raise the limit"
            )
        state = Snapshot(parts)
        self.drop(step)
        self._make_room(size)
        self._states[step] = state
        if pinned:
            self._pinned.add(step)

    def go_back(self, step: int, parts: RunParts, rate: float | None = None) -> None:
        """Give the run the state of this step again, with another learning rate if one is given.

        Tensors keep their identity and are written in place, without a mark in their version, so that a graph that
        waits for its backward pass is still accepted; what it computes then mixes both states. Gradients, the position
        in the loader and what the loop keeps in variables of its own stay as they are.

        Raises:
            InputError: if that step is not kept, or model or optimizers have been replaced since; nothing is changed.
        """
        if rate is not None:
            checked_rate(rate)
        if step not in self._states:
            kept = ", ".join(map(str, self.steps)) or "none"
            raise InputError(f"step: expected one of those kept ({kept}), got {step!r}")
        self._states[step].restore(parts)
        if rate is not None:
            change_rates(parts.optimizers, rate)

    def drop(self, step: int) -> None:
        """Forget the state of this step, pinned or not; without effect if it is not kept."""
        self._states.pop(step, None)
        self._pinned.discard(step)

    def clear(self) -> None:
        """Forget all."""
        self._states.clear()
        self._pinned.clear()

    def _make_room(self, size: int) -> None:
        for at in [at for at in self._states if at not in self._pinned]:
            if self.held_bytes + size > self.limit_bytes or len(self._states) >= self.most:
                del self._states[at]


def _named_by(function: Callable[..., Any] | None) -> list[Any]:
    """Return what a function of the user's refers to by name."""
    try:
        known = inspect.getclosurevars(function)  # type: ignore[arg-type] # anything else raises, as below
    except (TypeError, ValueError):
        return []
    return [*known.nonlocals.values(), *known.globals.values()]


def _each_once(parts: Iterable[Any]) -> tuple[Any, ...]:
    return tuple({id(part): part for part in parts}.values())
