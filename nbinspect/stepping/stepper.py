"""`ForwardStepper`: a live forward pass, stepped through like a program in a debugger."""

from __future__ import annotations

import weakref
from typing import Any, Literal

import torch
from torch import Tensor

from nbinspect.capture.door import refuse_beside_training
from nbinspect.capture.forward import number
from nbinspect.capture.operations import Level
from nbinspect.errors import CaptureError, InputError, NbinspectError
from nbinspect.records import ActivationView, Effect, Failure, Step
from nbinspect.stepping.breakpoints import Breakpoint, StopRule, Where, at_step, breakpoint_in
from nbinspect.stepping.commands import stop_at_once, stop_nowhere, stop_out, stop_over
from nbinspect.stepping.inputs import Batches
from nbinspect.stepping.looking import INPUT, Looker
from nbinspect.stepping.passes import Pass, State, Until
from nbinspect.stepping.recorded import RecordedPass
from nbinspect.stepping.runs import Runs
from nbinspect.stepping.values import check_like, first_tensor
from nbinspect.subject import Subject

_OVER = ("finished", "failed", "stopped")


class ForwardStepper:
    """Steps through a forward pass: stop after any step, see its tensor, change it, go on.

    The pass runs on a clone that shares the parameters, on a thread of its own that waits at the cursor; in the grad
    mode, autocast, device and random state of the code that makes the stepper. The model, its buffers and gradients,
    its hooks and the random states are left unchanged; the model can be used meanwhile. At most 8 kB are kept of a step
    of one output that has run, and the live tensors of the step at the cursor only.
    Source: S-layers, S-generalise-output, T-shapes, T-numerics.

    Args:
        subject: the model and the loader, as `make_subject` gives them.
        batch: a batch to step through; by default the loader is asked for one, without disturbing it.
        input_shape: instead of a batch, the shape of a random one, ``(N, C, H, W)``; before any data exists.
        level: what counts as a step: each ``operation``, or only each ``module``.
        training: train or eval mode; by default the model's own.
        timeout: seconds after which a command gives up waiting; the pass is held at its next step until `wait`.

    Raises:
        InputError: for a batch and an input_shape at once, or a shape that is none.
        NbinspectError: if there is no batch.
    """

    def __init__(
        self,
        subject: Subject,
        batch: Any = None,
        *,
        input_shape: tuple[int, ...] | None = None,
        level: Level = "operation",
        training: bool | None = None,
        timeout: float = 60.0,
    ) -> None:
        if level not in ("operation", "module"):
            raise InputError(f"level: expected 'operation' or 'module', got {level!r}")
        given = Batches(subject, batch, input_shape)
        self.runs = Runs(subject, given, level=level, training=training, timeout=timeout)
        self.looker = Looker(self.runs)
        self.breakpoints: list[Breakpoint] = []
        self.view: int | None = None
        """Index of the recorded step that `back` has gone to; None at the cursor."""
        self._pass: Pass | None = None
        self._rule: StopRule | None = None
        self._collected: weakref.finalize[..., Any] | None = None
        self._closed = False

    @property
    def state(self) -> State | Literal["closed"]:
        """``ready``, ``suspended``, ``running``, ``finished``, ``failed``, ``stopped`` or ``closed``."""
        return "closed" if self._closed else "ready" if self._pass is None else self._pass.state

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that have ended in this pass, in the order in which they began."""
        return () if self._pass is None else self._pass.steps()

    @property
    def step(self) -> Step | None:
        """The step at the cursor, or the one that `back` has gone to; None at the start and at the end."""
        index = self.cursor if self.view is None else self.view
        return next((step for step in self.steps if step.index == index), None)

    @property
    def reached(self) -> int:
        """The greatest index of a step that has begun; -1 at the start."""
        return -1 if self._pass is None else self._pass.reached

    @property
    def value(self) -> Any:
        """What the step at the cursor made, live, in the structure in which it returned it; raises as `replace`."""
        return self._suspended().value

    @property
    def tensor(self) -> Tensor:
        """The first live tensor that the step at the cursor made."""
        return first_tensor(self.value)

    @property
    def outputs(self) -> Any:
        """What the model returned, live, when the pass has finished; None before."""
        return None if self._pass is None else self._pass.outputs

    @property
    def loss(self) -> float | None:
        """The loss of this pass when it has finished; None before, and where there is none."""
        return None if self._pass is None else number(self._pass.loss)

    @property
    def failure(self) -> Failure | None:
        """Why the pass ended early, if it did."""
        return None if self._pass is None else self._pass.failure

    @property
    def hit(self) -> str | None:
        """Which breakpoint suspended the pass, and why, in a sentence; None where a command did."""
        return None if self._rule is None else self._rule.hit

    @property
    def stale(self) -> str | None:
        """A sentence where the parameters were changed after the pass began; else None."""
        return self._pass.stale if self._pass else None

    @property
    def effect(self) -> Effect | None:
        """What replaced tensors and edited inputs changed, against the untouched run."""
        return self.runs.effect_on(self._pass) if self._pass else None

    def over(self) -> Step | None:
        """Go on to the next step that is not inside a module called from here, and stop after it.

        Returns the step at the cursor; None at the end, and then `failure` tells whether the pass failed.

        Raises:
            NbinspectError: after `close`, after the end (`restart` begins again), or while the pass is running.
            CaptureError: if the step takes longer than `timeout`: `wait` for it, or `stop` it.
        """
        if self._forwards():
            return self.step
        return self._go(stop_over(self._pass))

    def into(self) -> Step | None:
        """Go on to the very next step, inside a module too, and stop after it; returns and raises as `over`."""
        if self._forwards():
            return self.step
        return self._go(stop_at_once)

    def out(self) -> Step | None:
        """Go on to the end of the module that the cursor is in; returns and raises as `over`."""
        return self._go(stop_out(self._pass))

    def run(self) -> Step | None:
        """Go on to the next breakpoint, or to the end; returns and raises as `over`."""
        return self._go(stop_nowhere)

    def run_to(self, where: Where | Step) -> Step | None:
        """Go on to a step, its index, or a place as in `break_on`; from the start again where a step lies behind.

        Breakpoints on the way count. Returns and raises as `over`.
        """
        index = where.index if isinstance(where, Step) else where
        if not isinstance(index, int):
            return self._go(stop_nowhere, breakpoint_in(self.runs.subject.network, index, self.steps))
        if index < 0:
            raise InputError(f"run_to: expected the index of a step, 0 or greater, got {index}")
        self._check_open(idle=True)
        if self.state in _OVER or any(step.index == index for step in self.steps):
            self.restart()
        return self._go(stop_nowhere, at_step(index))

    def back(self) -> Step | None:
        """Look at the step before, as it was recorded; its live tensor is gone. `over` goes forwards again."""
        here = self.step
        before = [step.index for step in self.steps if here is None or step.index < here.index]
        self.view = before[-1] if before else self.view
        return self.step

    def restart(self, *, batch: Any = None, training: bool | None = None) -> None:
        """Go back to the start: the same random state, the parameters as they are now; or another batch or mode."""
        self._check_open()
        self.runs.begin(batch, training)
        self._end_pass()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for a pass that is running; False if it goes on beyond `timeout` seconds."""
        return self._pass is None or self._pass.wait(timeout)

    def stop(self) -> bool:
        """End the pass where it is; False if its thread is blocked in compiled code and was abandoned."""
        return self._pass is None or self._pass.stop()

    def close(self) -> None:
        """End the pass and let go of every tensor."""
        self._closed = True
        self._end_pass()
        self.runs.close()

    def break_on(self, where: Where, *, share: float = 0.5) -> Breakpoint:
        """Suspend every pass at a place, or where what a step made meets a condition; see `breakpoint_at`.

        Args:
            where: ``"net.py:33"``, ``"layer1.0"``, ``"Conv2d"``, ``"F.relu"``, ``"non-finite"``, ``"all-zero"``,
                ``"dead"``, ``"saturated"``, ``"batch-axis"``, or a function of the tensor (and the step).
            share: for ``"dead"`` and ``"saturated"``, from which share of units or values on.

        Raises:
            InputError: if there is no such place or condition.
        """
        self.breakpoints.append(breakpoint_in(self.runs.subject.network, where, self.steps, share))
        return self.breakpoints[-1]

    def replace(self, tensor: Any) -> None:
        """Have the pass go on with another tensor than `tensor`, of the same shape, dtype and device.

        A step that writes in place is written to. `effect` tells what that changes.

        Raises:
            InputError: if it is not a tensor of that kind; nothing is changed then.
            NbinspectError: if the pass is not suspended.
        """
        suspended = self._suspended()
        check_like(tensor, self.tensor)
        assert suspended.cursor is not None
        with torch.inference_mode(False):
            self.runs.changes[suspended.cursor.index] = tensor.detach().clone()
        suspended.replace(self.runs.changes[suspended.cursor.index])
        self.view = None

    def edit(self, batch: Any) -> None:
        """Step through another input from the start, and compare it with the batch before the first edit."""
        self._check_open()
        self.runs.batches.edit(batch)
        self._end_pass()

    def record(self, *, level: Level | None = None, gradients: bool = False) -> RecordedPass:
        """Return a whole pass on the current batch, with nothing replaced; this one stays where it is.

        With `gradients`, those of the loss stand beside each activation and parameter; see `record_forward`.
        """
        self._check_open()
        return RecordedPass(self.runs.record(level=level, gradients=gradients))

    def look(self, step: int | None = None, **options: Any) -> ActivationView:
        """Return what a person can look at of the step at the cursor, or of another; options as in `Looker.look`."""
        self._check_open()
        index = step if step is not None else self.step.index if self.step else INPUT
        live, given = self._pass.live_at(index, options.get("output", 0)) if self._pass else (None, ())
        return self.looker.look(index, self.steps, live, given=given, **options)

    def _go(self, command: Until, target: Breakpoint | None = None) -> Step | None:
        self._check_open(idle=True)
        if self.state in _OVER:
            raise NbinspectError(f"the pass is over ({self.state}): restart() begins it again")
        self.view = None
        if self._pass is None:
            refuse_beside_training(self.runs.subject.model)
            self._pass = self.runs.fresh(changes=self.runs.changes)
            self._collected = weakref.finalize(self, self._pass.stop)
        size, earlier = self.runs.batches.size, self._pass.ended_steps
        self._rule = StopRule(command, tuple(self.breakpoints), size, self.runs.level, earlier, target)
        if not self._pass.advance(self._rule, self.runs.timeout):
            raise CaptureError(f"not there within {self.runs.timeout:g} s: wait() for the pass, or stop() it")
        return self.step

    def _end_pass(self) -> None:
        self.stop()
        if self._collected is not None:
            self._collected.detach()
        self._pass = self._rule = self.view = self._collected = None
        self.runs.changes = {}

    def _forwards(self) -> bool:
        if self.view is None:
            return False
        later = next((step.index for step in self.steps if step.index > (self.view or 0)), None)
        self.view = None if later == self.cursor else later
        return True

    @property
    def cursor(self) -> int | None:
        """Index of the step at which the pass is suspended; None where it is not."""
        return self._pass.at.index if self._pass and self._pass.at else None

    def _suspended(self) -> Pass:
        self._check_open()
        if self._pass is None or self._pass.at is None:
            raise NbinspectError(f"the pass is {self.state}: step into it first, with over(), into() or run()")
        return self._pass

    def _check_open(self, *, idle: bool = False) -> None:
        if self._closed:
            raise NbinspectError("this stepper is closed: open another")
        if idle and self.state == "running":
            raise NbinspectError("the pass is still running: wait() for it, or stop() it")
