"""A loss of outputs and targets, judged by what it gives for perfect predictions, and by small steps down it."""

from __future__ import annotations

from math import isfinite, isinf

from nbinspect.records import CheckResult, TaskRecord
from nbinspect.sanity.check import MissingNeed, inconclusive, measured, of_unknown_task, passed, skipped
from nbinspect.sanity.evidence.losses.descent import descended
from nbinspect.sanity.evidence.losses.extreme import best_of, is_likeness, loss_of
from nbinspect.sanity.evidence.losses.likeness import of_repelled
from nbinspect.sanity.evidence.losses.location import located
from nbinspect.sanity.evidence.losses.partners import of_estranged
from nbinspect.sanity.evidence.losses.perfect import answers, supposed
from nbinspect.sanity.evidence.losses.turned_part import of_turned_part
from nbinspect.sanity.evidence.losses.wrong_way import wrong_way
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded


def judged_by_perfect(program: Program, backward: Recorded, task: TaskRecord, rates: tuple[float, ...]) -> CheckResult:
    """Fail where perfect predictions have the higher loss, and each small step down it makes predictions worse.

    Args:
        program: left unchanged; small steps are taken and undone.
        backward: the pass, with gradients.
        task: what makes predictions good.
        rates: lengths of the steps against the gradient, as shares of the length of all parameters.
    """
    if program.subject.loss_fn is None:
        return of_unknown_task(task) if task.kind == "other" else skipped("a loss_fn")
    if task.kind == "other":
        others = (tell(program, backward, rates) for tell in (of_repelled, of_estranged))
        if found := next(filter(None, others), None):
            return found
    found = _judged(program, backward, task, rates)
    is_numbers = found.status != "fail" and task.kind in ("other", "regression")
    return (of_turned_part(program, backward, rates) if is_numbers else None) or found


def _judged(program: Program, backward: Recorded, task: TaskRecord, rates: tuple[float, ...]) -> CheckResult:
    """Judge the outputs as a whole."""
    is_supposed, task = task.kind == "other", supposed(task, backward)
    if task.kind == "other":
        return of_unknown_task(task)
    if (known := answers(task, backward) or located(program, backward, task)) is None:
        return skipped("outputs that can be compared with the targets")
    try:
        now = loss_of(program, backward, backward.outputs)
        nearer, best = (best_of(program, backward, known, share) for share in (0.1, 1.0))
        best = best_of(program, backward, known, 0.9) if isinf(best) else best  # as a ratio of signal to noise
    except MissingNeed:
        raise
    except Exception as error:  # noqa: BLE001 - the user's loss may want the outputs of a run, with their graph
        return skipped(f"a loss that can be called on other outputs ({type(error).__name__})")
    if not isfinite(now) or not isfinite(best):
        return skipped("a finite loss")
    shown = [measured("loss of perfect predictions", best, f"below {now:.4g}, that of this network's")]
    if not best > now + 1e-3 * abs(now):
        return passed(f"perfect predictions have the loss {best:.4g}, these {now:.4g}", *shown)
    whole = backward.batch.targets
    if whole is not None and known.targets.numel() < whole.numel():
        return skipped("targets that are compared as a whole: others among them may weigh samples, as rewards do")
    is_sure = known.direct and not (is_supposed and known.kind == "values" and known.columns is None)
    if not is_sure and not (known.kind == "values" and is_likeness(program, backward, known)):
        return skipped("a loss that compares the outputs with the targets as they are")
    before = known.worth(backward.outputs)
    steps = [(rate, known.worth(outputs), loss) for rate, outputs, loss in descended(program, backward, rates)]
    worse = [name for name in before if all(loss < now and after[name] > before[name] for _, after, loss in steps)]
    name = next(iter(worse or before))
    for rate, after, _ in steps:
        shown.append(measured(f"{name}, after a step of {rate:g}", after[name], f"at most {before[name]:.4g}"))
    if not (worse and steps and nearer > now):
        settle = "Small steps did not show that predictions get worse; see what the loss gives for perfect ones."
        return inconclusive("perfect predictions have the higher loss", *shown, settle=settle)
    return wrong_way(shown)
