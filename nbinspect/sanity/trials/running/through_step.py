"""A pass through the user's own training step, up to its backward pass, for models that no plain call can run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.amp import GradScaler
from torch.optim import Optimizer

from nbinspect.calling import Parts
from nbinspect.copies.quiet import Quiet
from nbinspect.copies.shells import module_shells, optimizer_shells, scaler_shells
from nbinspect.copies.standing import standing_in
from nbinspect.copies.twins import Twins, is_live, walked
from nbinspect.nested import tensors_in
from nbinspect.preserve import bytes_of
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.guard import Guard
from nbinspect.sanity.program import Program, as_scalar, seed_all
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.running.backward_calls import BackwardCalls, Reached
from nbinspect.sanity.trials.running.calling import arguments_of
from nbinspect.sanity.trials.running.own_step import record_step
from nbinspect.sanity.trials.running.watch import are_same
from nbinspect.sanity.trials.running.whole import bindings_for
from nbinspect.settings import Undo, random_undos
from nbinspect.subject import Subject

_LIVE = ("optimizer", "scheduler", "scaler", "loss_fn", "train_step")
_MOST_BYTES = 2**26
"""Of what is copied for each pass: other networks, averages."""
_CLOSE = 1e-4


def go_through_step(program: Program, plain: Recorded, others: Sequence[Batch] = ()) -> bool:
    """Have passes go through the user's `train_step` where a plain pass cannot be trained by, and say whether they do.

    A pass then takes the step on the model in question, with copies of all else that it reaches, to the loss on which
    it calls ``backward()``; no gradient is computed, and nothing is cleared, stepped or switched. The outputs are
    those of the model with the loss, as of a model that computes its own.

    They do not where there is no step, a plain pass has a loss, or the way is not proven: one step of the user's,
    recorded on a copy, must give the very loss and gradients, and another batch another loss.

    Args:
        program: which is to go that way; the step is counted.
        plain: the plain pass.
        others: more batches.
    """
    given = program.given
    is_plain = plain.error is None and isinstance(plain.loss, Tensor) and plain.loss.numel() == 1
    if given.train_step is None or given.forward is not None or is_plain or _learns(given.loss_fn):
        return False
    own = record_step(program, plain.batch)
    if own is None or not own.is_single or own.recorded.no_backward:
        return False
    try:
        through = ThroughStep(given)
    except MissingNeed:
        return False

    def way(subject: Subject) -> Subject:
        return replace(subject, forward=through, loss_fn=None)

    writes, program.writes = program.writes, True  # before its backward pass a step may do so
    program.differentiates |= own.recorded.differentiates
    program.go(way)
    try:
        batch = replace(plain.batch, subject=program.subject)  # that of the recording may be written to
        is_proven = _is_proven(program, batch, own.recorded, through.scale()) and _is_read(program, batch, *others[:1])
    except Exception:  # noqa: BLE001 - whatever the step makes of what stands in there, this is no way
        is_proven = False
    if not is_proven:
        program.go(None)
        program.writes = writes
    return is_proven


def is_written(program: Program, batch: Batch, guard: Guard) -> bool:
    """Return whether a pass writes to parameters, which must then be put back after each; that is dear where many are.

    Args:
        program: takes a pass that is not put back, but for what the guard does.
        batch: left unchanged.
        guard: knows the program as it was.
    """
    program.writes = False
    with program.running(training=True):
        program.outputs(batch)
    written = bool(guard.changed())
    if written:
        guard.restore()
    return written


def _learns(loss_fn: Any) -> bool:
    return isinstance(loss_fn, nn.Module) and next(loss_fn.parameters(), None) is not None


def _is_proven(program: Program, batch: Batch, recorded: Recorded, scale: float) -> bool:
    """Whether a pass gives the loss and the gradients that were recorded of the user's step, which scaled them."""
    with program.running(training=True, gradients=True):
        seed_all(program.seed, "step 0")  # as the step was
        loss = program.scalar_loss(program.outputs(batch), batch)
        named = {name: one for name, one in program.parameters.items() if one.requires_grad}
        found = dict(zip(named, program.gradients(loss, list(named.values()), batch), strict=True))
    pairs = [(loss.detach(), as_scalar(recorded.loss, program.subject).detach())]
    for name, gradient in found.items():
        other = recorded.gradients.get(name)
        if (gradient is None) != (other is None):
            return False
        if gradient is not None and other is not None:
            pairs.append((gradient.to_dense(), other.to_dense()))
    return all(_is_close(one, other / scale) for one, other in pairs)


def _is_read(program: Program, *batches: Batch) -> bool:
    """Whether two batches have two losses, or gradients of them: a step may fetch its own, whatever it is given."""
    found: list[list[Tensor]] = []
    for batch in batches:
        with program.running(training=True, gradients=True):
            loss = program.scalar_loss(program.outputs(batch), batch)
            wanted: list[Tensor] = [one for one in program.parameters.values() if one.requires_grad]
            flowing = (one for one in program.gradients(loss, wanted, batch) if one is not None)
            found.append([loss.detach(), *(one.to_dense() for one in flowing)])
    given = [[tensor for _, tensor in tensors_in(batch.raw, "")] for batch in batches]
    return len(batches) < 2 or are_same(*given) or not are_same(*found)


def _is_close(one: Tensor, other: Tensor) -> bool:
    return torch.allclose(one, other, rtol=_CLOSE, atol=_CLOSE * float(other.abs().max()))


class ThroughStep:
    """A `forward` that takes a step of the user's; without attributes that a copy of a program would look into."""

    __slots__ = ("_bindings", "_given", "_held", "_optimizers", "_scalers")

    def __init__(self, given: Subject) -> None:
        self._given = given
        self._bindings = bindings_for(given)
        live = [getattr(given, name) for name in _LIVE]
        bound = [binding.value for binding in self._bindings if is_live(binding.value)]
        self._held = [part for part in (given.model, given.network, *live, *bound) if part is not None]
        reached = list(walked(self._held))
        self._optimizers = [part for part in reached if isinstance(part, Optimizer)]
        self._scalers = [part for part in reached if isinstance(part, GradScaler) and part.is_enabled()]
        copied = walked(self._held, self._instead(given.network, list[Any]().append))
        if sum(bytes_of(part) for part in copied if isinstance(part, Tensor)) > _MOST_BYTES:
            raise MissingNeed("a step that reaches little beside its model")

    def __call__(self, model: nn.Module, batch: Any) -> dict[str, Any]:
        """Return what the model returned in the step, and the loss that the step made of it.

        Raises:
            MissingNeed: if the step calls no ``backward()``.
        """
        returned: list[Any] = []
        found = self._taken(model, batch, returned.append)
        if not found:
            raise MissingNeed("a train_step that calls backward()")
        return _told(returned, found[0])

    def arguments(self, model: nn.Module, batch: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return what the step first calls the model with to train it, that is, with a graph; it goes no further.

        Hooks of the model's own, which may change that, do not run.

        Raises:
            MissingNeed: if the step calls parts of it alone.
        """
        entered: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

        def enter(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if torch.is_grad_enabled():
                entered.append((args, kwargs))
                raise Reached

        hook = model.register_forward_pre_hook(enter, prepend=True, with_kwargs=True)
        try:
            self._taken(model, batch, lambda _: None)
        finally:
            hook.remove()
        if not entered:
            raise MissingNeed("a train_step that calls the model as a whole")
        return entered[0]

    def _taken(self, model: nn.Module, batch: Any, returned: Callable[[Any], None]) -> list[Tensor]:
        """Take the step up to its backward pass, and return the loss of it, if it came so far."""
        instead = self._instead(model, returned)
        twins = Twins(self._held, instead)
        parts = {name: twins.of(getattr(self._given, name)) for name in _LIVE}
        own = replace(self._given, model=instead[id(self._given.network)], **parts)
        positional, named = arguments_of(parts["train_step"], own, Batch(own, batch, Parts(batch, None, "")), 0)
        quiet, calls, after = Quiet(), BackwardCalls(ends=True), list[Undo]()
        try:
            with _gradients_aside(model), standing_in(self._bindings, twins), quiet.holding():
                with calls, suppress(Reached):
                    parts["train_step"](*positional, **named)
                after += random_undos()
        finally:
            quiet.close()
        for _, undo, arguments in after:  # what comes next draws on from here
            undo(*arguments)
        return calls.found

    def anew(self) -> ThroughStep:
        """Return the same for what the step reaches by now: names may have been bound to other objects since."""
        return ThroughStep(self._given)

    def scale(self) -> float:
        """Return what gradient scalers multiply the user's loss with."""
        return prod(scaler.get_scale() for scaler in self._scalers)

    def _instead(self, model: nn.Module, returned: Callable[[Any], None]) -> dict[int, Any]:
        """Return what stands for the network and the optimizers; a pass in train mode has the modes of the step."""
        instead = module_shells(self._given.network, model, returned, followed=model.training)
        instead[id(self._given.model)] = instead[id(self._given.network)]
        return instead | optimizer_shells(self._optimizers, instead) | scaler_shells(self._scalers)


def _told(returned: Sequence[Any], loss: Tensor) -> dict[str, Any]:
    """Return outputs with their loss; the loss alone where the model was not called once, as a whole."""
    if len(returned) != 1:
        return {"loss": loss}
    named = returned[0] if isinstance(returned[0], Mapping) else {"output": returned[0]}
    return {**named, "loss": loss}


@contextmanager
def _gradients_aside(model: nn.Module) -> Iterator[None]:
    """Put gradients aside while the block runs, so that what clears them in place meets none."""
    kept = [(parameter, parameter.grad) for parameter in model.parameters()]
    try:
        for parameter, _ in kept:
            parameter.grad = None
        yield
    finally:
        for parameter, gradient in kept:
            parameter.grad = gradient
