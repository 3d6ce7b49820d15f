"""Frozen parameters that a training step changes, and who changes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from torch.nn import Embedding, EmbeddingBag
from torch.nn.modules.batchnorm import _BatchNorm

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.observed import Observed
from nbinspect.sanity.trials.trainee import trained

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
