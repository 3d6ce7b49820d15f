"""How much of the autograd graph is alive after each training step."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.keepers import Keeper, keepers
from nbinspect.sanity.trials.running.trainee import trained

_TWICE = ("backward through the graph a second time", "modified by an inplace operation")


@dataclass(frozen=True)
class Alive:
    """What lives on after training steps, beyond what lived before the first."""

    steps: tuple[int, ...]
    """After how many steps it was counted."""
    nodes: tuple[int, ...]
    """Nodes of the autograd graph, a count each."""
    tensors: tuple[int, ...]
    """Tensors that hold on to them, a count each."""
    goes_back: bool = True
    """Whether every step had a backward pass."""
    error: str = ""
    """What a later step raised because its graph leads back into that of an earlier one; empty where none did."""
    kept_at: tuple[Keeper, ...] = ()
    """The lines that write to what holds a tensor with a graph at the end; empty where nothing grows."""

    @property
    def nodes_a_step(self) -> float:
        """By how many nodes each further step adds; 0 unless each adds about as many."""
        return _slope(self.steps, self.nodes)

    @property
    def tensors_a_step(self) -> float:
        """By how many tensors, likewise."""
        return _slope(self.steps, self.tensors)


def alive_after_steps(program: Program, batches: Sequence[Batch], counted: Sequence[int]) -> Alive:
    """Take training steps on a copy, and count at times what is alive of autograd's graphs, as long as it grows.

    Args:
        program: left unchanged.
        batches: taken in turn.
        counted: after how many steps.

    Raises:
        MissingNeed: as `trained` and `Trainee.step`.
    """
    nodes: list[int] = []
    tensors: list[int] = []
    goes_back = True
    with _only_new_objects(), trained(program) as trainee:  # copies are new, for a sum in place has no new tensor
        subject = trainee.program.given
        roots = (subject.train_step, subject.network, subject.loss_fn, subject.forward)
        before = _count(program)
        for number in range(max(counted)):
            try:
                step = trainee.step(batches[number % len(batches)], observed=True)
            except MissingNeed as missing:
                error = str(missing.__cause__)
                if number == 0 or not any(text in error for text in _TWICE):
                    raise
                return Alive((number,), (0,), (0,), error=error, kept_at=tuple(keepers(roots)))
            goes_back = goes_back and step.events.passes > 0
            if number + 1 in counted:
                now = _count(program)
                nodes.append(now[0] - before[0])
                tensors.append(now[1] - before[1])
                if len(nodes) > 1 and nodes[-1] <= nodes[-2]:
                    break
        found = Alive(tuple(counted[: len(nodes)]), tuple(nodes), tuple(tensors), goes_back)
        return replace(found, kept_at=tuple(keepers(roots))) if found.nodes_a_step else found


@contextmanager
def _only_new_objects() -> Iterator[None]:
    """Set all objects that there are aside from the garbage collector, which is slow where there are many."""
    is_free = gc.get_freeze_count() == 0  # else the user has set some aside, who would come back too
    if is_free:
        gc.freeze()
    try:
        yield
    finally:
        if is_free:
            gc.unfreeze()


def _count(program: Program) -> tuple[int, int]:
    """Return how many nodes of graphs, and how many tensors that carry one, are alive in this process."""
    program.limits.ask()
    gc.collect()
    holding = [node for node in map(_node_of, gc.get_objects()) if node is not None]
    seen: set[Any] = set()
    waiting = list(holding)
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(follower for follower, _ in node.next_functions)
    return len(seen), len(holding)


def _node_of(value: Any) -> Any:
    """Return the node of the graph that made a tensor; None for all else."""
    if not issubclass(type(value), Tensor):
        return None
    try:
        return value.grad_fn
    except RuntimeError:  # of a tensor that belongs to a transformation of functorch
        return None


def _slope(steps: Sequence[int], counts: Sequence[int]) -> float:
    changes = [
        (after - before) / (late - early)
        for (early, late), (before, after) in zip(pairwise(steps), pairwise(counts), strict=True)
    ]
    return min(changes) if changes and 0 < max(changes) <= 2 * min(changes) else 0.0
