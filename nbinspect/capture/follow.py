"""The batch that last entered the network while the user's own training runs, held within a budget."""

from __future__ import annotations

import functools
import time
import weakref
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from nbinspect.capture.batch import CapturedBatch, build
from nbinspect.capture.door import Visit, is_probing, note_visit
from nbinspect.capture.hook import Hook, add_hook, add_pre_hook
from nbinspect.errors import told
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Origin
from nbinspect.subject import Subject


class Follower:
    """Watches the calls of a model and hands over the batch that entered, at most once a second, within a budget.

    Between hand-overs a step costs some microseconds: the tensors of the last call are held, not copied.
    A model has one follower: a new one takes the place of an older one. Source: K-before-net.

    Args:
        subject: what is under inspection; the model gets forward hooks until `detach`, and is otherwise left unchanged.
        receive: called on the training thread with each batch handed over; it must not raise. Held weakly if a method.
        replaced: called when another follower takes this one's place.
        failed: called with a sentence where a batch could not be noted or handed over; it must not raise. The training
            goes on as if nobody watched.
        budget: greatest share of the time that handing over may take, 0.01 = 1 %.
        interval: least time between hand-overs, in seconds.
        at_once: hand over the very next call, not only after the first interval.
    """

    def __init__(
        self,
        subject: Subject,
        receive: Callable[[CapturedBatch], None],
        replaced: Callable[[], None],
        failed: Callable[[str], None],
        *,
        budget: float = 0.01,
        interval: float = 1.0,
        at_once: bool = False,
    ) -> None:
        self.step = 0
        self._subject = subject
        self._receive = weakref.WeakMethod(receive)
        self._replaced = weakref.WeakMethod(replaced)
        self._failed = weakref.WeakMethod(failed)
        self._budget = budget
        self._interval = interval
        self._due_at = time.perf_counter() + (0.0 if at_once else interval)
        self._visit: Visit | Callable[[], Visit] | None = None
        self._versions: list[tuple[Tensor, int]] = []
        self._targets: Any = None
        self._delivered = -1
        self._handles: list[Any] = []
        self._attach()

    def _attach(self) -> None:
        model, loss_fn = self._subject.model, self._subject.loss_fn
        for hook in list(model._forward_pre_hooks.values()):
            if isinstance(hook, Hook) and isinstance(hook.owner, Follower):
                hook.owner.give_way()
        self._handles.append(add_pre_hook(model, Hook(self._entered)))
        if isinstance(loss_fn, nn.Module):
            self._handles.append(add_pre_hook(loss_fn, Hook(self._compared)))
        else:
            self._handles.append(add_hook(model, Hook(self._left)))

    def detach(self) -> None:
        """Remove every hook and let go of the last batch."""
        for handle in self._handles:
            handle.remove()
        self._handles.clear()
        self._visit, self._targets, self._versions = None, None, []

    def give_way(self) -> None:
        """Detach, because another follower takes this one's place."""
        self.detach()
        replaced = self._replaced()
        if replaced is not None:
            replaced()

    def hand_over(self) -> None:
        """Hand over the last batch seen if that has not been done, unless it was changed in place meanwhile."""
        if self._visit is None or self._delivered == self.step:
            return
        receive = self._receive()
        try:
            if receive is not None and all(tensor._version == version for tensor, version in self._versions):
                self._delivered = self.step
                receive(self._captured(self._visit if isinstance(self._visit, Visit) else self._visit()))
        except Exception as error:  # noqa: BLE001 - memory may be short, and arguments may be anything
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Let go of this call, and tell why; the next is tried when it is due."""
        self._visit, self._targets, self._versions = None, None, []
        self._due_at = time.perf_counter() + self._interval
        failed = self._failed()
        if failed is not None:
            failed(f"step {self.step}: this batch cannot be shown: {told(error)}")

    def _entered(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if is_probing():
            return
        self.step += 1
        self._targets = None
        try:
            self._note(module, args, kwargs)
        except Exception as error:  # noqa: BLE001 - it would be raised in the user's own forward
            self._give_up(error)

    def _note(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if time.perf_counter() >= self._due_at:
            self._visit, self._versions = note_visit(module, "", args, kwargs), []
            return
        held_args, held_kwargs = tuple(map(_without_graph, args)), {key: _without_graph(kwargs[key]) for key in kwargs}
        # naming the arguments takes longer than holding them, and most steps are never shown
        self._visit = functools.partial(note_visit, module, "", held_args, held_kwargs)
        self._versions = [
            (t, t._version) for t in _tensors((*held_args, *held_kwargs.values())) if not t.is_inference()
        ]

    def _compared(self, _: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if is_probing() or self._visit is None:
            return
        goal = (
            args[1] if len(args) > 1 else next((part for name, part in kwargs.items() if name.startswith("targ")), None)
        )
        try:
            self._targets = _without_graph(goal)
        except Exception as error:  # noqa: BLE001 - targets may be anything
            self._give_up(error)
        self._served()

    def _left(self, *_: Any) -> None:
        if not is_probing():
            self._served()

    def _served(self) -> None:
        now = time.perf_counter()
        if now < self._due_at:
            return
        self.hand_over()
        spent = time.perf_counter() - now
        self._due_at = now + max(self._interval, spent / self._budget)

    def _captured(self, seen: Visit) -> CapturedBatch:
        notes = []
        if not isinstance(self._subject.loss_fn, nn.Module) and self._subject.loss_fn is not None:
            notes.append("targets are not seen here: give the loss as a module, such as nn.CrossEntropyLoss()")
        split = "train" if seen.training else "validation"
        place = type(self._subject.network).__name__
        origin = Origin(place, split, "training", self.step, tuple(notes))  # type: ignore[arg-type]
        return build(seen, self._targets, "targets", origin=origin, axis=self._subject.batch_axis)


def _without_graph(value: Any) -> Any:
    """Return the same tensors without what a backward pass would keep alive; most have none, and are returned as is."""
    if isinstance(value, Tensor):
        return value.detach() if value.requires_grad else value
    return map_tensors(lambda tensor: tensor.detach(), value)


def _tensors(values: tuple[Any, ...]) -> list[Tensor]:
    if all(type(value) is Tensor for value in values):
        return list(values)
    return [tensor for _, tensor in tensors_in(values, "")]
