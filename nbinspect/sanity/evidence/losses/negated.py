"""Losses that are one of PyTorch's losses, or a logarithm of shares, times a negative number: read off the graph."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from nbinspect.capture.kinds import word_of
from nbinspect.capture.operation_mode import LEAVES_THE_GRAPH
from nbinspect.records import CheckResult
from nbinspect.sanity.check import failed, measured, warned
from nbinspect.sanity.evidence.passes.lineage import hands_on, source_of, where_of
from nbinspect.sanity.recorded import Operation, Recorded

_LOSSES = (
    *("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss"),
    *("smooth_l1_loss", "huber_loss", "triplet_margin_loss", "ctc_loss", "multi_margin_loss", "margin_ranking_loss"),
)
_SCALES = ("mul", "multiply", "rmul", "div", "true_divide", "divide")
_LINEAR = ("neg", "negative", "mean", "sum", *_SCALES)
_CHOOSES = ("gather", "getitem", "diagonal", "diag", "take_along_dim", "select")


@dataclass(frozen=True, eq=False)
class Negated:
    """What a loss is a multiple of, with the wrong sign."""

    maker: Operation
    what: str
    value: float
    is_plain: bool
    """Whether nothing but a sign and means make it so, and no factor that may be a reward."""


def negated(recorded: Recorded) -> Negated | None:
    """Return what a loss is made of by nothing but signs, factors and means; None where its sign is right or unknown.

    Weights of each sample, as of a policy gradient, and further terms, as of a bound or an adversary, are unknown: only
    what has a single tensor on the way is judged, where no number is read out of the batch. A loss of PyTorch's is
    never below 0, a logarithm of shares never above.
    """
    loss = recorded.loss
    if not isinstance(loss, Tensor) or loss.numel() != 1 or _reads_batch(recorded):
        return None
    value, one, chosen, is_plain = float(loss.detach()), recorded.maker(loss), False, True
    while one is not None and one.step.kind == "operation":
        word = word_of(one.step.name)
        if word in _LOSSES:
            own = float(one.made[0].detach().double().mean()) if one.made else 0.0
            return Negated(one, one.step.name, value, is_plain) if value < 0 < own else None
        if word == "log_softmax":
            return Negated(one, "the logarithm of a share", value, is_plain) if chosen and value < 0 else None
        chosen |= word in _CHOOSES
        given = [at for at, tensor in enumerate(one.given) if tensor.is_floating_point() or word in _SCALES]
        if len(given) != 1 or not one.made or not (word in _LINEAR or word in _CHOOSES or hands_on(one)):
            return None
        if word in _SCALES:
            is_plain &= bool((one.made[0].detach().abs() == one.given[0].detach().abs()).all())
        step = one.step.inputs[given[0]].step
        one = recorded.by_index.get(step) if step is not None else None
    return None


def _reads_batch(recorded: Recorded) -> bool:
    """Whether a number that the batch holds is read out of it, which may go on as a factor."""
    for one in recorded.operations:
        if one.step.name in LEAVES_THE_GRAPH and one.given and source_of(recorded, one, 0).from_batch:
            return True
    return False


def of_negated(found: Negated) -> CheckResult:
    """Tell of it; where a factor may be a reward, with a warning."""
    return (failed if found.is_plain else warned)(
        f"the loss is {found.what}, with the wrong sign",
        measured("loss", found.value, "above 0"),
        title="The loss points the wrong way",
        detail=f"What backward() starts from is {found.what} times a number, and nothing else; its sign is such that "
        "each step down makes the targets less likely, or their distance larger.",
        remedy="Multiply the loss by -1.",
        where=where_of(found.maker),
        place=found.maker.step.place,
        confirmed=True,
    )
