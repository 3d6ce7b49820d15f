"""What clearing gradients after each update would do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook

from nbinspect.capture.hook import remove_step_hooks
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.comparison import Losses, ends_at, losses_of
from nbinspect.sanity.trials.running.trainee import Trainee

_RATES = (1.0, 4.0, 16.0)


def with_clearing(program: Program, batch: Batch, steps: int) -> tuple[Losses | None, Losses | None, float]:
    """Return the losses as it is and cleared, with the first rate at which clearing helps: sums make longer steps."""
    as_it_is = losses_of(program, (batch,), steps)
    first: Losses | None = None
    for rate in _RATES:
        cleared = losses_of(
            program, (batch,), steps, before=partial(Trainee.scale_rates, factor=rate), around=_clearing
        )
        if ends_at(cleared) < ends_at(as_it_is):
            return as_it_is, cleared, rate
        first = first or cleared
    return as_it_is, first, 1.0


@contextmanager
def _clearing(trainee: Trainee) -> Iterator[None]:
    """Clear what an optimizer holds right after each of its updates."""
    own = set(map(id, trainee.parameters.values()))

    def clear(optimizer: Optimizer, *_: Any) -> None:
        if any(id(parameter) in own for group in optimizer.param_groups for parameter in group["params"]):
            optimizer.zero_grad()

    hook = register_optimizer_step_post_hook(clear)
    try:
        yield
    finally:
        remove_step_hooks([hook])
