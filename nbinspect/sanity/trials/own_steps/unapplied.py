"""Why trainable parameters that gradients came for are what they were after several training steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.own_steps.recorded_evaluation import record_whole_step
from nbinspect.sanity.trials.running.cadence import cadence, is_misread
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.text import decides, frees_by_number, may_cut, mentions_of, picks, place_of
from nbinspect.sanity.trials.running.watch import Events, Update, norm_of

_SILENT = 4
"""Steps, in which an optimizer finds no gradient, after which none is expected any more."""
_CUTS = ("no_grad", "inference_mode", "detach", "item")
Reason = Literal[
    "no backward",
    "no step",
    "never its turn",
    "cleared",
    "no rate",
    "rounded",
    "not written",
    "put back",
    "cut off",
    "left out",
    "not listed",
    "shut off",
    "never reached",
]

SAID: dict[Reason, tuple[str, str, str, str]] = {
    "no backward": (
        "The step has no backward pass",
        "No gradient came for any parameter",
        "Call loss.backward() before optimizer.step().",
        "+ loss.backward()",
    ),
    "no step": (
        "The optimizer never steps",
        "Gradients came, and no optimizer ever used them",
        "Call optimizer.step() after loss.backward(); by hand, write in place: p.sub_(…), not p = p - ….",
        "+ optimizer.step()",
    ),
    "never its turn": (
        "One optimizer never steps",
        "Gradients came, and the other optimizers stepped, but not the one that holds these",
        "Step every optimizer that holds trainable parameters.",
        "+ {optimizer}.step()",
    ),
    "cleared": (
        "Gradients are cleared before the optimizer sees them",
        "Gradients came, but none was left when the optimizer stepped: zero_grad() stands between backward() and "
        "step(), or step() before backward()",
        "Order the calls as zero_grad(), backward(), step().",
        "+ optimizer.zero_grad()\n+ loss.backward()\n+ optimizer.step()",
    ),
    "no rate": (
        "A learning rate of 0",
        "The optimizer stepped with a learning rate of 0",
        "Give these parameters a learning rate above 0, or set requires_grad_(False).",
        "",
    ),
    "rounded": (
        "Updates are lost to rounding",
        "The optimizer stepped, but each update is smaller than half the distance between neighbouring numbers of "
        "this type",
        "Keep the parameters in float32, and use autocast for the arithmetic.",
        "",
    ),
    "not written": (
        "The optimizer writes nothing to the parameters",
        "The optimizer stepped, and even calls at a million times its rate leave every bit as it is, so that its step "
        "drops the new values, or writes them to copies",
        "Write in place, under torch.no_grad(): p.sub_(…), p.add_(…) or p.copy_(…), not p.sub(…) or p = p - ….",
        "+ p.add_(gradient, alpha=-lr)",
    ),
    "put back": (
        "Updates are undone within the step",
        "The optimizer changed them at each step, and at its end they were bit for bit what they had been",
        "Write saved weights back before optimizer.step(), not after it.",
        "",
    ),
    "cut off": (
        "The step cuts parameters off from the loss",
        "The network has a gradient for these on this batch, and in your step none ever came for them",
        "Call backward() on the loss itself, not on a copy of its value, and run forward outside no_grad().",
        "",
    ),
    "left out": (
        "Layers that no optimizer holds",
        "A group of an optimizer is empty, and no optimizer holds these, though gradients come for them, and they work "
        "on what trained ones give them",
        "Give them to the optimizer, or set requires_grad_(False) where a fixed part is meant.",
        "+ optimizer.add_param_group({{'params': …}})",
    ),
    "not listed": (
        "A part that no optimizer holds, and another listed twice",
        "An optimizer was given one part two times and no optimizer holds these, though gradients come for them",
        "Give the optimizer the parameters of each part once.",
        "",
    ),
    "shut off": (
        "No gradient comes any more",
        "Gradients came at first; the optimizer that holds these steps on, and since then none has come for any of "
        "them, as after a requires_grad_(False) that is never taken back",
        "Set requires_grad_(True) for them before their own backward pass.",
        "",
    ),
    "never reached": (
        "An optimizer for which no gradient comes",
        "The optimizer that holds these steps every time, and no gradient ever comes for any of them, as behind a "
        "detach()",
        "Let the loss of this optimizer reach them: no detach() or no_grad() on the way from them to it.",
        "",
    ),
}
"""Of each reason the headline, what is wrong, what to do, and the code."""


@dataclass(frozen=True)
class Unapplied:
    """Parameters that did not change, and why."""

    reason: Reason
    names: tuple[str, ...]
    optimizer: str = ""
    """Name of the optimizer that holds them."""
    is_certain: bool = True
    """False where the change may well come later, as under an ``if`` or a schedule."""


def unapplied(observed: Observed, step: Callable[..., Any] | None) -> list[Unapplied]:
    """Return which trainable parameters never changed though a gradient came for them, and why, by optimizer.

    Those that no gradient came for, and those that no optimizer holds, are left out, unless nothing is trained at all.

    Args:
        observed: steps on a copy.
        step: the user's own, for its text; None for standard steps.
    """
    trainable, changed = observed.trainable, observed.rewritten
    if not any(one.events.passes for one in observed.steps):
        if changed or not trainable or any(not one.is_conditional for one in mentions_of(step, "backward")):
            return []
        certain = place_of(step) is not None and not mentions_of(step, "backward")
        return [Unapplied("no backward", tuple(sorted(trainable)), is_certain=certain)]
    updates = [update for one in observed.steps for update in one.events.updates]
    scaled = any(one.events.scale != 1 for one in observed.steps)
    calls = mentions_of(step, "step")
    by_hand = not observed.held and not calls and decides(step)
    is_elsewhere = scaled and (bool(calls) or not mentions_of(step, "scale"))  # as in an object that scales and steps
    waits = is_elsewhere or by_hand or place_of(step) is None or any(one.is_conditional for one in calls)
    still = (_arrived(observed) & trainable) - changed - _nil(updates)
    if still and not updates and not changed:
        every = cadence(step, of_schedule=False)
        is_overdue = every is not None and 2 * every <= len(observed.steps)
        is_certain = not waits or ((is_overdue or is_misread(step)) and not scaled)
        return [Unapplied("no step", tuple(sorted(still)), is_certain=is_certain)]
    found: list[Unapplied] = []
    for role, held in observed.held.items():
        groups: dict[Reason, list[str]] = {}
        for name in sorted(still & held):
            groups.setdefault(_reason(name, updates), []).append(name)
        for reason, names in groups.items():
            doubtful = {
                "never its turn": waits or picks(step),
                "no rate": bool(observed.scheduled),
                "put back": place_of(step) is None or decides(step),
            }
            found.append(Unapplied(reason, tuple(names), role, not doubtful.get(reason, False)))
    return found


def shut_off(observed: Observed, step: Callable[..., Any] | None) -> Unapplied | None:
    """Return the parameters of an optimizer that steps on, for none of which a gradient comes, or does any more.

    None where the step may do other things at another call.
    """
    if step is None or len(observed.steps) <= _SILENT or decides(step) or frees_by_number(step):
        return None
    events = [one.events for one in observed.steps]
    for role, held in observed.held.items():
        own = frozenset(held & observed.trainable)
        if own & observed.arrived and all(_goes_without(one, own) for one in events[-_SILENT:]):
            return Unapplied("shut off", tuple(sorted(own)), role)
        idle = observed.arrived - held and not own & observed.rewritten and not may_cut(step)
        if idle and all(_goes_without(one, own) for one in events):
            return Unapplied("never reached", tuple(sorted(own)), role)
    return None


def is_at_work(program: Program, batch: Batch, names: Collection[str]) -> bool:
    """Whether some of these parameters are used in the user's step on a batch: not the head of another task."""
    recorded = record_whole_step(program, batch)
    return recorded is not None and any(
        use.origin in names for one in recorded.operations for use in one.step.inputs if use.step is None
    )


def cut_off(program: Program, batch: Batch, observed: Observed) -> Unapplied | None:
    """Return the parameters that the user's steps update and never send a gradient, though the loss of a batch has one.

    Of some of them it is certain only where the step says so: by `no_grad` or the like, under no condition.

    Args:
        program: run once, with gradients; left unchanged.
        batch: what its gradients are taken on.
        observed: steps on a copy.
    """
    step = program.subject.train_step
    updated = {name for one in observed.steps for update in one.events.updates for name in update.sizes}
    came = {name for one in observed.steps for name in one.events.arrived}
    missed = (observed.trainable & updated & program.parameters.keys()) - came - observed.rewritten
    if step is None or not missed:
        return None
    wanted = {name: program.parameters[name] for name in sorted(missed)}
    try:
        with program.running(gradients=True):
            loss = program.scalar_loss(program.outputs(batch), batch)
            gradients = program.gradients(loss, list(wanted.values()), batch)
    except Exception:  # noqa: BLE001 - without a loss of its own the program has nothing to compare with
        return None
    found = tuple(name for name, one in zip(wanted, gradients, strict=True) if norm_of(one) > 0)
    if not found:
        return None
    said = [mention for word in _CUTS for mention in mentions_of(step, word)]
    is_certain = not came or (bool(said) and not any(one.is_conditional for one in said))
    return Unapplied("cut off", found, _holder(observed, found[0]), is_certain)


def _goes_without(events: Events, names: frozenset[str]) -> bool:
    """Whether a step lets the optimizer of these parameters step, and no gradient comes for any, not even one of 0.

    Those without `requires_grad` when it begins may have one all the same, which the optimizer finds.
    """
    own = [update for update in events.updates if names & update.sizes.keys()]
    found = any(update.found.get(name, 0.0) > 0 or name in update.rewritten for update in own for name in names)
    return bool(own) and not found and not names & events.arrived.keys()


def _holder(observed: Observed, name: str) -> str:
    return next((role for role, held in observed.held.items() if name in held), "")


def _arrived(observed: Observed) -> frozenset[str]:
    """Return for which parameters a gradient came in time for the last update; for which at all where there is none."""
    last = max((at for at, one in enumerate(observed.steps) if one.events.updates), default=len(observed.steps) - 1)
    events = [one.events for one in observed.steps[: last + 1]]
    return frozenset(name for one in events for name, norm in one.arrived.items() if norm > 0)


def _nil(updates: list[Update]) -> frozenset[str]:
    """Return what got 0 in each pass before its own optimizer stepped, as what cancels between two means does."""
    told: dict[str, bool] = {}
    for update in updates:
        for name in update.sizes:
            told[name] = told.get(name, True) and name in update.nil
    return frozenset(name for name, is_nil in told.items() if is_nil)


def _reason(name: str, updates: list[Update]) -> Reason:
    own = [update for update in updates if name in update.sizes]
    if not own:
        return "never its turn"
    if all(update.found.get(name, 0.0) == 0 for update in own):
        return "cleared"
    if all(name in update.rewritten for update in own):
        return "put back"
    rates = [rate for one in own for rate, held in zip(one.rates, one.groups, strict=True) if name in held]
    return "rounded" if any(rates) else "no rate"
