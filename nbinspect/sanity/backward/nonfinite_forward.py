"""`nonfinite-forward`: does the forward pass make NaN or infinities that reach the output, the loss or a gradient?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.nested import tensors_in
from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, warned
from nbinspect.sanity.evidence.numbers.nonfinite import (
    Origin,
    amiss,
    backward_origin,
    has_nan,
    is_finite,
    origin_of,
    range_of,
)
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Operation, Recorded


def run(program: Program, recordings: tuple[Recorded, ...]) -> CheckResult:
    """Follow values that are not finite back from loss, outputs and gradients to the operation that made them."""
    for recorded in recordings:
        bad = [one for one in recorded.operations if one.step.kind == "operation" and any(map(amiss, one.step.outputs))]
        found = _judged(program, recorded, bad) if bad else None
        if found is not None:
            return found
    return passed(f"all finite that reaches the loss; batches looked at: {len(recordings)}")


def _judged(program: Program, recorded: Recorded, bad: list[Operation]) -> CheckResult | None:
    """Return what values that are not finite do to a pass; None where they do nothing, as under a mask."""
    if recorded.loss is not None and not is_finite(recorded.loss):
        last = _maker_of(recorded, recorded.loss, bad)
        return _told(recorded, origin_of(recorded, last), "the loss", grave=True)
    if not is_finite(list(recorded.gradients.values())):
        operation, _ = backward_origin(program, recorded)
        if operation is not None:
            guilty = next((one for one in _around(recorded, operation) if one in bad), None)
            if guilty is not None:
                return _told(recorded, origin_of(recorded, guilty), "the gradient", grave=True)
    if not is_finite(recorded.outputs):
        origin = origin_of(recorded, _maker_of(recorded, recorded.outputs, bad))
        nan = has_nan(recorded.outputs)
        if nan or not origin.laid:
            return _told(recorded, origin, "the outputs", grave=nan and recorded.loss is None)
    return None


def _maker_of(recorded: Recorded, value: object, bad: list[Operation]) -> Operation:
    """Return the operation that made a value that is not finite: the last such, where it is not known."""
    makers = (recorded.maker(tensor) for _, tensor in tensors_in(value, ""))
    return next((maker for maker in makers if maker in bad and maker is not None), bad[-1])


def _around(recorded: Recorded, operation: Operation) -> list[Operation]:
    given = {use.step for use in operation.step.inputs if use.step is not None}
    return [operation, *(recorded.by_index[index] for index in given if index in recorded.by_index)]


def _told(recorded: Recorded, origin: Origin, reached: str, *, grave: bool) -> CheckResult:
    say, operation = failed if grave else warned, origin.operation
    if operation is None:
        name = origin.use.origin if origin.use is not None else "a tensor"
        if name.startswith("batch"):
            return inconclusive(f"{name} is not finite itself", settle=f"Mend {name} first: it reaches {reached}.")
        return say(
            f"{name} is not finite",
            measured(f"values of {name}", "NaN or infinite", "finite"),
            title=f"{name} holds values that are not finite",
            detail=f"{name} is NaN or infinite before the pass, and that reaches {reached}.",
            remedy=f"Initialise {name} anew, or go back to a checkpoint from before it broke.",
            where=name,
        )
    name = where_of(operation)
    count = sum(map(amiss, operation.step.outputs))
    given = [(use, range_of(recorded, operation, number)) for number, use in enumerate(operation.step.inputs)]
    return say(
        f"{name} makes {count:,} NaN or infinite values",
        measured(f"values of {name} that are not finite", f"{count:,}", "0"),
        *(measured(f"range of its {use.name} ({use.origin})", text, "finite") for use, text in given if text),
        title=f"{name} makes values that are not finite",
        detail=f"It is the first to make {count:,} NaN or infinite values of finite ones, and they reach {reached}.",
        remedy="Keep what it is given away from there: add a small number before log, sqrt and division, clamp "
        "before exp, leave no row wholly masked.",
        where=name,
        place=operation.step.place,
    )


def good() -> Arguments:
    """Return a model that takes logarithms of counts above zero."""
    return _logarithms(1e-3)


def bad() -> Arguments:
    """Return the same where zero counts come through."""
    return _logarithms(0.0)


def _logarithms(least: float) -> Arguments:
    def forward(model: nn.Module, batch: tuple[Tensor, Tensor]) -> Tensor:
        logits: Tensor = model(torch.log(batch[0].clamp_min(least)))
        return logits

    batch = (torch.arange(32.0).reshape(8, 4), torch.randn(8, 1))
    return {"model": nn.Linear(4, 1), "loader": [batch], "loss_fn": nn.MSELoss(), "forward": forward}


CHECK = Check(
    name="nonfinite-forward",
    stage="backward",
    question="Does the forward pass make NaN or infinities that reach the loss?",
    why="One NaN in the loss makes every weight NaN at the next step.",
    remedy="Add a small number before log, sqrt and division, clamp before exp, leave no row wholly masked.",
    cost=2,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("nondeterminism", "gradient-check", "overfit-one-batch", "learning-rate", "update-ratio"),
        *("updates-not-applied",),
    ),
    sources=("T-numerics",),
    silent="infinities of masks that softmax or a later mask takes away",
)
