"""The engine that watches a run: each step is seen, more is measured when the budget allows, and others are told."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from nbinspect.capture.door import between_steps, refuse_beside_training
from nbinspect.dynamics.budget import checked_share
from nbinspect.dynamics.conditions import RunStopped
from nbinspect.dynamics.controls import Controls, State
from nbinspect.dynamics.counted import Counted, given_optimizers
from nbinspect.dynamics.culprits import SpikeCatcher
from nbinspect.dynamics.history import Facts, History
from nbinspect.dynamics.hooks import Arguments, Hooks, size_of
from nbinspect.dynamics.lean import Lean
from nbinspect.dynamics.live import Liveness
from nbinspect.dynamics.losses import Losses
from nbinspect.dynamics.measuring import Measuring
from nbinspect.dynamics.plan import Plan
from nbinspect.dynamics.spikes import SAMPLED
from nbinspect.dynamics.states import StateRing
from nbinspect.dynamics.telling import Listener, Telling, notes_of, number_given
from nbinspect.dynamics.watched import Watched
from nbinspect.errors import CaptureError
from nbinspect.records import DynamicsRecord, Moment, MomentKind, Spike
from nbinspect.subject import Subject


class Observer:
    """Watches a run from outside and keeps its history; the run's weights are bit for bit those of a run alone.

    Every step is seen through torch's hook on optimizer steps. Loss and steps cost microseconds; what costs more is
    done as often as `budget` pays for. A failure inside is marked in the history and never reaches the training.

    Args:
        subject: what is trained.
        probe: the batch to watch, or how to choose it: ``"first"``, ``"stratified"`` by class, ``"hardest"``; None for
            none. With a validation loader a probe of the validation set is watched too, unless a batch is given.
        size: samples of a probe that is chosen.
        budget: share of the run's time that watching may take, 0.02 = 2 %.
        train_mode: evaluate the probe as training sees it, with dropout and batch statistics.
        validate: evaluate the whole validation set, whenever the budget has paid for it.
        changed: called with the state of the run when that changes, on the thread that changed it.
        wake: has `controls.settle` called soon on the main thread; None outside of a notebook.

    Raises InputError for arguments that cannot be used. Source: K-dynamics, K-full-eval, D-spike, S-weights.
    """

    def __init__(
        self,
        subject: Subject,
        *,
        probe: Any = "first",
        size: int = 24,
        budget: float = 0.02,
        train_mode: bool = False,
        validate: bool = True,
        changed: Callable[[State], object] = lambda _state: None,
        wake: Callable[[], object] | None = None,
    ) -> None:
        self.subject = subject
        self.history = History()
        self.states = StateRing()
        self.steps = self._told = self._shown = 0
        """How many steps the run has made since the first that was seen."""
        self.live = Liveness()
        self.controls = Controls(
            lambda: self.optimizers,
            can_pause=self.live.why_no_pause,
            report=self.mark,
            changed=changed,
            waiting=self._waiting,
            wake=wake,
        )
        self._budget = checked_share(budget)
        self.plan = Plan(subject, probe, size=size, train_mode=train_mode, validate=validate)
        self._counted = Counted(self._replaced)
        self._hooks: Hooks | None = None
        self._measuring: Measuring | None = None
        self._losses = Losses()
        self._telling = Telling(self.history, self._losses)
        self._catcher = SpikeCatcher(subject, self._keep_spike)
        self._lean = Lean()
        self._rate: Any = None
        self._trainer = 0  # the thread that trains
        self.released = False
        """Whether nobody will look any more: it is not attached again."""
        self._by_hand = self._loss_seen = False

    @property
    def listeners(self) -> list[Listener]:
        """Who is told what is fresh, on the training thread, ten times a second at most, and at the end."""
        return self._telling.listeners

    @property
    def running(self) -> bool:
        """Whether it is attached."""
        return self._hooks is not None

    @property
    def optimizers(self) -> tuple[Optimizer, ...]:
        """The optimizers of the model that have made a step, the counted one first; before, those that were given."""
        return self._counted.seen or given_optimizers(self.subject)

    @property
    def record(self) -> DynamicsRecord:
        """All that is known of the run so far."""
        return self.history.whole(self._facts())

    def attach(self) -> Observer:
        """Begin to watch: hooks on model, loss and optimizer steps, and a first reading of the probe."""
        if self._hooks is None:
            with contextlib.suppress(CaptureError):  # another thread trains: its first step is soon enough
                refuse_beside_training(self.subject.model)
                self._prepare()
            if not self.released:
                self._hooks = Hooks(self.subject, self)
                self.controls.begin()
                self.tell()
        return self

    def detach(self) -> None:
        """End watching: a last reading, a last word to the listeners, and every hook removed.

        Beside a thread that goes on training there is no last reading, for it would disturb it.
        """
        if self._hooks is not None:
            self._hooks.remove()
            self._hooks = None
            if self._measuring is not None and self.steps and not self._goes_on_elsewhere():
                with between_steps():
                    self._measuring.last(self.steps)
            self.controls.end()
            self.controls.watched = ""  # a watched loop that raised may be held by its traceback
            self.tell()
            self._catcher.release()
            self._catcher.given = None

    def __enter__(self) -> Observer:
        return self.attach()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        self.detach()
        return isinstance(error, RunStopped)

    def step(self, loss: Tensor | float | None = None, **values: float) -> None:
        """Give the loss of the step that was just made, and numbers of your own; count it where no optimizer is seen.

        Args:
            loss: the training loss, in place of one that was seen.
            **values: numbers to draw beside it, by name.

        Raises:
            InputError: for a value that is no number.
        """
        numbers = {name: number_given(name, value) for name, value in values.items()}
        given = None if loss is None else loss if isinstance(loss, Tensor) else number_given("loss", loss)
        self.attach()
        if self.steps == self._told and not self._counted.seen:
            self._by_hand = True
            self._advance()
        if given is not None:
            self._loss_seen = True
            self._losses.given(self.steps, given)
        for name, value in numbers.items():
            self.history.value(name, self.steps, value)
        self._told = self.steps

    def watch(self, loader: Iterable[Any]) -> Watched:
        """Return an iterable of the very batches of a loader, for ``for`` and ``async for``; a stop ends it."""
        return Watched(loader, self)

    def batch_given(self, batch: Any) -> None:
        """Take note of the batch that a loop over a watched loader gets next."""
        self._catcher.given = batch

    def loss_seen(self, loss: Tensor, targets: Any) -> None:
        """Take note of a loss, on the training thread."""
        self._loss_seen = True
        if not self._lean.is_lean:
            self._catcher.targets = targets
        self._losses.seen(loss, self.subject.model.training)

    def batch_seen(self, arguments: Arguments) -> None:
        """Take note of what entered the model."""
        self._catcher.seen(arguments)
        self._losses.shares = arguments[1].get("num_items_in_batch") is not None  # transformers' Trainer divides by it

    def before_step(self, optimizer: Optimizer) -> None:
        """Take note that an optimizer of the model is about to change its parameters."""
        if self._counted.is_counted(optimizer):
            self._losses.stepping()
            measuring = self._measuring or self._prepare()
            if measuring.wants_norms:
                measuring.before_step()

    def after_step(self, optimizer: Optimizer) -> None:
        """Count a step, do what is due, and serve what was asked: the safe point of a run."""
        if self._counted.is_counted(optimizer):
            if self._by_hand:
                self._by_hand = False  # told by hand before its optimizer step was seen: the same step
                self.steps -= 1
            measuring = self._measuring or self._prepare()
            if measuring.wants_norms:
                measuring.after_step(self.steps + 1)
            rate = optimizer.param_groups[0].get("lr")
            if rate is not self._rate:
                self._rate = rate
                self._telling.note_rates(self.steps + 1, self.optimizers)
            self._advance()

    def mark(self, kind: MomentKind, text: str, since: int | None = None) -> None:
        """Add a mark to the time line, at this step."""
        self.history.moment(Moment(self.steps, kind, text, since))

    def tell(self) -> None:
        """Tell every listener what is fresh; on the training thread."""
        self._telling.tell(self._facts(), self.optimizers, self._lean.size or size_of(self._catcher.arguments))

    def _prepare(self) -> Measuring:
        """Choose the probes and read them, the first time; on the thread that trains, or while nothing does."""
        if self._measuring is None:
            self._trainer = threading.get_ident()
            with between_steps():
                self._measuring = self.plan.carried_out(self, self._budget)
                self._measuring.begin()
        return self._measuring

    def idle(self, seconds: float) -> None:
        """Leave time in which nothing was trained out of the budget and the pace."""
        self._prepare().budget.idle(seconds)
        self._telling.idle(seconds)

    def _advance(self) -> None:
        measuring = self._measuring or self._prepare()
        self.steps = step = self.steps + 1
        self._losses.stepped(step)
        loss = self._losses.last
        now = time.perf_counter()
        if loss is not None and (loss > self._catcher.watch.limit or not step % SAMPLED):
            self._catcher.look(step, loss)
        if now >= measuring.due:
            self._trainer = threading.get_ident()
            self.live.stepped(self._trainer)
            with between_steps():
                measuring.work(step, now)
            if self._hooks is not None:
                self._lean.look(step, measuring, self._hooks, self._catcher)
        before = self.controls.paused_seconds
        self.controls.serve(step, loss)
        if self.controls.paused_seconds != before:
            self.idle(self.controls.paused_seconds - before)

    def _waiting(self) -> None:
        """Show in a pause what there is: the predictions after the last step, and what is done meanwhile."""
        if self._measuring is not None and self._shown < self.steps:
            self._shown = self.steps
            with between_steps():
                self._measuring.last(self.steps)
        if self.history.has_news:
            self.tell()

    def _keep_spike(self, spike: Spike) -> None:
        self.history.spike(spike)
        self.mark("spike", f"loss {spike.loss:.3g}, {spike.loss / spike.usual:.1f} times what is usual here")

    def _replaced(self, optimizer: Optimizer) -> None:
        self.mark("note", f"another optimizer ({type(optimizer).__name__}) trains these parameters, and is counted now")

    def _goes_on_elsewhere(self) -> bool:
        others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
        return self._trainer in others

    def _facts(self) -> Facts:
        budget = self._measuring.budget if self._measuring is not None else None
        return Facts(
            model=type(self.subject.network).__name__,
            optimizers=tuple(type(one).__name__ for one in self._counted.seen),
            steps=self.steps,
            seconds=0.0 if budget is None else budget.seconds,
            overhead=math.nan if budget is None else budget.overhead,
            budget=self._budget,
            pins=tuple(self.states.steps),
            notes=notes_of(self.steps, self.controls.state, self.subject.loss_fn, loss_seen=self._loss_seen),
        )
