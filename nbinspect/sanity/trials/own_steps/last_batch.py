"""Whether the last batch of an epoch, where it is smaller than the others, goes through as they do."""

from __future__ import annotations

from torch.utils.data import DataLoader

from nbinspect.capture.naming import failing_line
from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch, batches_in, reading
from nbinspect.sanity.check import MissingNeed, StepRaised, measured, warned
from nbinspect.sanity.evidence.data.order import order_of
from nbinspect.sanity.evidence.data.scan import picked
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.trainee import trained


def of_last_batch(program: Program, size: int) -> CheckResult | None:
    """Warn where forward or loss raise on the last, smaller batch of an epoch, and a `train_step` given does too.

    No failure, for a loop may leave such a batch out. None where all batches are of one size, or none is known before
    it is read.

    Args:
        program: left unchanged; a step of the user's own is taken on a copy.
        size: samples of a batch with which the pass runs.
    """
    try:
        batch = last_batch(program)
        error = None if batch is None else raised_on(program, batch)
    except MissingNeed:
        return None
    if batch is None or error is None:
        return None
    text = f"{type(error).__name__}: {error}".rstrip(": ")
    alone = "" if batch.size == 1 else ", or take the size from the batch, as by x.shape[0]"
    return warned(
        text.splitlines()[0][:120],
        measured("samples in the last batch of an epoch", batch.size, f"{size}, or a pass that takes any number"),
        title="The last batch of an epoch raises",
        detail=f"With {size} samples the pass runs; the last batch of an epoch has {batch.size}, and raises {text}",
        remedy=f"Leave that batch out by DataLoader(drop_last=True){alone}. If your loop skips it, all is well.",
        where="train_step" if program.subject.train_step is not None else type(program.network).__name__,
        place=failing_line(error),
    )


def last_batch(program: Program) -> Batch | None:
    """Return the last batch of the loader's next epoch, read anew, where it alone is smaller; else None.

    Raises:
        MissingNeed: if it cannot be read.
    """
    loader = program.subject.loader
    order = order_of(loader)
    if order is None or not isinstance(loader, DataLoader):
        return None
    sizes = order.sizes[0]
    left = int(sizes[-1])
    if not 0 < left < sizes[0] or (sizes[:-1] != sizes[0]).any():
        return None
    with reading(program.subject, picked(loader, order.first[-left:], left), program.limits) as batches:
        return next(batches)


def is_left_out(program: Program) -> bool:
    """Return whether the steps of the run are epochs without their last batch, or too few to come to one."""
    total, epoch = program.subject.total_steps, batches_in(program.subject.loader)
    if not total or not epoch or epoch < 2:
        return False
    return total < epoch or (total % epoch > 0 and total % (epoch - 1) == 0)


def raised_on(program: Program, batch: Batch) -> BaseException | None:
    """Return what a plain pass raises, and the user's own step too where there is one; None where either runs."""
    try:
        with program.running():
            program.loss(program.outputs(batch), batch)
    except MissingNeed:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what the user will see
        if program.subject.train_step is None:
            return error
    else:
        return None
    try:
        with trained(program) as trainee:
            trainee.step(batch)
    except StepRaised as raised:
        return raised.__cause__ or raised
    return None
