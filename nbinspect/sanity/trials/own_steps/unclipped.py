"""Clipping, read as the gradient that the optimizer finds over the one that came, and runs without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook, register_optimizer_step_pre_hook

from nbinspect.capture.hook import remove_step_hooks
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.comparison import Losses, ends_at, losses_of
from nbinspect.sanity.trials.running.inner_steps import inner_steps
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.trainee import Trainee

_OWN = ("clip_grad_norm_", "clip_grad_value_")  # torch's own, in `torch.nn.utils`


def clip_shares(observed: Observed) -> tuple[float, ...]:
    """Return for each update by how much the gradient had been cut when the optimizer found it: 1 is not at all.

    The scale of a gradient scaler is taken out.
    """
    updates = [(update, step.events.scale) for step in observed.updating for update in step.events.updates]
    seen = [(update, scale) for update, scale in updates if update.arrived > 0 and update.gradient > 0]
    return tuple(update.gradient * scale / update.arrived for update, scale in seen)


def compared_without(
    program: Program, batch: Batch, share: float, steps: int
) -> tuple[Losses | None, Losses | None, float]:
    """Return the losses as it is, and those of the best rate without clipping, with that rate.

    Args:
        program: left unchanged.
        batch: what is learnt.
        share: of the gradient that clipping leaves; with the rate times this, steps are as long as they were.
        steps: of each run.
    """
    as_it_is = losses_of(program, (batch,), steps)
    best: tuple[Losses | None, float] = (None, 1.0)
    for rate in (1.0, 0.1, share):
        scaled = partial(Trainee.scale_rates, factor=rate)
        losses = losses_of(program, (batch,), steps, before=scaled, around=without_clipping)
        if ends_at(losses) < ends_at(best[0]):
            best = losses, rate
    return as_it_is, *best


def is_scale_free(observed: Observed) -> bool:
    """Return whether the optimizers divide by the gradients' own size, so that clipping hardly matters."""
    kinds = {type(update.optimizer) for step in observed.updating for update in step.events.updates}
    return not any(issubclass(kind, torch.optim.SGD) for kind in kinds)


@contextmanager
def without_clipping(trainee: Trainee) -> Iterator[None]:
    """Let torch's own clipping do nothing, and where it is not called give each optimizer the gradients that came.

    Those are the gradients after the last backward pass, whatever was done to them since. Where torch's clipping is
    called, what else is done to them stays, as where a loss was scaled by hand. A step inside that of a subclass, or of
    an optimizer that wraps another, is given them too, for the outer one may have cut them.
    """
    kept: dict[int, Tensor] = {}
    own = {id(parameter): parameter for parameter in trainee.parameters.values()}

    def keep(parameter: Tensor) -> None:
        if parameter.grad is not None:
            kept[id(parameter)] = parameter.grad.detach().clone()

    def give_back(optimizer: Optimizer, *_: Any) -> None:
        held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        for parameter in () if idle else held:
            if parameter.grad is not None and id(parameter) in own and id(parameter) in kept:
                with torch.no_grad():
                    parameter.grad.copy_(kept[id(parameter)] / trainee.scale)

    def forget(optimizer: Optimizer, *_: Any) -> None:
        for parameter in (parameter for group in optimizer.param_groups for parameter in group["params"]):
            kept.pop(id(parameter), None)

    trainable: list[Any] = [p for p in own.values() if p.requires_grad and p.is_leaf]  # torch's hooks are not typed
    removers = [parameter.register_post_accumulate_grad_hook(keep) for parameter in trainable]
    steps = register_optimizer_step_pre_hook(give_back), register_optimizer_step_post_hook(forget)
    try:
        with _idle_clipping() as idle, inner_steps(give_back, forget):
            yield
    finally:
        remove_step_hooks(steps)
        for remover in removers:
            remover.remove()


@contextmanager
def _idle_clipping() -> Iterator[list[str]]:
    """Let torch's functions clip at infinity while the block runs; give the names of those that were called."""
    called: list[str] = []
    own = {name: getattr(nn.utils, name) for name in _OWN}

    def idle(parameters: Any, bound: float = inf, *rest: Any, of: str, **more: Any) -> Any:
        if more.pop("max_norm", more.pop("clip_value", bound)) < inf:
            called.append(of)
        return own[of](parameters, inf, *rest, **more)

    for name in own:
        setattr(nn.utils, name, partial(idle, of=name))
    try:
        yield called
    finally:
        for name, function in own.items():
            setattr(nn.utils, name, function)
