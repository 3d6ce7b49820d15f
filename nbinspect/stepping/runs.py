"""Fresh passes of one subject on the current batch, all from the same random state."""

from __future__ import annotations

from itertools import count
from typing import Any

import torch
from torch import Tensor

from nbinspect.calling import entering, split_batch
from nbinspect.capture.forward import record_forward
from nbinspect.capture.operations import Level
from nbinspect.clone import parameter_copies
from nbinspect.errors import CaptureError, NbinspectError
from nbinspect.nested import tensors_in
from nbinspect.records import Effect, ForwardRecord
from nbinspect.stepping.commands import stop_nowhere
from nbinspect.stepping.effect import effect_of
from nbinspect.stepping.inputs import Batches
from nbinspect.stepping.modes import Modes, state_swapped
from nbinspect.stepping.passes import Pass, Until
from nbinspect.subject import Subject


class Runs:
    """Makes passes that differ in what is asked for and in nothing else, in the modes of the code that makes it.

    Args:
        subject: the model and how to call it.
        batches: where the batch comes from.
        level: what counts as a step.
        training: train or eval mode; by default the model's own.
        timeout: seconds that a whole pass may take.
    """

    def __init__(
        self, subject: Subject, batches: Batches, *, level: Level, training: bool | None, timeout: float
    ) -> None:
        self.subject = subject
        self.batches = batches
        self.level: Level = level
        self.training = training
        self.timeout = timeout
        self.changes: dict[int, Tensor] = {}
        """Tensors that steps, by index, were made to give."""
        self.modes = Modes.here()
        self._untouched: Pass | None = None
        self._kept: dict[str, Tensor] | None = None

    def fresh(self, *, changes: dict[int, Tensor] | None = None, **options: Any) -> Pass:
        """Return a pass on the current batch that has not begun, without the changes unless they are given."""
        batch = options.pop("batch", self.batches.current)
        modes = options.pop("modes", self.modes)
        options = {"training": self.training, **options}
        return Pass(self.subject, batch, modes, level=self.level, changes=changes, **options)

    @property
    def untouched(self) -> Pass:
        """The finished pass on the batch before any edit, with nothing replaced."""
        if self._untouched is None:
            made = self.fresh(batch=self.batches.original)
            self._finish(made)
            self._untouched = made
        return self._untouched

    def effect_on(self, touched: Pass) -> Effect | None:
        """Return what edits and changes did to a pass, against the untouched run; None where there are none."""
        edited = self.batches.edited
        if not edited and not self.changes:
            return None
        if self.untouched.versions != touched.versions:
            self.forget()  # the parameters were changed between the two
        return effect_of(touched, self.untouched, -1 if edited else min(self.changes))

    def record(self, *, level: Level | None = None, gradients: bool = False) -> ForwardRecord:
        """Record a whole pass on the current batch, with nothing replaced; the model itself runs, and is put back."""
        with state_swapped(list(self.modes.shared)), self.modes.on_this_thread():
            return record_forward(
                self.subject,
                self.batches.current,
                level=level or self.level,
                gradients=gradients,
                training=self.training,
            )

    def inputs(self, batch: Any = None) -> list[Tensor]:
        """Return the tensors that the model is called with, of the current batch or of another."""
        batch = self.batches.current if batch is None else batch
        return [tensor for _, tensor in entering(self.subject, batch, split_batch(self.subject, batch))]

    def replay(self, index: int, *, output: int = 0, **options: Any) -> Tensor:
        """Return a copy of what a step makes, from a fresh pass with the same changes up to there.

        In another mode, or on another batch, the step is found by its place in the model, not by its index.

        Raises:
            NbinspectError: if there is no such step or output, or it cannot be read outside of `vmap`.
        """
        again = self.fresh(**{"changes": dict(self.changes), **options})
        try:
            return self.go_to(again, index, output).detach().clone()
        finally:
            again.stop()

    def go_to(self, fresh: Pass, index: int, output: int = 0) -> Tensor:
        """Advance a fresh pass to a step, and return the live tensor that it made."""
        self._finish(fresh, self._counterpart(index))
        if fresh.cursor is None:
            why = f"it raised {fresh.failure.error}" if fresh.failure else "it took another way, or ended before"
            raise NbinspectError(f"this pass made nothing at step {index}: {why}")
        made = [tensor for _, tensor in tensors_in(fresh.value, "")]
        if not made:
            raise NbinspectError(f"step {index} made no tensor")
        tensor = made[min(output, len(made) - 1)]
        if torch._C._functorch.is_functorch_wrapped_tensor(tensor):
            raise NbinspectError(f"step {index} ran inside vmap or grad: its values cannot be read from outside")
        return tensor

    def keep(self) -> None:
        """Keep the parameters and buffers as they are now, to compare later passes with; one copy of them in memory."""
        self._kept = parameter_copies(self.subject.network)

    @property
    def kept(self) -> dict[str, Tensor]:
        """The parameters that `keep` kept.

        Raises:
            NbinspectError: if none were kept.
        """
        if self._kept is None:
            raise NbinspectError("nothing was kept to compare with: keep() before the training step")
        return self._kept

    def begin(self, batch: Any = None, training: bool | None = None) -> None:
        """Begin again, with another batch or in another mode where they are given."""
        if batch is not None:
            self.batches.replace(batch)
        if training is not None:
            self.training = training
        self.changes = {}
        self.forget()

    def forget(self) -> None:
        """Let go of the untouched run: it is no longer what passes are compared with."""
        if self._untouched is not None:
            self._untouched.stop()
            self._untouched = None

    def close(self) -> None:
        """Let go of every tensor."""
        self.forget()
        self.changes = {}
        self._kept = None
        self.batches.close()

    def _counterpart(self, index: int) -> Until:
        """Return when to stop at the same step in a pass that may have others before it: same place, same number."""
        steps = self.untouched.steps()
        step = next((step for step in steps if step.index == index), None)
        if step is None:
            return lambda call, _: call.index == index
        place = (step.kind, step.path, step.name)
        before = sum((other.kind, other.path, other.name) == place for other in steps if other.index < index)
        seen = count()
        return lambda call, _: (call.kind, call.path, call.name) == place and next(seen) == before

    def _finish(self, made: Pass, until: Until = stop_nowhere) -> None:
        try:
            arrived = made.advance(until, self.timeout)
        finally:
            if made.state not in ("suspended", "finished", "failed"):
                made.stop()
        if not arrived:
            raise CaptureError(f"a whole pass takes longer than {self.timeout:g} s: give a larger timeout")
