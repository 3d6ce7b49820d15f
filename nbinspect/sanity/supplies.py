"""What checks need, supplied by name: each is made once in a run, when the first check asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, ProgramRaised
from nbinspect.sanity.evidence.data.scan import Scan, scan
from nbinspect.sanity.evidence.losses.labels_given import task_of_labels
from nbinspect.sanity.evidence.losses.untrained import Untrained, require_untrained
from nbinspect.sanity.evidence.samples.dependence import Dependence, measure_dependence
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.limits import Hung
from nbinspect.sanity.nouns import NOUNS, OF_DATA
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.recorded import Evaluated, Recorded, Trial, finished, record, with_gradients
from nbinspect.sanity.task import infer_task
from nbinspect.sanity.trials.fitting.overfitting import Overfitting, overfit
from nbinspect.sanity.trials.running.maximising import maximising_in, require_minimised
from nbinspect.sanity.trials.running.observed import Observed, observe
from nbinspect.sanity.trials.running.own_step import OwnStep, Training, record_step
from nbinspect.sanity.trials.running.through_step import go_through_step, is_written
from nbinspect.subject import Subject

_SEVERAL = 3
_STREAM = 40
_MOST_BYTES = 2**28


def _bytes(batch: Batch) -> int:
    return sum(tensor.numel() * tensor.element_size() for _, tensor in tensors_in(batch.raw, ""))


class Supplies:
    """The needs of checks, by the names of their parameters.

    Args:
        program: the program under test.
        guard: asked whether the user's own code writes to the model while it runs.
    """

    def __init__(self, program: Program, guard: Guard) -> None:
        self.program = program
        self.limits = program.limits
        self.notes: list[str] = []
        self.has_plain_inputs = True
        """Whether all tensors of the batches are dense, as most checks take for granted."""
        self._guard = guard
        self._is_settled = False
        self._made: dict[str, Any] = {}
        self._missing: dict[str, MissingNeed] = {}

    @property
    def subject(self) -> Subject:
        """The live objects, as passes are run."""
        return self.program.subject

    def all_of(self, names: Sequence[str]) -> list[Any]:
        """Return the needs of a check; raises what `supply` raises."""
        if not (self._is_settled or OF_DATA.issuperset(names)):
            self._is_settled = True
            self._find_way()
        return [self.supply(name) for name in names]

    def supply(self, name: str) -> Any:
        """Return a need.

        Raises:
            MissingNeed: if it is not there; again on every later call.
        """
        if name in self._missing:
            raise self._missing[name]
        if name not in self._made:
            seed_all(self.program.seed, name)
            try:
                self._made[name] = _SUPPLIES[name](self)
            except MissingNeed as missing:
                self._missing[name] = missing
                raise
            except (Hung, Exception) as error:
                # the first check tells of it; the others need not run into it again
                text = f"{NOUNS.get(name, name)} ({type(error).__name__}: {error})"
                self._missing[name] = MissingNeed(text, "raised")
                raise
        return self._made[name]

    def _given(self, name: str) -> Any:
        value = getattr(self.subject, name)
        if value is None:
            raise MissingNeed(name)
        return value

    def _batches(self) -> tuple[Batch, ...]:
        with reading(self.subject, self._given("loader"), self.limits) as batches:
            found: list[Batch] = []
            for batch in islice(batches, _SEVERAL):
                if batch.epoch:
                    break
                found.append(batch)
        tensors = [tensor for batch in found for _, tensor in tensors_in(batch.raw, "")]
        if any(tensor.is_nested for tensor in tensors):
            raise MissingNeed("inputs that are no nested tensors")
        if not any(tensor.numel() for tensor in tensors):
            raise MissingNeed("a batch with samples; those that came are empty")
        self.has_plain_inputs = all(tensor.layout is torch.strided for tensor in tensors)
        return tuple(found)

    def _find_way(self) -> None:
        """Run passes through the user's own step from now on, where nothing else tells how the model is called."""
        if self.subject.train_step is None or self.subject.forward is not None:
            return
        try:
            plain: Recorded = self.supply("plain")
        except MissingNeed:  # whoever asks for it tells of it
            return
        batches: Sequence[Batch] = self.supply("batches")
        if go_through_step(self.program, plain, batches[1:]):
            again = {"batches": tuple(replace(batch, subject=self.subject) for batch in batches)}
            self._made = {name: made for name, made in self._made.items() if name not in ("batch", "stream")} | again
            self.notes.append("passes go through your train_step, up to its backward pass")
            self.program.writes = is_written(self.program, again["batches"][0], self._guard)

    def _batch(self) -> Batch:
        first: Batch = self.supply("batches")[0]
        self.program.whole = first.size or None
        return first

    def _stream(self) -> tuple[Batch, ...]:
        """Successive batches of one pass over the loader, as many as training steps on fresh samples need."""
        self.supply("batches")
        found: list[Batch] = []
        with reading(self.subject, self._given("loader"), self.limits) as batches:
            for batch in islice(batches, _STREAM):
                if batch.epoch or sum(map(_bytes, found)) > _MOST_BYTES:
                    break
                found.append(batch)
        return tuple(found)

    def _observed(self) -> Observed:
        self.supply("batch")
        return observe(self.program, self.supply("stream"))

    def _own_step(self) -> OwnStep | None:
        """The user's own training step; None without one, or where no single trace tells what it trains."""
        return None if self.subject.train_step is None else record_step(self.program, self.supply("batch"))

    def _training_attempt(self) -> Recorded:
        """What trains: the user's own step as recorded, else the pass of model and loss, which may have failed."""
        own: OwnStep | None = self.supply("own_step")
        attempt: Recorded = self.supply("attempt")
        return attempt if own is None else own.recorded

    def _training_pass(self) -> Recorded:
        return finished(self.supply("training_attempt"), self.subject)

    def _training(self) -> Training:
        own: OwnStep | None = self.supply("own_step")
        if own is not None and own.is_single and own.program.subject.optimizer is not None:
            return Training(own.program, (own.recorded,), self.supply("batches"))
        return Training(self.program, self.supply("recordings"), self.supply("batches"))

    def _overfitting(self) -> Overfitting:
        recorded: Recorded = self.supply("recorded")
        require_minimised(self.supply("maximising"))
        return overfit(self.program, recorded, self.supply("task"))

    def _attempt(self) -> Recorded:
        if self.program.goes_through_step:
            return record(self.program, self.supply("batch"))
        plain: Recorded = self.supply("plain")
        return plain

    def _plain(self) -> Recorded:
        """The pass of the model as it is called with a batch."""
        if any(map(is_lazy, self.program.parameters.values())):
            raise MissingNeed("a model whose lazy layers know their sizes: call it once on a batch first")
        made = record(self.program, self.supply("batch"))
        written = self._guard.changed()
        if written:
            self.program.writes = True
            self._guard.restore()
            self.notes.append(f"your own code changes {', '.join(written[:3])} while it runs; put back after each pass")
        return made

    def _trial(self) -> Trial:
        try:
            attempt: Recorded = self.supply("attempt")
        except ProgramRaised as raised:
            return Trial(None, raised)
        later = self._missing.get("scan")
        return Trial(attempt, later if isinstance(later, ProgramRaised) else None)

    def _recorded(self) -> Recorded:
        return finished(self.supply("attempt"), self.subject)

    def _backward(self) -> Recorded:
        return with_gradients(self.supply("attempt"), self.subject)

    def _descended(self) -> Recorded:
        """The shared pass with its gradients; where there is no loss outside of it, the user's own step."""
        try:
            found: Recorded = self.supply("backward")
        except MissingNeed:
            own: OwnStep | None = self.supply("own_step") if self.subject.loss_fn is None else None
            if own is None or not own.is_single or own.recorded.no_backward:
                raise
            return own.recorded
        return found

    def _recordings(self) -> tuple[Recorded, ...]:
        first: Recorded = self.supply("recorded")
        more = (record(self.program, batch) for batch in self.supply("batches")[1:])
        return first, *(one for one in more if one.error is None)

    def _evaluated(self) -> Evaluated:
        self.supply("recorded")
        batch: Batch = self.supply("batch")
        # with a graph, for a forward may ask for gradients itself, as that of a force field
        with self.program.running(training=False, gradients=True):
            try:
                outputs = self.program.outputs(batch)
            except Exception as error:
                text = f"a forward that runs in eval mode ({type(error).__name__}: {error})"
                raise MissingNeed(text, "raised") from error
            try:
                loss = self.program.loss(outputs, batch)
            except Exception:  # noqa: BLE001 - a model may give other things in eval mode than the loss takes
                loss = None
            return Evaluated(batch, map_tensors(Tensor.detach, outputs), map_tensors(Tensor.detach, loss))

    def _task(self) -> TaskRecord:
        return infer_task(self.subject, self.supply("batch"), self.supply("attempt"))

    def _scan(self, name: str) -> Scan:
        self.supply("batch")
        return scan(self.subject, self._given(name), self.limits)

    def _dependence(self) -> Dependence:
        self.supply("recorded")
        return measure_dependence(self.program, self.supply("batch"))

    def _untrained(self) -> Untrained:
        return require_untrained(self.program, self.supply("training_pass"), self.supply("task"))


_SUPPLIES: dict[str, Callable[[Supplies], Any]] = {
    "subject": lambda s: s.subject,
    "program": lambda s: s.program,
    "limits": lambda s: s.limits,
    "batches": Supplies._batches,
    "scan": lambda s: s._scan("loader"),
    "val_scan": lambda s: s._scan("val_loader"),
    "batch": Supplies._batch,
    "stream": Supplies._stream,
    "observed": Supplies._observed,
    "overfitting": Supplies._overfitting,
    "own_step": Supplies._own_step,
    "maximising": lambda s: maximising_in(s.program),
    "training": Supplies._training,
    "training_attempt": Supplies._training_attempt,
    "training_pass": Supplies._training_pass,
    "attempt": Supplies._attempt,
    "plain": Supplies._plain,
    "trial": Supplies._trial,
    "recorded": Supplies._recorded,
    "backward": Supplies._backward,
    "descended": Supplies._descended,
    "recordings": Supplies._recordings,
    "evaluated": Supplies._evaluated,
    "task": Supplies._task,
    "labelled": lambda s: task_of_labels(s.supply("attempt"), s.supply("task")),
    "dependence": Supplies._dependence,
    "untrained": Supplies._untrained,
    **{
        name: partial(Supplies._given, name=name)
        for name in ("loader", "val_loader", "optimizer", "train_step", "eval_step", "scheduler", "padding_value")
    },
}
NEEDS = frozenset(_SUPPLIES)
"""Every name that a check may have as a parameter of its `run`."""
