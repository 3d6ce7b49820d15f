"""`nondeterminism`: does the same seed give the same loss?"""

from __future__ import annotations

import sys

import numpy as np
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult, Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, MissingNeed, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.numbers.generators import module_generators
from nbinspect.sanity.evidence.numbers.nonfinite import is_finite
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, finished
from nbinspect.sanity.trials.own_steps.unrepeated import gap_of, of_data, of_held, of_memory, of_step, once
from nbinspect.sanity.trials.own_steps.unseeded import drawn_elsewhere, read_elsewhere, watching


def run(program: Program, attempt: Recorded, *, rounding: float = 1e-4) -> CheckResult:
    """Run the same batch twice from the same seeds, and compare the losses; the outputs where there is no loss.

    The user's own `train_step` likewise, on copies, where passes alone agree or cannot be had, and a batch that is read
    twice. Last, all of these with the generators begun otherwise that only the operating system has begun.

    Args:
        program: left unchanged.
        attempt: the shared pass, which tells of the batch, whether it ran, and of memory that it left unset.
        rounding: relative difference that sums in another order may make; of half precision, ten times its own.
    """
    batch, has_pass = attempt.batch, attempt.error is None
    if program.subject.train_step is None:
        finished(attempt, program.subject)
    found = (_of_passes(program, batch, rounding) or of_memory(program, attempt)) if has_pass else None
    if found is not None:
        return found
    try:
        step = drawn_elsewhere(program, batch, rounding / 100)  # for passes agreed to the last bit
    except MissingNeed:
        if not has_pass:
            raise
        step = None
    if step is not None:
        return of_step(step)
    place = read_elsewhere(program, batch)
    if place is not None:
        return of_data(place, is_seeded=program.is_seeded)
    told = "the same seed gives the same loss, to the last bit" if has_pass else "nothing draws from outside the seeds"
    return of_held(program, batch, rounding / 100, has_pass=has_pass) or passed(told)


def _of_passes(program: Program, batch: Batch, rounding: float) -> CheckResult | None:
    held, draws = list(module_generators(program)), list[Place]()
    one, other = (once(program, batch, held) for _ in range(2))
    if one is None or other is None or one.shape != other.shape:
        return inconclusive("no loss and no output to compare", settle="A loss, or outputs of the same shape.")
    if not (is_finite(one) and is_finite(other)):
        return inconclusive("the loss is not finite", settle="Mend `nonfinite-forward` first.")
    gap = gap_of(one, other)
    if not gap:
        return None
    allowed = max(rounding, 10 * torch.finfo(one.dtype).eps) if one.is_floating_point() else rounding
    if gap <= allowed and sys.getprofile() is None:
        with watching(draws):
            once(program, batch, held)
    is_sure = gap > allowed or bool(draws)
    values = [f"{float(value):.6g}" if value.numel() == 1 else "…" for value in (one, other)]
    return (failed if is_sure else warned)(
        f"same seed, {values[0]} and {values[1]}",
        measured("relative difference of two passes from one seed", gap, f"0, by rounding at most {allowed:.1g}"),
        title="The same seed gives another loss",
        detail=f"The same batch, weights and seeds gave {values[0]} and then {values[1]}: "
        + ("something draws from outside the seeds." if is_sure else "sums were taken in another order."),
        remedy="torch.use_deterministic_algorithms(True) names the operation; draw from torch's, NumPy's or Python's "
        "seeded generators only, and fill what torch.empty gives.",
        place=draws[0] if draws else None,
        code="+ torch.use_deterministic_algorithms(True)",
    )


class _Noisy(nn.Linear):
    """A linear layer with noise that is drawn from a generator of its own, seeded by the operating system or not."""

    def __init__(self, *, seeded: bool) -> None:
        super().__init__(4, 3)
        self.seeded = seeded

    def forward(self, x: Tensor) -> Tensor:
        noise = torch.randn_like(x) if self.seeded else torch.tensor(np.random.default_rng().normal(size=x.shape))
        return super().forward(x + noise.to(x.dtype))


def good() -> Arguments:
    """Return a model with noise from torch's generator."""
    return _noisy(seeded=True)


def bad() -> Arguments:
    """Return the same with noise from a generator that nobody seeds."""
    return _noisy(seeded=False)


def _noisy(*, seeded: bool) -> Arguments:
    batch = (torch.randn(8, 4), torch.arange(8) % 3)
    return {"model": _Noisy(seeded=seeded), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="nondeterminism",
    stage="backward",
    question="Does the same seed give the same loss?",
    why="Where it does not, no two runs can be compared, and a bug that shows once cannot be found again.",
    remedy="Draw from seeded generators only; torch.use_deterministic_algorithms(True).",
    cost=4,
    run=run,
    good=good,
    bad=bad,
    explains=("gradient-check",),
    sources=("K-seed",),
    silent="dropout and sampling, which the seed repeats; accelerators that sum in another order are a warning, and so "
    "are data drawn from outside the seeds where the program sets none",
)
