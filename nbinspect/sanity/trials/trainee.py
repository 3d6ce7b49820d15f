"""A copy of the program that is trained: by the user's own step, or by a standard one; the originals never change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.capture.forward import as_called
from nbinspect.copies.quiet import Quiet
from nbinspect.copies.reach import Binding, bindings_of
from nbinspect.copies.standing import standing_in
from nbinspect.copies.twins import Twins, is_live, walked
from nbinspect.errors import CaptureError, place_in_user_code
from nbinspect.preserve import preserve
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.trials.calling import arguments_of, loss_in
from nbinspect.sanity.trials.standard import standard_step
from nbinspect.sanity.trials.watch import Events, watching

MakesOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]
_ROLES = ("train_step", "eval_step", "forward", "split", "loss_fn")


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a training step on a copy, and what it did."""

    loss: float | None
    """What the step returned as its loss; None where it returned none."""
    events: Events
    rewritten: frozenset[str]
    """Names of the parameters whose bytes are others than before the call, whoever wrote them."""


class Trainee:
    """A copy of the program under training; made by `trained`.

    Attributes:
        program: the copy, for passes and losses; they are undone.
        optimizers: the copies of the user's optimizers by name: those given, and those that the user's code reaches.
        schedulers: the copies of the schedulers, likewise.
        is_own: whether steps are those of the user's own `train_step`.
        parameters: by name: of the model, of the loss, and others that an optimizer holds (``optimizer[3]``).
        steps: how many have been taken.
    """

    def __init__(
        self, program: Program, take: Callable[[Batch, int], Any], reached: dict[str, Any], *, is_own: bool
    ) -> None:
        self.program = program
        self.is_own = is_own
        self.steps = 0
        self.optimizers = {name: part for name, part in reached.items() if isinstance(part, Optimizer)}
        self.schedulers = {name: part for name, part in reached.items() if isinstance(part, LRScheduler)}
        self.parameters = dict(program.parameters)
        self._take = take
        self._quiet = Quiet()
        listed = {id(parameter) for parameter in self.parameters.values()}
        for name, optimizer in self.optimizers.items():
            for at, parameter in enumerate(p for group in optimizer.param_groups for p in group["params"]):
                if id(parameter) not in listed:
                    self.parameters[f"{name}[{at}]"] = parameter

    def close(self) -> None:
        """Remove the files that its steps wrote aside."""
        self._quiet.close()

    def step(self, batch: Batch, *, held: bool = False, observed: bool = False) -> Step:
        """Take a step on a batch.

        Args:
            batch: left unchanged.
            held: draw the same random numbers as every other held step and as `loss`, so that dropout keeps its mask.
            observed: whether to note what it does to gradients and parameters; else `events` and `rewritten` are empty.

        Raises:
            MissingNeed: if the step raises, or all steps of a run are used up.
        """
        self.program.count_step()
        seed_all(self.program.seed, "pass" if held else f"step {self.steps}")
        own = batch.changed(lambda tensor: tensor.detach().clone())
        seen = self.parameters if observed else {}
        before = {name: parameter.detach().clone() for name, parameter in seen.items()}
        watch = watching(seen) if observed else nullcontext(Events())
        with as_called(), watch as events, self.program.limits.watching(), self._quiet.holding():
            try:
                returned = self._take(own, self.steps)
            except Exception as error:
                raise MissingNeed(f"a training step that runs on a copy ({_told(error)})") from error
        self.steps += 1
        scaler = self.program.subject.scaler
        events.scale = float(scaler.get_scale()) if hasattr(scaler, "get_scale") else 1.0
        rewritten = frozenset(name for name, was in before.items() if not torch.equal(seen[name].detach(), was))
        return Step(loss_in(returned), events, rewritten)

    def loss(self, batch: Batch, *, training: bool | None = True) -> float:
        """Return the loss of a batch as the copy is now, in train mode, with the random draws of a held step.

        Raises:
            MissingNeed: if there is no loss, or it is no single value.
        """
        with self.program.running(training=training):
            return float(self.program.scalar_loss(self.program.outputs(batch), batch))

    def outputs(self, batch: Batch, *, training: bool | None = True) -> Any:
        """Return the outputs on a batch as the copy is now, without a graph."""
        with self.program.running(training=training):
            return self.program.outputs(batch)

    def scale_rates(self, factor: float) -> None:
        """Multiply the learning rates of all groups, and those that the scheduler goes back to."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                for key in ("lr", "initial_lr", "max_lr", "min_lr"):
                    if isinstance(group.get(key), int | float | Tensor):
                        group[key] = group[key] * factor
        for scheduler in self.schedulers.values():
            if hasattr(scheduler, "base_lrs"):
                scheduler.base_lrs = [rate * factor for rate in scheduler.base_lrs]


def _told(error: Exception) -> str:
    place, lines = place_in_user_code(error), str(error).splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}{f' at {place}' if place else ''}"


@contextmanager
def trained(
    program: Program,
    *,
    own: bool = True,
    optimizer: MakesOptimizer | None = None,
    changed: Callable[[Program], None] | None = None,
) -> Iterator[Trainee]:
    """Give a copy of the program to train: model, optimizer, scheduler, scaler, loss, and what the user's code reaches.

    While the block runs, the names by which the user's functions reach live objects are bound to the copies. At the
    end everything is as it was. What the user's code prints and writes to files is held back.

    Args:
        program: the original; left unchanged, its steps are counted.
        own: whether to take the user's own `train_step` where there is one; else a standard step is taken.
        optimizer: makes another optimizer than the user's, for standard steps.
        changed: called with the copy before the first step, to change it; the user's own step begins in train mode.

    Raises:
        MissingNeed: if the program cannot be copied, has hooks on its parameters that a copy lacks, or there is no
            optimizer, or no loss for a standard step.
    """
    subject = program.subject
    is_own = own and subject.train_step is not None and optimizer is None
    if not is_own and optimizer is None and subject.optimizer is None:
        raise MissingNeed("optimizer or train_step")
    _refuse_hooks(program)
    roles = [getattr(subject, name) for name in _ROLES]
    factory = subject.optimizer if callable(subject.optimizer) else None
    bindings = bindings_of([part for part in (*roles, factory, subject.network) if part is not None])
    live = [subject.network, subject.model, subject.optimizer, subject.scheduler, subject.scaler]
    held = [*live, *(binding.value for binding in bindings if is_live(binding.value))]
    with preserve(), torch.inference_mode(False), torch.enable_grad():
        try:
            twins = Twins(part for part in held if part is not None)
        except CaptureError as error:
            raise MissingNeed(str(error)) from error
        with standing_in(bindings, twins):
            copy = _copy_of(program, twins)
            if changed is not None:
                changed(copy)
            if not copy.network.training:
                copy.network.train()
            made = _optimizer_for(copy, optimizer or factory)
            copy.subject = replace(copy.subject, optimizer=made)
            take = _own(copy) if is_own else standard_step(copy)
            reached = {"optimizer": made} if optimizer else _reached(copy, bindings, twins)
            trainee = Trainee(copy, take, reached, is_own=is_own)
            try:
                yield trainee
            finally:
                trainee.close()


def _reached(copy: Program, bindings: Sequence[Binding], twins: Twins) -> dict[str, Any]:
    """Return the copies of optimizers and schedulers by name: those given, and those that the user's code reaches."""
    subject, wanted = copy.subject, (Optimizer, LRScheduler)
    given = subject.optimizer if isinstance(subject.optimizer, Mapping) else {"optimizer": subject.optimizer}
    found: dict[str, Any] = {**given, "scheduler": subject.scheduler}
    named = [(binding.name, binding.value) for binding in bindings]
    within = [
        (type(part).__name__, part)
        for binding in bindings
        if is_live(binding.value)
        for part in walked([binding.value])
    ]
    for name, part in (*named, *within):
        own = twins.of(part) if isinstance(part, wanted) else None
        if own is not None and not any(own is other for other in found.values()):
            found[name if name not in found else f"{name} {len(found)}"] = own
    return found


def _refuse_hooks(program: Program) -> None:
    """A hook on a parameter, such as one that updates it as its gradient comes, is bound to the live optimizer."""
    for name, parameter in program.parameters.items():
        if parameter._backward_hooks or getattr(parameter, "_post_accumulate_grad_hooks", None):
            raise MissingNeed(f"parameters without hooks, which a copy lacks; {name} has some")


def _copy_of(program: Program, twins: Twins) -> Program:
    subject = program.subject
    names = (*_ROLES, "optimizer", "scheduler", "scaler")
    own = {name: twins.of(getattr(subject, name)) for name in names}
    copy = replace(subject, model=twins.of(subject.network), **own)
    return Program(copy, program.limits, program.seed, program.whole, original=program)


def _optimizer_for(copy: Program, factory: Callable[..., Any] | None) -> Any:
    if factory is None:
        return copy.subject.optimizer
    trainable = [parameter for parameter in copy.parameters.values() if parameter.requires_grad]
    if not trainable:
        raise MissingNeed("a parameter that is trained")
    return factory(trainable)


def _own(copy: Program) -> Callable[[Batch, int], Any]:
    step: Any = copy.subject.train_step

    def take(batch: Batch, number: int) -> Any:
        positional, named = arguments_of(step, copy.subject, batch, number)
        return step(*positional, **named)

    return take
