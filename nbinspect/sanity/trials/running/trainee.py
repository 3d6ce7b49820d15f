"""A copy of the program that is trained: by the user's own step, or by a standard one; the originals never change."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from nbinspect.calling import set_mode
from nbinspect.capture.forward import as_called
from nbinspect.copies.quiet import Quiet
from nbinspect.errors import place_in_user_code
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, StepRaised
from nbinspect.sanity.program import Program, seed_all
from nbinspect.sanity.trials.running.calling import arguments_of, loss_in
from nbinspect.sanity.trials.running.following import followers
from nbinspect.sanity.trials.running.standard import standard_step
from nbinspect.sanity.trials.running.watch import Events, is_same, watching
from nbinspect.sanity.trials.running.whole import whole_copy

Around = Callable[[Batch], AbstractContextManager[None]]
MakesOptimizer = Callable[[Iterable[nn.Parameter]], Optimizer]


@dataclass(frozen=True, eq=False)
class Step:
    """One call of a training step on a copy, and what it did."""

    loss: float | None
    """What the step returned as its loss; None where it returned none."""
    events: Events
    rewritten: frozenset[str]
    """Names of the parameters whose bytes are others than before the call, whoever wrote them."""
    buffers: frozenset[str] = frozenset()
    """Names of the model's buffers whose bytes are others than before the call."""
    following: frozenset[str] = frozenset()
    """Names of those without `requires_grad` that moved towards a trainable one of their shape, as an average does."""


class Trainee:
    """A copy of the program under training; made by `trained`.

    Attributes:
        program: the copy, for passes and losses; they are undone.
        optimizers: the copies of the user's optimizers by name: those given, and those that the user's code reaches.
        schedulers: the copies of the schedulers, likewise.
        is_own: whether steps are those of the user's own `train_step`.
        parameters: by name: of the model, of the loss, and others that an optimizer holds (``optimizer[3]``).
        steps: how many have been taken.
        scale: what a gradient scaler multiplied the loss of the last step with; 1 without one.
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
        self.scale = 1.0
        self._used: set[str] = set()
        self._scaler = next((part for part in reached.values() if isinstance(part, torch.amp.GradScaler)), None)
        listed = {id(parameter) for parameter in self.parameters.values()}
        for name, optimizer in self.optimizers.items():
            for at, parameter in enumerate(p for group in optimizer.param_groups for p in group["params"]):
                if id(parameter) not in listed:
                    self.parameters[f"{name}[{at}]"] = parameter

    def close(self) -> None:
        """Remove the files that its steps wrote aside."""
        self._quiet.close()

    def quiet(self) -> AbstractContextManager[None]:
        """Hold back what the user's code prints, warns of and writes while the block runs."""
        return self._quiet.holding()

    def step(self, batch: Batch, *, held: bool = False, observed: bool = False, around: Around | None = None) -> Step:
        """Take a step on a batch.

        Args:
            batch: left unchanged.
            held: draw the same random numbers as every other held step and as `loss`, so that dropout keeps its mask.
            observed: whether to note what it does to gradients and parameters; else `events` and `rewritten` are empty.
            around: what to enter around it, told the batch that it is called with, which is a copy.

        Raises:
            StepRaised: if the step raises.
            MissingNeed: if all steps of a run are used up.
        """
        self.program.count_step()
        seed_all(self.program.seed, "pass" if held else f"step {self.steps}")
        own = batch.changed(lambda tensor: tensor.detach().clone())
        seen = self.parameters if observed else {}
        live = {**seen, **dict(self.program.network.named_buffers())} if observed else {}
        before = {name: tensor.detach().clone() for name, tensor in live.items()}
        watch = watching(seen, self._used, before) if observed else nullcontext(Events())
        self.scale = 1.0 if self._scaler is None else float(self._scaler.get_scale())

        def take() -> Any:
            with nullcontext() if around is None else around(own):
                return self._take(own, self.steps)

        with watch as events:
            returned = self._called("training", take)
        self.steps += 1
        events.scale = self.scale
        changed = {name for name, was in before.items() if not is_same(live[name].detach(), was)}
        following = followers(changed & seen.keys(), seen, before)
        return Step(
            loss_in(returned), events, frozenset(changed & seen.keys()), frozenset(changed - seen.keys()), following
        )

    def evaluate(self, batch: Batch) -> Any:
        """Call the user's `eval_step` on a batch, which counts as a step, and return what it returns.

        Raises:
            MissingNeed: if there is none, or it raises.
        """
        step: Any = self.program.given.eval_step
        if step is None:
            raise MissingNeed("eval_step")
        self.program.count_step()
        seed_all(self.program.seed, "pass")
        own = batch.changed(lambda tensor: tensor.detach().clone())
        positional, named = arguments_of(step, self.program.given, own, 0)
        return self._called("evaluation", lambda: step(*positional, **named))

    def _called(self, kind: str, take: Callable[[], Any]) -> Any:
        with as_called(), self.program.limits.watching(), self._quiet.holding():
            try:
                return take()
            except MissingNeed:
                raise
            except (Exception, SystemExit) as error:  # some programs leave where the loss is not finite
                article = "an" if kind[0] in "aeiou" else "a"
                raise StepRaised(f"{article} {kind} step that runs on a copy ({_told(error)})") from error

    def loss(self, batch: Batch, *, training: bool | None = True) -> float:
        """Return the loss of a batch as the copy is now, with the random draws of a held step.

        Args:
            batch: left unchanged.
            training: as `Program.running` takes it.

        Raises:
            MissingNeed: if there is no loss, it is no single value, or the program refuses what training has made.
        """
        with needing("a loss that can be computed on a copy"), self.program.running(training=training):
            return float(self.program.scalar_loss(self.program.outputs(batch), batch))

    def outputs(self, batch: Batch, *, training: bool | None = True) -> Any:
        """Return the outputs on a batch as the copy is now, without a graph; arguments as in `loss`."""
        with self.program.running(training=training):
            return self.program.outputs(batch)

    def scale_rates(self, factor: float | Callable[[Mapping[str, Any]], float]) -> None:
        """Multiply the learning rates of all groups, and those that the scheduler goes back to.

        Args:
            factor: what to multiply with, or what tells that of a group.
        """
        factors = {
            id(optimizer): [factor(group) if callable(factor) else factor for group in optimizer.param_groups]
            for optimizer in self.optimizers.values()
        }
        for optimizer in self.optimizers.values():
            for group, times in zip(optimizer.param_groups, factors[id(optimizer)], strict=True):
                for key in ("lr", "initial_lr", "max_lr", "min_lr"):
                    if isinstance(group.get(key), int | float | Tensor):
                        group[key] = group[key] * times
        for scheduler in self.schedulers.values():
            known = factors.get(id(scheduler.optimizer))
            if known is not None and hasattr(scheduler, "base_lrs"):
                scheduler.base_lrs = [rate * times for rate, times in zip(scheduler.base_lrs, known, strict=True)]


@contextmanager
def needing(what: str) -> Iterator[None]:
    """Take whatever is raised while the block runs for a need that is not there.

    Args:
        what: the need: ``a loss that can be computed on every batch``.

    Raises:
        MissingNeed: with what was raised, and where.
    """
    try:
        yield
    except MissingNeed:
        raise
    except Exception as error:
        raise MissingNeed(f"{what} ({_told(error)})", "raised") from error


def _told(error: BaseException) -> str:
    place, lines = place_in_user_code(error), str(error).splitlines() or [""]
    return (
        f"{type(error).__name__}: {textwrap.shorten(lines[0], 200, placeholder=' …')}{f' at {place}' if place else ''}"
    )


@contextmanager
def trained(
    program: Program,
    *,
    own: bool = True,
    optimizer: MakesOptimizer | None = None,
    changed: Callable[[Program], Any] | None = None,
    idle: bool = False,
) -> Iterator[Trainee]:
    """Give a copy of the program to train: model, optimizer, scheduler, scaler, loss, and what the user's code reaches.

    While the block runs, the names by which the user's functions reach live objects are bound to the copies. At the
    end everything is as it was. What the user's code prints and writes to files is held back.

    Args:
        program: the original; left unchanged, its steps are counted.
        own: whether to take the user's own `train_step` where there is one; else a standard step is taken.
        optimizer: makes another optimizer than the user's, for standard steps.
        changed: called with the copy before the first step, to change it; the user's own step begins in train mode.
        idle: no training step is to be taken, as where only `evaluate` is called, and no optimizer is needed.

    Raises:
        MissingNeed: if the program cannot be copied, a library has put a hook on a parameter, or there is no optimizer,
            or no loss for a standard step.
    """
    subject = program.subject
    is_own = own and subject.train_step is not None and optimizer is None
    if not (is_own or idle) and optimizer is None and subject.optimizer is None:
        raise MissingNeed("optimizer or train_step" if subject.train_step is None else "optimizer")
    factory = subject.optimizer if callable(subject.optimizer) else None
    with whole_copy(program) as whole:
        copy = Program(whole.subject, program.limits, program.seed, program.whole, original=program)
        if changed is not None:
            changed(copy)
        if not copy.network.training:
            set_mode(copy.network, training=True)
        made = _optimizer_for(copy, None if idle else optimizer or factory)
        copy.change(optimizer=made)
        take = _own(copy) if is_own else standard_step(copy)
        reached = {"optimizer": made} if optimizer else whole.reached() | ({"optimizer": made} if factory else {})
        trainee = Trainee(copy, take, reached, is_own=is_own)
        try:
            yield trainee
        finally:
            trainee.close()


def _optimizer_for(copy: Program, factory: Callable[..., Any] | None) -> Any:
    if factory is None:
        return copy.subject.optimizer
    trainable = [parameter for parameter in copy.parameters.values() if parameter.requires_grad]
    if not trainable:
        raise MissingNeed("a parameter that is trained")
    return factory(trainable)


def _own(copy: Program) -> Callable[[Batch, int], Any]:
    step: Any = copy.given.train_step

    def take(batch: Batch, number: int) -> Any:
        positional, named = arguments_of(step, copy.given, batch, number)
        return step(*positional, **named)

    return take
