"""`clipping-always-on`: does clipping cut nearly every gradient down, and is learning slower for it?"""

from __future__ import annotations

from statistics import median
from typing import Any

from torch import nn

from nbinspect.records import CheckResult
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import Arguments, Check, failed, measured, passed, warned
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.unclipped import clip_shares, compared_without, is_scale_free
from nbinspect.sanity.trials.running.comparison import chart_of, ends_at, fell
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.stepping import in_order, stepping
from nbinspect.sanity.trials.running.text import mentions_of, place_of

_CLIPS = ("clip_grad_norm_", "clip_grad_value_", "clip_grad_norm", "clip_gradients", "clamp_")


def run(
    program: Program,
    batch: Batch,
    observed: Observed,
    *,
    hard: float = 0.1,
    nearly_all: float = 0.8,
    even: float = 1e-3,
    better: float = 2.0,
    control_steps: int = 10,
) -> CheckResult:
    """Fail where clipping cuts nearly every gradient hard, and without it the loss falls several times as far.

    Args:
        program: left unchanged.
        batch: what is learnt with and without clipping.
        observed: steps on a copy.
        hard: share of its norm that is left of a gradient which is cut hard.
        nearly_all: share of the updates in which that happens.
        even: by how much the share that is left varies under clipping.
        better: how many times as far the loss has to fall without clipping.
        control_steps: of each run that is compared; there are at most four.
    """
    shares = clip_shares(observed)
    cut = sum(share < hard for share in shares)
    number = measured("updates in which less than a tenth is left of the gradient", f"{cut} of {len(shares)}", "few")
    is_scaling = bool(shares) and max(shares) < (1 + even) * min(shares)  # divided by a number, as accumulation does
    if not shares or is_scaling or cut < nearly_all * len(shares):
        return passed(f"{cut} of {len(shares)} gradients cut hard", number)
    left = measured("median share of the gradient that clipping leaves", median(shares), f"above {hard:g} mostly")
    as_it_is, best, rate = compared_without(program, batch, median(shares), control_steps)
    numbers = [number, left]
    if as_it_is and best:
        ends = {"as it is": ends_at(as_it_is), f"without clipping, at {rate:.2g} times the rate": ends_at(best)}
        numbers += [measured(f"loss after {control_steps} steps {how}", end, "lower") for how, end in ends.items()]
    helps = best is not None and as_it_is is not None and fell(best) > max(better * fell(as_it_is), 0.01 * best[0])
    if not helps:
        return passed(f"{cut} of {len(shares)} gradients cut hard, and learning is no better without", *numbers)
    step = program.subject.train_step
    lines = [mention for name in _CLIPS for mention in mentions_of(step, name)]
    return (warned if is_scale_free(observed) else failed)(
        f"clipping cuts {cut} of {len(shares)} gradients to less than a tenth",
        *numbers,
        title="Clipping is always on",
        detail=f"Clipping leaves {median(shares):.2g} of a gradient's norm in nearly every update, so that it sets the "
        f"length of each step; without it the loss falls faster.",
        remedy=f"Clip at about {_usual(observed):.1g}, where few gradients are cut, or not at all; then set the rate.",
        code=f"- {lines[0].line}" if lines else "",
        where="train_step",
        place=lines[0].place if lines else place_of(step),
        charts=chart_of("Loss of one batch", {"as it is": as_it_is, "without clipping": best}),
        confirmed=True,
    )


def _usual(observed: Observed) -> float:
    """Return twice the usual norm of the gradients that come."""
    return 2 * median(u.arrived / s.events.scale for s in observed.updating for u in s.events.updates)


def _clipped(model: nn.Module, batch: Any, optimizer: Any, loss_fn: Any) -> Any:
    optimizer.zero_grad()
    loss = loss_fn(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.001)
    optimizer.step()
    return loss


def good() -> Arguments:
    """Return a step without clipping."""
    return stepping(in_order)


def bad() -> Arguments:
    """Return one that clips far below what comes."""
    return stepping(_clipped)


CHECK = Check(
    name="clipping-always-on",
    stage="training",
    question="Is clipping the exception?",
    why="Clipping that cuts every gradient sets the length of each step, and hides a wrong rate or bad data.",
    remedy="Clip where few gradients are cut, and set the rate without clipping.",
    cost=40,
    run=run,
    good=good,
    bad=bad,
    explains=("overfit-one-batch", "update-ratio", "shuffled-labels", "input-independent-baseline"),
    sources=("D-clip",),
    silent="rare clipping; clipping under optimizers that divide by the gradients' size is a warning at most",
)
