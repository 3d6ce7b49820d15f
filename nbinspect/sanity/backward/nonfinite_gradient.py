"""`nonfinite-gradient`: does the backward pass make NaN or infinities of a finite loss?"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed
from nbinspect.sanity.evidence.numbers.nonfinite import backward_origin, is_finite
from nbinspect.sanity.evidence.passes.lineage import where_of
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def run(program: Program, backward: Recorded) -> CheckResult:
    """Look for gradients that are not finite, and run the pass once more to see which operation makes them."""
    if not is_finite(backward.loss):
        return inconclusive("the loss itself is not finite", settle="Mend `nonfinite-forward` first.")
    found = {name: gradient for name, gradient in backward.gradients.items() if gradient is not None}
    bad = [name for name, gradient in found.items() if not is_finite(gradient)]
    if not bad:
        return passed(f"none of {len(found)} gradients has NaN or Inf")
    operation, node = backward_origin(program, backward)
    name = where_of(operation) if operation is not None else node or bad[0]
    inputs = [
        measured(f"least magnitude of its {use.name} ({use.origin})", float(tensor.detach().abs().min()), "above 0")
        for use, tensor in zip(operation.step.inputs, operation.given, strict=True)
        if tensor.is_floating_point() and tensor.numel()
    ] if operation is not None else []  # fmt: skip
    return failed(
        f"the backward of {name} is not finite",
        measured("gradients that are not finite", f"{len(bad)} of {len(found)}", "0"),
        *inputs,
        title=f"The backward of {name} makes values that are not finite",
        detail=f"The loss is finite, but going back through {name} ({node or 'unknown'}) gives NaN or infinite values, "
        f"which reach {len(bad)} of {len(found)} gradients, {bad[0]} among them.",
        remedy="Keep its input away from where its slope is infinite: sqrt, norm and std at 0 need a small number "
        "added, and torch.where needs a safe input too: its other branch is differentiated as well.",
        where=name,
        place=operation.step.place if operation is not None else None,
    )


class _Root(nn.Module):
    """A linear layer whose outputs are turned into distances."""

    def __init__(self, added: float) -> None:
        super().__init__()
        self.head = nn.Linear(4, 1)
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        gap = self.head(x) - self.head(x)
        return torch.sqrt(gap.square() + self.added)


def good() -> Arguments:
    """Return a model that takes roots of numbers above zero."""
    return _roots(1e-6)


def bad() -> Arguments:
    """Return the same that takes the root of zero, whose slope is infinite."""
    return _roots(0.0)


def _roots(added: float) -> Arguments:
    return {"model": _Root(added), "loader": [(torch.randn(8, 4), torch.randn(8, 1))], "loss_fn": nn.MSELoss()}


CHECK = Check(
    name="nonfinite-gradient",
    stage="backward",
    question="Does the backward pass make NaN or infinities of a finite loss?",
    why="One NaN among the gradients makes the weights NaN at the next step, though the loss looked well.",
    remedy="Add a small number before sqrt, norm, std and division; give torch.where safe inputs in both branches.",
    cost=2,
    run=run,
    good=good,
    bad=bad,
    # infinities of the forward that `torch.where` leaves out spoil nothing but the way back
    explains=(
        *("nonfinite-forward", "gradient-check", "overfit-one-batch", "learning-rate", "update-ratio"),
        *("updates-not-applied",),
    ),
    sources=("T-numerics", "S-not-applied"),
    silent="everything else",
)
