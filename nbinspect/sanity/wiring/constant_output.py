"""`constant-output`: do different samples get different outputs?"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from nbinspect.capture.kinds import word_of
from nbinspect.nested import tensors_in
from nbinspect.sanity.check import Arguments, Check, CheckResult, failed, measured, passed, skipped, warned
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.evidence.samples.rounded import rounded, where_rounded
from nbinspect.sanity.evidence.samples.sameness import along, differs, where_wiped
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Evaluated, Recorded, tensor_output


def run(program: Program, evaluated: Evaluated, recorded: Recorded, *, std: float = 0.1) -> CheckResult:
    """Fail where every sample of different inputs gets the same output in eval mode.

    Args:
        program: run on a copy whose parameters of nothing but zeros are drawn at random, to look again.
        evaluated: what the model gives in eval mode.
        recorded: the recorded pass, to find the operation after which samples are the same.
        std: deviation of what is drawn.
    """
    batch, axis = evaluated.batch, program.subject.batch_axis
    if batch.size < 2:
        return skipped("a batch of at least two samples")
    inputs = [along(tensor, batch.size, axis) for _, tensor in batch.inputs]
    if not any(tensor is not None and differs(tensor) for tensor in inputs):
        return skipped("samples with different inputs")
    outputs = _judged(evaluated.outputs, size=batch.size, axis=axis)
    if not outputs:
        return skipped("outputs with a row for each sample")
    judged = partial(_judged, size=batch.size, axis=axis)
    precise = rounded(program, recorded, outputs, judged) if any(differs(one) for one in outputs) else None
    if precise is None and any(differs(one) for one in outputs):
        return passed(f"{_distinct(outputs[0])} different outputs for {batch.size} samples")
    trained = _judged(recorded.outputs, batch.size, axis) if _has_fresh_statistics(program) else []
    if any(differs(one) for one in trained):
        return passed("outputs differ in train mode; BatchNorm has no statistics yet for eval mode")
    drawn, again = _randomised(program, evaluated, std)
    if any(differs(one) for one in again):
        return passed(f"the output starts at zero ({drawn[0]}); drawn at random, outputs differ")
    chosen = tensor_output(recorded.outputs)
    if chosen is None:
        wiped = None
    elif precise is None:
        wiped = where_wiped(recorded, chosen)
    else:
        wiped = where_rounded(recorded, precise.recorded, chosen)
    there = f" after {wiped.step.name}" if wiped is not None else ""
    # all samples may begin at the same entry of a codebook, and leave it as it learns
    picks = any(word_of(one.step.name) in _PICKS and not one.in_loss for one in recorded.operations)
    return (warned if picks else failed)(
        f"{batch.size} samples, one output",
        measured("different outputs", 1, f"{batch.size}, as there are different inputs"),
        title="Every sample gets the same output",
        detail=f"In eval mode samples of different inputs are alike{there}"
        + (", but for rounding." if precise is not None else "."),
        remedy="Look at what enters that step and what leaves it: a softmax of one unit, an input that is overwritten "
        "or multiplied by zero, units that are all dead or saturated.",
        where=where_of(wiped),
        place=wiped.step.place if wiped is not None else None,
    )


_PICKS = frozenset({"argmin", "argmax", "topk"})
"""Operations that choose an entry, as of a codebook."""


def _has_fresh_statistics(program: Program) -> bool:
    """Whether a BatchNorm has seen no batch: in eval mode, deep networks shrink to a constant then."""
    norms = (part for part in program.network.modules() if isinstance(part, nn.modules.batchnorm._NormBase))
    return any(one.num_batches_tracked is not None and not bool(one.num_batches_tracked) for one in norms)


def _judged(outputs: Any, size: int, axis: int) -> list[Tensor]:
    """Return the outputs that should differ: the logits where they are named so, else all floating ones a sample."""
    named = [tensor for name, tensor in tensors_in(outputs, "output") if "logits" in name]
    found = named or [tensor for _, tensor in tensors_in(outputs, "output")]
    rows = (along(tensor, size, axis) for tensor in found if tensor.is_floating_point() and not tensor.is_meta)
    return [tensor for tensor in rows if tensor is not None]


def _distinct(samples: Tensor) -> int:
    return len(torch.unique(samples.detach().flatten(1), dim=0)) if samples.dim() > 1 else len(torch.unique(samples))


def _randomised(program: Program, evaluated: Evaluated, std: float) -> tuple[list[str], list[Tensor]]:
    """Return which weights are all zero, and the outputs with these drawn at random, on a copy."""
    zero = [
        name
        for name, one in program.parameters.items()
        if not name.endswith("bias") and one.numel() and not one.is_meta and not bool(one.detach().any())
    ]
    if not zero:
        return [], []
    copy = program.copied()
    own = copy.parameters
    with copy.running(training=False):
        for name in zero:
            own[name].normal_(0, std)
        return zero, _judged(copy.outputs(evaluated.batch), evaluated.batch.size, program.subject.batch_axis)


def good() -> Arguments:
    """Return a linear model."""
    batch = (torch.randn(8, 4), torch.arange(8) % 3)
    return {"model": nn.Linear(4, 3), "loader": [batch], "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return one whose only unit passes through a softmax."""
    batch = (torch.randn(8, 4), torch.rand(8, 1))
    model = nn.Sequential(nn.Linear(4, 1), nn.Softmax(dim=1))
    return {"model": model, "loader": [batch], "loss_fn": nn.MSELoss()}


CHECK = Check(
    name="constant-output",
    stage="wiring",
    question="Do different samples get different outputs?",
    why="A network whose output does not depend on its input can learn the mean of the targets at best.",
    remedy="Follow the samples through the forward to the step after which they are all alike.",
    cost=1,
    run=run,
    good=good,
    bad=bad,
    explains=(
        *("unused-input", "final-bias", "overfit-one-batch", "input-independent-baseline", "shuffled-labels"),
        *("learning-rate", "update-ratio", "updates-not-applied"),
    ),
    sources=("K-input-independent",),
    silent="an output layer that starts at zero: it is drawn at random on a copy and looked at again",
)
