"""`batch-size`: how does the batch compare with the noise in its gradients?"""

from __future__ import annotations

from math import isfinite
from typing import Any

import torch
from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch, batches_in
from nbinspect.sanity.check import Arguments, Check, inconclusive, measured, passed, skipped, warned
from nbinspect.sanity.evidence.data.contents import relation
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.rates.noise import Noise, noise_of, parts_of, together

_SAME = 1e-9
_WHOLE = 4.0
"""How many times the noise scale is too much where an epoch has fewer steps than are needed to compare batches."""


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
    small: int = 4,
    below: float = 9.0,
) -> CheckResult:
    """Warn where a large batch is far beyond the gradient noise scale, or a small one drowns in its noise.

    Args:
        program: left unchanged; training steps are taken on a copy, and only to see whether small batches add up.
        backward: tells whether any gradient flows.
        stream: successive batches of one epoch.
        most: how many of their gradients are compared.
        least: with how few nothing is said.
        beyond: how many times the noise scale is too much.
        large: from how many samples on a batch can be too large.
        many: how many batches an epoch must have at least, for a batch to be too large or too small.
        small: up to how many samples, of all batches that make a step, a batch can be too small.
        below: how many times a small batch the noise scale is too much: nine tenths of its gradient are noise then.

    Source: D-batch-size.
    """
    if not any(gradient is not None for gradient in backward.gradients.values()):
        return skipped("a gradient of a parameter that is trained")
    size, optimizer = stream[0].size, program.subject.optimizer
    alike = [batch for batch in stream if batch.size == size][: most if size > small else 3 * most]
    few = batches_in(program.subject.loader)
    parts = parts_of(stream[0], most) if few is not None and few < least and size >= large else []
    if parts and (related := relation(stream[0])):
        return skipped(f"samples that stand alone: {related}")
    if parts and not isinstance(optimizer, torch.optim.LBFGS):
        return _of_whole(noise_of(program, parts), size, few or 1)
    if len(alike) < least or not size:
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
    is_low = size <= small and len(alike) >= many and noise.scale > below * size
    if is_low and noise.scale > below * (added := together(program, stream) * size):
        return _of_small(added, text, noise, shown)
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


def _of_whole(noise: Noise, size: int, steps: int) -> CheckResult:
    shown = (
        measured("samples in a batch", size, f"below {_WHOLE:g} noise scales"),
        measured("steps in an epoch", steps, "dozens"),
    )
    text = f"{size:,} samples, {steps} step{'s' * (steps > 1)} an epoch; gradients are half noise with "
    text += f"about {max(1, round(noise.scale)):,}" if isfinite(noise.scale) else "more than can be told"
    if noise.is_lost or not isfinite(noise.total) or size < _WHOLE * noise.scale:
        return passed(text, *shown)
    return warned(
        text,
        *shown,
        title="An epoch is hardly more than one step",
        detail=f"All {size:,} samples of a batch go into one step, {steps} an epoch, though parts of it give nearly "
        f"the same gradient: with {max(1, round(noise.scale)):,} samples half of it is noise.",
        remedy=f"Try batches of {max(32, _power_of_two(noise.scale))}, which make many more steps of an epoch.",
    )


def _of_small(added: float, text: str, noise: Noise, shown: tuple[Any, ...]) -> CheckResult:
    known = f"{noise.scale:,.0f}" if not noise.is_lost else f"more than {2 * noise.size * noise.batches:,}"
    return warned(
        text,
        *shown,
        title="The batch is so small that its gradient is noise",
        detail=f"A step is taken on {added:g} sample{'s' * (added != 1)}, and gradients of {noise.batches} "
        f"batches hardly agree: it takes {known} samples until half of a gradient is signal.",
        remedy="Try batches of 32, or add up the gradients of several batches before a step.",
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
    why="Far beyond the noise scale larger batches cost time and bring nothing; far below it a step is mostly noise.",
    remedy="Take the smallest batch that the machine runs well, up to about the noise scale.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("D-batch-size",),
    silent="batches of 5 to 255 samples, small ones whose gradients agree or add up, epochs of few large batches that "
    "disagree; it never fails",
)
