"""Losses of several terms, one of which is lower the less one column of the outputs is like that of the targets."""

from __future__ import annotations

from math import isfinite

from nbinspect.sanity.check import CheckResult, MissingNeed, failed, measured
from nbinspect.sanity.evidence.losses.descent import descended
from nbinspect.sanity.evidence.losses.extreme import best_of, is_likeness
from nbinspect.sanity.evidence.losses.perfect import Answers
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, tensor_output

_MOST = 4
"""Columns that stand beside each other as predictions of several kinds."""


def of_turned_part(program: Program, backward: Recorded, rates: tuple[float, ...]) -> CheckResult | None:
    """Tell of a column whose likeness to its targets is minimised, as an overlap is that is added without its minus.

    Whatever the task: no other values of the column have a higher loss than its targets, and steps down the loss drive
    it away from them. None of other losses, and where a step of the user's own may turn the sign.

    Args:
        program: left unchanged; small steps are taken on a copy.
        backward: the recorded pass with its gradients.
        rates: lengths of the steps, as `descended` takes them.
    """
    for known in _columns(program, backward):
        try:
            if not is_likeness(program, backward, known):
                continue
            nearer, best = (best_of(program, backward, known, share) for share in (0.1, 1.0))
        except MissingNeed:
            raise
        except Exception:  # noqa: BLE001 - the user's loss may want the outputs of a run
            return None
        now, column = float(backward.loss.detach()), known.columns.start if known.columns is not None else 0
        name, before = next(iter(known.worth(backward.outputs).items()))
        steps = [(known.worth(outputs)[name], loss) for _, outputs, loss in descended(program, backward, rates)]
        is_worse = steps and all(loss < now and after > before for after, loss in steps)
        if is_worse and isfinite(best) and best > now < nearer:
            return _told(column, (now, best), (before, min(after for after, _ in steps)))
    return None


def _columns(program: Program, backward: Recorded) -> list[Answers]:
    """Return each of a few columns of the outputs as predictions of those of the targets; none of other outputs."""
    outputs, targets = tensor_output(backward.outputs), backward.batch.targets
    if program.subject.train_step is not None or outputs is None or targets is None or outputs.dim() < 2:
        return []
    if outputs.shape != targets.shape or not 1 < outputs.shape[1] <= _MOST:
        return []
    if not (outputs.is_floating_point() and targets.is_floating_point() and bool(targets.isfinite().all())):
        return []
    parts = (slice(at, at + 1) for at in range(outputs.shape[1]))
    own, wanted = outputs.detach(), targets.detach()
    return [Answers("values", "values", backward.outputs, own, wanted[:, one], False, columns=one) for one in parts]


def _told(column: int, losses: tuple[float, float], errors: tuple[float, float]) -> CheckResult:
    now, best = losses
    return failed(
        f"minimising it drives column {column} of the outputs away from its targets",
        measured(f"loss with column {column} as it should be", best, f"below {now:.4g}, that of this network's"),
        measured(f"squared error of column {column}, after a step", errors[1], f"at most {errors[0]:.4g}"),
        title="A term of the loss points the wrong way",
        detail=f"With column {column} of the outputs exactly its targets the loss is higher than with anything else "
        "there, and each small step down drives it further away: what measures their likeness is added as it is.",
        remedy="Subtract the overlap or likeness, or add 1 minus it.",
        where="loss_fn",
    )
