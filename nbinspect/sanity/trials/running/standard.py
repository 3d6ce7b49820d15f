"""The standard training step: clear, forward, loss, backward, update, schedule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.optim import LBFGS
from torch.optim.lr_scheduler import ReduceLROnPlateau

from nbinspect.calling import call_loss, call_model
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program, as_scalar
from nbinspect.subject import named_optimizers


def standard_step(program: Program) -> Callable[[Batch, int], Tensor]:
    """Return a step that trains a copy of a program with its optimizers, scheduler and scaler, and returns the loss.

    LBFGS gets the closure that it needs; a scheduler is stepped once an update.
    """
    subject = program.subject
    optimizers: list[Any] = list(named_optimizers(subject.optimizer).values())
    scaler, scheduler = subject.scaler, subject.scheduler

    def forward(batch: Batch) -> Tensor:
        outputs = call_model(subject, batch.given, batch.parts)
        return as_scalar(call_loss(subject, outputs, batch.parts.targets), subject)

    def closure(batch: Batch) -> Tensor:
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss = forward(batch)
        (scaler.scale(loss) if scaler is not None else loss).backward()
        return loss

    def take(batch: Batch, _: int) -> Tensor:
        if any(isinstance(optimizer, LBFGS) for optimizer in optimizers):
            loss = Tensor()
            for optimizer in optimizers:
                loss = optimizer.step(lambda: closure(batch))
        else:
            loss = closure(batch)
            for optimizer in optimizers:
                scaler.step(optimizer) if scaler is not None else optimizer.step()
            if scaler is not None:
                scaler.update()
        if scheduler is not None:
            _schedule(scheduler, loss)
        return loss

    return take


def _schedule(scheduler: Any, loss: Tensor) -> None:
    if isinstance(scheduler, ReduceLROnPlateau):
        scheduler.step(float(loss.detach()))
    else:
        scheduler.step()
