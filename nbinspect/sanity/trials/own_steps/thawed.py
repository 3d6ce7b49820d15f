"""Frozen parameters that a training step changes, and who changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import Embedding, EmbeddingBag
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.observed import Observed
from nbinspect.sanity.trials.running.trainee import trained
from nbinspect.sanity.trials.running.watch import is_same

_ROUNDINGS = 64
"""Roundings of a weight's largest entry, above which it changed by more than an addition that was taken back."""
_SAME = 0.01
"""Share of what is taken away by which one factor may be another, for rounding."""


def rewritten_by_optimizer(observed: Observed) -> list[str]:
    """Return the parameters that an optimizer changed while they had no `requires_grad`."""
    updates = [update for one in observed.steps for update in one.events.updates]
    return sorted(frozenset().union(*(update.frozen for update in updates)))


def rewritten_by_step(observed: Observed) -> list[str]:
    """Return the parameters frozen from the start that changed though no optimizer touched them.

    Moving averages of trainable ones are left out, and those that an optimizer changes in another step.
    """
    updates = [update for one in observed.steps for update in one.events.updates]
    touched = frozenset().union(*(update.rewritten for update in updates))
    return sorted((observed.rewritten & observed.frozen) - touched - _averages(observed) - observed.arrived)


def _averages(observed: Observed) -> frozenset[str]:
    """Return the parameters that moved towards a trainable one in most of the steps in which they moved."""
    moved = Counter(name for one in observed.steps for name in one.rewritten)
    followed = Counter(name for one in observed.steps for name in one.following)
    return frozenset(name for name, count in followed.items() if 2 * count >= moved[name])


def writes_to_trained(observed: Observed, names: Sequence[str]) -> bool:
    """Return whether a step writes to trainable parameters too, beside its optimizers, as a loop over all does.

    Before their update such a write counts where it multiplies them by the same number as the frozen ones, as decay
    does; after it any.

    Args:
        observed: steps on a copy.
        names: of the frozen parameters that changed.
    """
    for one in observed.steps:
        scaled = one.events.scaled
        trained = [factor for name, factor in scaled.items() if name in observed.trainable]
        for own in (scaled[name] for name in names if name in scaled):
            if any(abs(factor - own) <= _SAME * abs(1 - own) for factor in trained):
                return True
        touched = frozenset().union(*(update.rewritten for update in one.events.updates))
        if ((one.rewritten - touched) | one.events.rewritten_after) & observed.trainable:
            return True
    return False


def shortened_when_read(program: Program, names: Sequence[str]) -> list[str]:
    """Return which of these parameters are tables whose rows `max_norm` shortens in place when they are looked up."""
    parts = program.network.modules()
    tables = {id(one.weight) for one in parts if isinstance(one, Embedding | EmbeddingBag) and one.max_norm is not None}
    return [name for name in names if id(program.parameters.get(name)) in tables]


def learning_norms(program: Program, observed: Observed) -> tuple[list[str], list[str]]:
    """Return the frozen BatchNorm layers whose statistics changed, by path, and those among them meant to be still.

    Meant to be still are those in eval mode within a model in train mode. Those of a moving average are left out.
    """
    written = frozenset().union(*(one.buffers for one in observed.steps))
    averages = _averages(observed)
    norms = [(path, part) for path, part in program.network.named_modules() if isinstance(part, _BatchNorm)]
    found = {
        path: norm
        for path, norm in norms
        if norm.affine and not any(parameter.requires_grad for parameter in norm.parameters())
        if f"{path}.running_mean" in written and f"{path}.weight" not in averages
    }
    stilled = [path for path, norm in found.items() if program.network.training and not norm.training]
    return list(found), stilled


def changes_without(program: Program, batch: Batch, names: Sequence[str], *, steps: int = 2) -> list[str] | None:
    """Return which of these parameters still change on a copy that has no gradients of them; None if it cannot run."""

    def cleared(copy: Program) -> None:
        for name in names:
            if name in copy.parameters:
                copy.parameters[name].grad = None

    try:
        with trained(program, changed=cleared) as trainee:
            taken = [trainee.step(batch, observed=True) for _ in range(steps)]
    except MissingNeed:
        return None
    return sorted(frozenset(names) & frozenset().union(*(one.rewritten for one in taken)))


def moved_by_modes(program: Program, batch: Batch, names: Sequence[str]) -> list[str]:
    """Return which of these parameters each switch to eval mode and back moves, and not by rounding, on a copy.

    What is written anew from others, as a fused kernel, is the same after the second switch.

    Args:
        program: left unchanged.
        batch: of two steps before, for an adapter begins at zero.
        names: of the frozen parameters that changed.
    """
    moved = set(names)
    try:
        with trained(program) as trainee:
            for _ in range(2):
                trainee.step(batch)
            own = {name: trainee.parameters[name] for name in names}
            for _ in range(2):
                before = {name: parameter.detach().clone() for name, parameter in own.items()}
                with trainee.quiet():
                    trainee.program.network.eval()
                    trainee.program.network.train()
                moved &= {name for name, was in before.items() if _is_other(own[name].detach(), was)}
    except Exception:  # noqa: BLE001 - no evidence from what does not run
        return []
    return sorted(moved)


def clamped_with_trained(program: Program, batch: Batch, names: Sequence[str]) -> bool:
    """Return whether a step clamps these parameters, and trained ones at the same bounds when they are larger.

    Args:
        program: left unchanged.
        batch: of the steps, on copies.
        names: of the frozen parameters that changed.
    """
    try:
        with trained(program) as trainee:
            own = {name: trainee.parameters[name] for name in names}
            before = {name: parameter.detach().clone() for name, parameter in own.items()}
            trainee.step(batch)
            found = [_bounds(own[name].detach(), was) for name, was in before.items() if not is_same(own[name], was)]
        bounds = {bound for one in found for bound in one or ()}
        if not bounds or None in found or len(bounds) > 2:
            return False
        with trained(program) as trainee:
            others = [one for one in trainee.parameters.values() if one.requires_grad and bool(one.detach().any())]
            for one in others:
                one.data.mul_(4 * max(map(abs, bounds)) / float(one.detach().abs().max()) or 1.0)
            counts = [_at(one, bounds) for one in others]
            trainee.step(batch)
            return any(_at(one, bounds) > count + 1 for one, count in zip(others, counts, strict=True))
    except (MissingNeed, RuntimeError):
        return False


def _is_other(now: Tensor, was: Tensor) -> bool:
    if not was.is_floating_point() or not was.numel():
        return False
    rounding = torch.finfo(was.dtype).eps * float(was.abs().max())
    return float((now - was).abs().max()) > _ROUNDINGS * rounding


def _bounds(now: Tensor, was: Tensor) -> set[float] | None:
    """Return at which numbers a tensor was cut, if that is all that happened to it, more than once; else None."""
    low, high = float(now.min()), float(now.max())
    cut = {low} if bool((now > was).any()) else set()
    cut |= {high} if bool((now < was).any()) else set()
    is_all = is_same(now, was.clamp(low if low in cut else None, high if high in cut else None))
    return cut if is_all and _at(now, cut) > _at(was, cut) + 1 else None


def _at(tensor: Tensor, numbers: Iterable[float]) -> int:
    """Return how many entries are one of these numbers."""
    return sum(int((tensor.detach() == number).sum()) for number in numbers)
