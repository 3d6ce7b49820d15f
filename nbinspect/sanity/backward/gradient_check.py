"""`gradient-check`: do autograd and finite differences agree?"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed
from nbinspect.sanity.evidence.numbers.differences import Slope
from nbinspect.sanity.evidence.numbers.doubled import Doubled, doubled
from nbinspect.sanity.evidence.numbers.functions import told
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def run(program: Program, backward: Recorded, *, gap: float = 0.01, samples: int = 4) -> CheckResult:
    """Compare, on a copy in float64 with dropout held, slopes of the loss; and each custom function alone.

    Args:
        program: the program, which is copied.
        backward: the shared pass.
        gap: relative difference of the slopes that is no rounding.
        samples: how many of the batch are used.
    """
    try:
        return _judged(doubled(program, backward, samples), gap)
    except (RuntimeError, TypeError, ValueError) as error:
        lines = str(error).splitlines()
        said = f"{type(error).__name__}: {lines[0][:120]}" if lines else type(error).__name__
        return inconclusive("does not run in float64", settle=f"A model that runs in float64 ({said}).")


def _judged(found: Doubled, gap: float) -> CheckResult:
    wrong, doubts = found.wrong_function()
    if wrong is not None:
        return told(*wrong)
    slopes = found.slopes()
    sound = [slope for slope in slopes if slope.settled]
    if sound and all(slope.gap <= gap for slope in sound):
        most = max(slope.gap for slope in sound)
        return passed(f"autograd and finite differences agree to {most:.1g}; custom functions: {len(found.calls)}")
    doubts += found.doubts()
    if len(sound) < len(slopes) or any(slope.gap <= gap for slope in sound):
        doubts.append("kinks or noise hide the slope of the loss")
    if not doubts:
        return _model_told(found, slopes[0])
    return inconclusive(
        f"cannot be told: {doubts[0]}",
        *[measured("slope of the loss by autograd", slope.autograd, f"{slope.finite:.4g}") for slope in slopes[:1]],
        settle=f"Test what is in doubt with torch.autograd.gradcheck: {'; '.join(doubts[:3])}.",
    )


def _model_told(found: Doubled, slope: Slope) -> CheckResult:
    name, worst = found.worst()
    return failed(
        f"the gradient of {name} is wrong",
        measured("slope of the loss by autograd", slope.autograd, f"{slope.finite:.4g} (finite differences)"),
        measured(f"slope along {name} by autograd", worst.autograd, f"{worst.finite:.4g} (finite differences)"),
        title="The gradient is not that of the loss",
        detail=f"In float64 the loss has the slope {slope.finite:.4g}, autograd says {slope.autograd:.4g}: something "
        "that it depends on was changed behind autograd's back.",
        remedy="Look for writes through .data, and for values that a later step overwrites in place.",
        where=name,
    )


class _Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.factor = factor
        return x * x

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return ctx.factor * ctx.saved_tensors[0] * gradient, None


def good() -> Arguments:
    """Return a model with a custom square whose backward is right."""
    return _squared(2.0)


def bad() -> Arguments:
    """Return the same with a backward that forgot the factor 2."""
    return _squared(1.0)


def _squared(factor: float) -> Arguments:
    def forward(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        return _Square.apply(model(batch[0]), factor)  # type: ignore[no-any-return,no-untyped-call] # torch's

    batch = (torch.randn(8, 4), torch.randn(8, 1))
    return {"model": nn.Linear(4, 1), "loader": [batch], "loss_fn": nn.MSELoss(), "forward": forward}


CHECK = Check(
    name="gradient-check",
    stage="backward",
    question="Do autograd and finite differences agree?",
    why="A wrong backward trains, only worse and towards something else, and nothing tells.",
    remedy="Correct the backward that is named; torch.autograd.gradcheck proves it.",
    cost=2.5,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch",),
    sources=("S-epsilon", "S-not-applied"),
    silent="kinks of ReLU, dropout (held), straight-through and reversed gradients, stopped gradients",
)
