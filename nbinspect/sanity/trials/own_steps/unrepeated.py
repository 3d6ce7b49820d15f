"""What does not repeat from the same seeds: a step, data, memory left unset, generators without a seed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import torch
from torch import Tensor

from nbinspect.preserve import preserve
from nbinspect.records import CheckResult, Place
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, failed, measured, warned
from nbinspect.sanity.evidence.numbers.generators import begun_by_system, begun_otherwise, module_generators
from nbinspect.sanity.evidence.numbers.unfilled import unfilled
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output
from nbinspect.sanity.trials.own_steps.unseeded import Unseeded, reads_by, turned_by

_RUNS = 3


def of_step(found: Unseeded) -> CheckResult:
    """Tell of a training step that draws from outside the seeds."""
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


def of_data(place: Place, *, is_seeded: bool) -> CheckResult:
    """Tell of data that are drawn from outside the seeds; a warning where the program sets none."""
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


def of_memory(program: Program, attempt: Recorded) -> CheckResult | None:
    """Tell of memory that is read before it is written; None where the pass reads none."""
    made = unfilled(program, attempt)
    return None if made is None else failed(
        f"{where_of(made)} is read before it is filled",
        measured("outputs or loss, with two values in memory left unset", "differ", "the same"),
        title="Values that nobody has set reach the loss",
        detail=f"{where_of(made)} gives memory as it was left, and part of it is read though it was never written: "
        "with other values there the outputs or the loss are others, so that they depend on what ran before.",
        remedy="Begin with torch.zeros, or write to all of it.",
        where=where_of(made),
        place=made.step.place,
    )  # fmt: skip


def of_held(program: Program, batch: Batch, rounding: float, *, has_pass: bool) -> CheckResult | None:
    """Tell of generators that were made without a seed and are drawn from; a warning where the program sets no seed."""
    generators = begun_by_system(program)
    if not generators:
        return None
    what = "loss" if has_pass and _turns(program, batch, generators, rounding) else ""
    with suppress(MissingNeed):
        what = what or ("training step" if turned_by(program, batch, generators, rounding) else "")
    what = what or ("data" if reads_by(program, generators) else "")
    name = next(iter(generators))
    return None if not what else (failed if program.is_seeded else warned)(
        f"{name} was made without a seed",
        measured("generators that the operating system began", len(generators), "0"),
        title=f"Each run gives another {what}: {name} has no seed",
        detail=f"The {what} is another one when {', '.join(generators)} begins otherwise, and only the operating "
        "system's randomness has begun it: no run can be repeated, whatever seeds are set.",
        remedy="Give it a seed of the program's: np.random.default_rng(seed).",
        where=name,
    )  # fmt: skip


def _turns(program: Program, batch: Batch, generators: dict[str, Any], rounding: float) -> bool:
    held = list(module_generators(program))
    one = once(program, batch, held)
    for run in range(_RUNS):  # a draw that decides between two ways may fall on the same side again
        with begun_otherwise(generators, run):
            other = once(program, batch, held)
        if one is not None and other is not None and one.shape == other.shape and gap_of(one, other) > rounding:
            return True
    return False


def gap_of(one: Tensor, other: Tensor) -> float:
    """Return the largest difference, of the size of what is compared."""
    scale = float(one.double().abs().max())
    return float((one.double() - other.double()).abs().max()) / scale if scale else float(other.abs().max())


def once(program: Program, batch: Batch, held: list[Any]) -> Tensor | None:
    """Return the loss of a pass from the seeds, else its outputs, with these generators left as they are."""
    with preserve(*held), program.running(gradients=True):  # a model may differentiate on its own
        outputs = program.outputs(batch)
        loss = program.loss(outputs, batch)
        found = loss if isinstance(loss, Tensor) else torch.tensor(loss) if isinstance(loss, float) else None
        value = tensor_output(outputs) if found is None else found
        return None if value is None or value.is_complex() else value.detach().clone()
