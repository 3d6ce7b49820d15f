"""Which way a step of the user's own takes the predictions: seen in its gradient, and tried on copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nbinspect.nested import map_tensors, tensors_in
from nbinspect.records import Place, TaskRecord
from nbinspect.sanity.evidence.losses.comparisons import comparisons
from nbinspect.sanity.evidence.losses.perfect import Answers, answers, supposed
from nbinspect.sanity.evidence.passes.lineage import reaching, roots
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.task import infer_task
from nbinspect.sanity.trials.running.own_step import OwnStep, record_step


@dataclass(frozen=True, eq=False)
class Turned:
    """What a step does to predictions and to its own loss."""

    now: float
    """The loss of the step as it is."""
    place: Place | None
    """Where the step makes it."""
    measure: str = ""
    before: float = 0.0
    """How bad the predictions are now, by that measure."""
    nearer: float = 0.0
    """The loss where the model gives predictions a tenth of the way nearer to perfect ones."""
    best: float = 0.0
    """That of perfect ones."""
    steps: tuple[tuple[float, float, float], ...] = field(default=())
    """Lengths of steps against the gradient, with how bad predictions are after them and the loss; none where the
    gradient points towards the targets."""

    @property
    def is_wrong(self) -> bool:
        """Whether better predictions have the higher loss, and each step down makes them worse."""
        falls = all(loss < self.now and after > self.before for _, after, loss in self.steps)
        return bool(self.steps) and falls and self.nearer > self.now and self.best > self.now


def turned(program: Program, own: OwnStep, task: TaskRecord, rates: tuple[float, ...]) -> Turned | None:
    """Return where a step takes the predictions; None where it is not seen to compare them with the targets alone.

    Args:
        program: the original; left unchanged.
        own: the recorded step.
        task: what makes predictions good; inferred from the step where it is not known.
        rates: lengths of the steps against the gradient, as shares of the length of all parameters.
    """
    recorded, given = own.recorded, tensor_output(own.recorded.outputs)
    gradient = None if given is None else own.arrived.get(id(given))
    if given is None or gradient is None or not own.is_single or not _compares_alone(recorded):
        return None
    if task.kind == "other":
        task = infer_task(program.subject, recorded.batch, recorded)
        if any(comparisons(recorded)):  # a distance to the targets is seen
            task = supposed(task, recorded)
    known = answers(task, recorded) if task.kind != "other" else None
    if known is None or not known.direct:
        return None
    perfect = [tensor_output(one) for one in known.better(1.0)]
    slopes = [float((gradient * (one - given.detach())).sum()) for one in perfect if one is not None]
    if not slopes or min(slopes) < 0:
        return Turned(float(recorded.loss.detach()), _place(recorded))
    return _tried(program, own, known, rates)


def _tried(program: Program, own: OwnStep, known: Answers, rates: tuple[float, ...]) -> Turned | None:
    recorded, now = own.recorded, float(own.recorded.loss.detach())
    losses: list[float] = []
    for share in (0.1, 1.0):
        found = [record_step(program, recorded.batch, changed=_giving(one)) for one in known.better(share)]
        seen = [float(one.recorded.loss.detach()) for one in found if one is not None]
        if not seen:
            return None
        losses.append(min(seen))
    steps, name = [], next(iter(known.worth(recorded.outputs)))
    for rate in rates:
        moved = record_step(program, recorded.batch, changed=_moved(recorded, rate))
        if moved is None:
            return None
        after = known.worth(moved.recorded.outputs)[name]
        steps.append((rate, after, float(moved.recorded.loss.detach())))
    nearer, best = losses
    return Turned(now, _place(recorded), name, known.worth(recorded.outputs)[name], nearer, best, tuple(steps))


def _place(recorded: Recorded) -> Place | None:
    maker = recorded.maker(recorded.loss)
    return maker.step.place if maker is not None else None


def _giving(outputs: Any) -> Callable[[Program], None]:
    """Return what makes the model of a copy return other outputs, which hang on its own by a factor of 0."""

    def change(copy: Program) -> None:
        def hook(_: Any, __: Any, own: Any) -> Any:
            instead = iter([tensor for _, tensor in tensors_in(outputs, "")])
            return map_tensors(lambda one: _hung(next(instead), one), own)

        copy.network.register_forward_hook(hook)

    return change


def _hung(value: Tensor, own: Tensor) -> Tensor:
    return value + 0 * own if own.is_floating_point() else own


def _moved(recorded: Recorded, rate: float) -> Callable[[Program], None]:
    """Return what moves the parameters of a copy against the gradient by a share of their length."""
    gradients = {name: gradient for name, gradient in recorded.gradients.items() if gradient is not None}

    @torch.no_grad()
    def change(copy: Program) -> None:
        moving = {name: one for name, one in copy.parameters.items() if name in gradients}
        size = sum(float(one.double().pow(2).sum()) for one in moving.values()) ** 0.5
        length = sum(float(gradients[name].double().pow(2).sum()) for name in moving) ** 0.5
        for name, one in moving.items() if 0 < length < float("inf") else ():
            one.sub_(gradients[name] * (rate * max(size, 1.0) / length))

    return change


def _compares_alone(recorded: Recorded) -> bool:
    """Whether the loss knows of nothing but outputs and targets: no weights, rewards or other tensors of the batch."""
    batch = recorded.batch
    own = {id(tensor) for _, tensor in tensors_in(batch.parts.targets, "")}
    targets = {name for name, tensor in tensors_in(batch.raw, "batch") if id(tensor) in own}
    wanted = reaching(recorded)
    for one in recorded.operations:
        if not one.in_loss or one.step.index not in wanted:
            continue
        for at, use in enumerate(one.step.inputs):
            maker = recorded.by_index.get(use.step) if use.step is not None else None
            if maker is not None and maker.in_loss:
                continue
            names = roots(recorded, one, at)
            if not (names <= targets or (maker is not None and one.given[at].requires_grad)):
                return False
    return True
