"""The gradient noise scale: how many samples it takes until a gradient is as much signal as noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.observed import observe
from nbinspect.sanity.trials.running.trainee import needing


@dataclass(frozen=True)
class Noise:
    """Gradients of several batches of one size, beside one another."""

    size: int
    """Samples in a batch, B."""
    batches: int
    """How many, K."""
    total: float
    """Trace of the covariance of the gradient of one sample."""
    signal: float
    """Squared norm of the mean gradient, with the noise that is left in it."""

    @property
    def left(self) -> float:
        """What is noise in `signal`, in the mean."""
        return self.total / (self.size * self.batches)

    @property
    def scale(self) -> float:
        """The noise scale in samples, tr(Σ) / |G|², both without bias; infinite where no signal stands out."""
        signal = self.signal - self.left
        return self.total / signal if signal > 0 else float("inf")

    @property
    def is_lost(self) -> bool:
        """Whether the mean gradient does not stand out of the noise that is left in it."""
        return self.signal < 1.5 * self.left


def noise_of(program: Program, batches: Sequence[Batch]) -> Noise:
    """Return how much the gradients of several batches differ, a forward and a backward pass each; nothing is changed.

    Args:
        program: left unchanged.
        batches: two or more of one size, drawn one after the other.

    Raises:
        MissingNeed: if nothing is trained, there is no loss of one value, or the program does not take a batch.

    Source: D-batch-size.
    """
    trained: list[Tensor] = [parameter for parameter in program.parameters.values() if parameter.requires_grad]
    if not trained:
        raise MissingNeed("a parameter that is trained")
    sums: list[Tensor | None] = [None] * len(trained)
    squares = 0.0
    for batch in batches:
        with needing("gradients of every batch"), program.running(training=True, gradients=True):
            loss = program.scalar_loss(program.outputs(batch), batch)
            if not loss.requires_grad:
                raise MissingNeed("a loss that depends on a parameter that is trained")
            gradients = program.gradients(loss, trained, batch)
        for at, gradient in enumerate(gradients):
            if gradient is not None:
                dense = gradient.to_dense() if gradient.layout is not torch.strided else gradient
                squares += _square(dense)
                before = sums[at]
                sums[at] = dense.detach().clone() if before is None else before.add_(dense)
    count, size = len(batches), batches[0].size
    signal = sum(_square(one) for one in sums if one is not None) / count**2
    between = (squares / count - signal) * count / (count - 1)
    return Noise(size, count, size * between, signal)


def parts_of(batch: Batch, count: int) -> list[Batch]:
    """Return a batch in so many parts of one size; none where it cannot be cut."""
    size = batch.size // count
    try:
        return [batch.taken(range(at * size, (at + 1) * size)) for at in range(count)]
    except (MissingNeed, IndexError, RuntimeError):
        return []


def together(program: Program, stream: tuple[Batch, ...]) -> float:
    """Return how many batches make one step of the optimizer: those that the user's own step adds up."""
    if program.subject.train_step is None:
        return 1.0
    found = observe(program, stream)
    return len(found.steps) / max(1, len(found.updating))


def _square(gradient: Tensor) -> float:
    return float(gradient.detach().abs().double().square().sum())
