"""`batch-size`: how does the batch compare with the noise in its gradients?"""

from __future__ import annotations

from math import isfinite
from typing import Any

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.rates.noise import noise_of

_SAME = 1e-9


def run(
    program: Program,
    backward: Recorded,
    stream: tuple[Batch, ...],
    *,
    most: int = 8,
    least: int = 4,
    beyond: float = 50.0,
    large: int = 256,
    many: int = 16,
) -> CheckResult:
    """Warn where a large batch is far beyond the gradient noise scale, so that most of its samples add nothing.

    Args:
        program: left unchanged; no training step is taken.
        backward: tells whether any gradient flows.
        stream: successive batches of one epoch.
        most: how many of their gradients are compared.
        least: with how few nothing is said.
        beyond: how many times the noise scale is too much.
        large: from how many samples on a batch can be too large.
        many: how many batches an epoch must have at least.

    Source: D-batch-size.
    """
    if not any(gradient is not None for gradient in backward.gradients.values()):
        return skipped("a gradient of a parameter that is trained")
    alike = [batch for batch in stream if batch.size == stream[0].size][:most]
    if len(alike) < least or not stream[0].size:
        return inconclusive("too few batches to tell", settle=f"Give {least} batches of one size or more.")
    noise = noise_of(program, alike)
    if not isfinite(noise.total) or noise.total <= _SAME * noise.signal:
        return inconclusive(
            "the gradients cannot be compared", settle="They are zero, not finite, or of the same samples each time."
        )
    known = 0 if noise.is_lost else max(1, round(noise.scale))
    scale = f"about {known:,}" if known else f"more than {2 * noise.size * noise.batches:,}"
    shown = (
        measured("samples in a batch", noise.size, f"below {beyond:g} noise scales"),
        measured("gradient noise scale, in samples", scale, "grows during training"),
    )
    text = f"{noise.size:,} samples; gradients are half noise with {scale}"
    if noise.is_lost or noise.size < max(large, beyond * noise.scale) or len(stream) < many:
        return passed(text, *shown)
    return warned(
        text,
        *shown,
        title="The batch is far larger than it need be",
        detail=f"The gradients of {noise.batches} batches hardly differ: with {known:,} samples half of a "
        f"gradient is noise, and what {noise.size:,} add to that is next to nothing so far.",
        remedy=f"Try batches of {max(32, _power_of_two(10 * noise.scale))}, which make more steps of an epoch.",
    )


def _power_of_two(number: float) -> int:
    return 1 << max(0, round(number) - 1).bit_length()


def _program(noise: float, size: int) -> Arguments:
    model = nn.Linear(4, 1)
    x = torch.randn(20 * size, 4)
    data = torch.utils.data.TensorDataset(x, x.sum(1, keepdim=True) + noise * torch.randn(len(x), 1))
    loader: Any = torch.utils.data.DataLoader(data, batch_size=size, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    return {"model": model, "loader": loader, "loss_fn": nn.MSELoss(), "optimizer": optimizer}


def good() -> Arguments:
    """Return a linear model on noisy data, in batches of 32."""
    return _program(1.0, 32)


def bad() -> Arguments:
    """Return the same on data without noise, in batches of 1,024."""
    return _program(0.0, 1024)


CHECK = Check(
    name="batch-size",
    stage="training",
    question="How does the batch compare with the noise in its gradients?",
    why="Far beyond the noise scale larger batches cost time and bring nothing; their noise helps to generalise.",
    remedy="Take the smallest batch that the machine runs well, up to about the noise scale.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("D-batch-size",),
    silent="batches below 256 samples, epochs of few batches; it never fails",
)
