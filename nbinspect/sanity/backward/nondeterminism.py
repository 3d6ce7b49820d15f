"""`nondeterminism`: does the same seed give the same loss?"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nbinspect.preserve import preserve
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.numbers.nonfinite import is_finite
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.trials.own_steps.unseeded import Unseeded, drawn_elsewhere, read_elsewhere


def run(program: Program, recorded: Recorded, *, rounding: float = 1e-4) -> CheckResult:
    """Run the same batch twice from the same seeds, and compare the losses; the outputs where there is no loss.

    The user's own `train_step` likewise, on copies, where passes alone agree, and a batch that is read twice.

    Args:
        program: left unchanged.
        recorded: the shared pass, of which only the batch is used.
        rounding: relative difference that sums in another order may make; of half precision, ten times its own.
    """
    held = list(_generators(program))
    one, other = (_once(program, recorded.batch, held) for _ in range(2))
    if one is None or other is None or one.shape != other.shape:
        return inconclusive("no loss and no output to compare", settle="A loss, or outputs of the same shape.")
    if not (is_finite(one) and is_finite(other)):
        return inconclusive("the loss is not finite", settle="Mend `nonfinite-forward` first.")
    scale = float(one.double().abs().max())
    gap = float((one.double() - other.double()).abs().max()) / scale if scale else float(other.abs().max())
    if not gap:
        found = drawn_elsewhere(program, recorded.batch, rounding / 100)  # for passes agreed to the last bit
        if found is not None:
            return _of_step(found)
        place = read_elsewhere(program, recorded.batch)
        told = "the same seed gives the same loss, to the last bit"
        return passed(told) if place is None else _of_data(place, is_seeded=program.is_seeded)
    allowed = max(rounding, 10 * torch.finfo(one.dtype).eps) if one.is_floating_point() else rounding
    say = failed if gap > allowed else warned
    values = [f"{float(value):.6g}" if value.numel() == 1 else "…" for value in (one, other)]
    return say(
        f"same seed, {values[0]} and {values[1]}",
        measured("relative difference of two passes from one seed", gap, f"0, by rounding at most {allowed:.1g}"),
        title="The same seed gives another loss",
        detail=f"The same batch, weights and seeds gave {values[0]} and then {values[1]}: "
        + ("sums were taken in another order." if gap <= allowed else "something draws from outside the seeds."),
        remedy="torch.use_deterministic_algorithms(True) names the operation; draw from torch's, NumPy's or Python's "
        "seeded generators only, and fill what torch.empty gives.",
        code="+ torch.use_deterministic_algorithms(True)",
    )


def _of_step(found: Unseeded) -> CheckResult:
    one, other = found.losses
    return failed(
        f"first steps from one seed: {one:.6g} and {other:.6g}",
        measured("loss of a second first step from the same seed", other, f"{one:.6g}, that of the first"),
        title="The same seed gives another training step",
        detail=f"The same batch, weights and seeds gave a loss of {one:.6g} and then of {other:.6g}: the step draws "
        "from outside the seeds, which no run can repeat.",
        remedy="Draw from torch's, NumPy's or Python's generators that the program seeds once, at its start.",
        where="train_step",
        place=found.place,
    )


def _of_data(place: Place, *, is_seeded: bool) -> CheckResult:
    wanted = "though the program sets a seed" if is_seeded else "and no seed of torch's is set either"
    return (failed if is_seeded else warned)(
        "the same seed gives other data",
        measured("batches read twice from the same seed, of the same samples", "differ", "the same"),
        title="The same seed gives other data",
        detail=f"The same samples came out otherwise when they were read again from the same seeds, {wanted}: their "
        "reading draws from outside the seeds, so that no run can be repeated.",
        remedy="Draw from torch's, NumPy's or Python's generators that the program seeds, or make a generator of the "
        "sample's own from a seed, as by np.random.default_rng((seed, index)).",
        where="loader",
        place=place,
    )


def _once(program: Program, batch: Batch, held: list[Any]) -> Tensor | None:
    with preserve(*held), program.running(gradients=True):  # a model may differentiate on its own
        outputs = program.outputs(batch)
        loss = program.loss(outputs, batch)
        found = loss if isinstance(loss, Tensor) else torch.tensor(loss) if isinstance(loss, float) else None
        value = tensor_output(outputs) if found is None else found
        return None if value is None or value.is_complex() else value.detach().clone()


def _generators(program: Program) -> Iterator[Any]:
    """Give the seeded generators that the user's files hold, which are to begin both passes in one state."""
    kinds = (torch.Generator, np.random.Generator, np.random.RandomState)
    homes = {type(module).__module__ for module in program.network.modules()}
    homes |= {getattr(part, "__module__", "") for part in (program.subject.loss_fn, program.subject.forward)}
    for home in homes:
        if home and not home.startswith("torch."):
            yield from (part for part in vars(sys.modules.get(home, object)).values() if isinstance(part, kinds))


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
