"""Losses that are the logarithm of the targets' density itself: minimised, they make the targets ever less likely."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from nbinspect.calling import call_loss
from nbinspect.nested import map_tensors, tensors_in
from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.program import Program, as_scalar
from nbinspect.sanity.recorded import Recorded

_SAMPLES = 6
_POINTS = 241
_REACH = 5.5
"""To where targets are tried: sinh of it, about 120 standard deviations to either side."""
_ALIKE, _LEFT = 0.02, 0.01


@dataclass(frozen=True)
class Density:
    """What the exponential of a loss adds up to over all values that a target may have, the same for every output."""

    mass: float
    lowest: float
    """Loss of a target far from all others, the higher one of both sides."""
    now: float
    """Mean loss of the targets as they are."""


def log_density(program: Program, recorded: Recorded) -> Density | None:
    """Return what shows that a loss is the logarithm of a density of single numbers; None of any other loss.

    The exponential of a log density, of whatever family, adds up to one number over all targets, whatever the outputs.
    That of a loss which grows with the distance has no such sum. Only the loss is run, sample by sample.
    """
    targets, size = recorded.batch.targets, recorded.batch.size
    loss_fn, error = program.subject.loss_fn, recorded.error
    if loss_fn is None or error is not None or targets is None or not targets.is_floating_point():
        return None
    floats = [one for _, one in tensors_in(recorded.outputs, "") if one.is_floating_point()]
    if targets.numel() != size or size < _SAMPLES or any(len(one) != size for one in floats if one.dim()):
        return None
    values = targets.detach().double().flatten()
    spread, middle = float(values.std()), float(values.mean())
    if not spread > 0:
        return None
    grid = middle + spread * torch.linspace(-_REACH, _REACH, _POINTS, dtype=torch.float64).sinh()
    try:
        with program.running():
            losses = [_losses_of(program, recorded, number) for number in range(_SAMPLES)]
            now = [float(loss(values[number])) for number, loss in enumerate(losses)]
            ends = [float(loss(end)) for loss in losses for end in (grid[0], grid[-1])]
            if not max(ends) < min(now) - 1:
                return None
            masses = [_mass(loss, grid) for loss in losses]
    except MissingNeed:
        raise
    except Exception:  # noqa: BLE001 - the user's loss may want whole batches, or targets of some range
        return None
    if None in masses:
        return None
    known = torch.tensor(masses, dtype=torch.float64)
    mean = float(known.mean())
    is_one = mean > 0 and float((known - mean).abs().max()) < _ALIKE * mean
    return Density(mean, max(ends), sum(now) / len(now)) if is_one else None


def _losses_of(program: Program, recorded: Recorded, number: int) -> Callable[[Tensor], Tensor]:
    """Return the loss of one sample as a function of its target, of outputs a little off those of the network."""
    size, targets = recorded.batch.size, recorded.batch.targets
    assert targets is not None
    generator = torch.Generator().manual_seed(program.seed + number)

    def own(tensor: Tensor) -> Tensor:
        part = tensor.detach()
        part = part[number : number + 1] if part.dim() and len(part) == size else part
        if not part.is_floating_point():
            return part
        return part + 0.3 * torch.randn(part.shape, generator=generator).to(part)

    outputs, like = map_tensors(own, recorded.outputs), targets.detach()[number : number + 1]

    def loss(target: Tensor) -> Tensor:
        made = call_loss(program.subject, outputs, torch.full_like(like, float(target)))
        return as_scalar(made, program.subject).double()

    return loss


def _mass(loss: Callable[[Tensor], Tensor], grid: Tensor) -> float | None:
    """Return what the exponential of a loss adds up to over a grid; None where there is more beyond it."""
    heights = torch.stack([loss(target).cpu().exp() for target in grid])
    mass = float(torch.trapezoid(heights, grid))
    beyond = float((heights[[0, -1]] * (grid[[0, -1]] - grid.mean()).abs()).sum())
    return mass if beyond < _LEFT * mass else None


def inverted(found: Density) -> CheckResult:
    """Tell of a loss that is a log density."""
    return failed(
        "minimising it makes the targets less likely",
        measured(
            "exponential of the loss, summed over all targets", found.mass, "no bound: it grows with the distance"
        ),
        measured("loss of targets far from all others", found.lowest, f"above {found.now:.4g}, that of the real ones"),
        title="The loss is a log-likelihood",
        detail="As a function of the target, its exponential has the same finite sum whatever the outputs are: that is "
        "a density, and the loss its logarithm. Small where targets are unlikely, it has to be maximised.",
        remedy="Multiply the loss by -1: minimise the negative log-likelihood.",
        where="loss_fn",
        code="- loss = loss_fn(outputs, targets)\n+ loss = -loss_fn(outputs, targets)",
        confirmed=True,
    )
