"""The user's own training step, taken a few times on fresh batches and observed: shared by all checks that judge it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch.optim.lr_scheduler import ReduceLROnPlateau

from nbinspect.sanity.batches import Batch
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.running.maximising import Maximising, maximising_of
from nbinspect.sanity.trials.running.schedule import taken_by
from nbinspect.sanity.trials.running.trainee import Step, trained

_UPDATES = 6
_STEPS = 24


@dataclass(frozen=True, eq=False)
class Observed:
    """A few steps on successive batches, each observed."""

    steps: tuple[Step, ...]
    is_own: bool
    """Whether they are those of the user's own `train_step`; else they are standard ones with their optimizer."""
    trainable: frozenset[str]
    """Names of the parameters with `requires_grad`, at the start."""
    frozen: frozenset[str]
    """Names of the others."""
    held: dict[str, frozenset[str]]
    """By the name of each optimizer, the names of its parameters; ``optimizer[3]`` is none of the model's."""
    scheduled: dict[str, int]
    """By the name of each scheduler, how often these steps stepped it."""
    awaiting: dict[str, tuple[str, float]] = field(default_factory=dict)
    """By the name of each scheduler that waits for a metric, ``min`` or ``max``, and the best that it was given."""
    maximising: Maximising = frozenset()

    @cached_property
    def updating(self) -> tuple[Step, ...]:
        """The steps in which an optimizer changed a parameter: not those at a rate of 0, nor those that accumulate."""
        return tuple(step for step in self.steps if any(update.rewritten for update in step.events.updates))

    @cached_property
    def rewritten(self) -> frozenset[str]:
        """Names of all parameters that changed in some step, whoever wrote them."""
        return frozenset().union(*(step.rewritten for step in self.steps))

    @cached_property
    def arrived(self) -> frozenset[str]:
        """Names of all parameters that a gradient other than zero came for."""
        return frozenset(name for step in self.steps for name, norm in step.events.arrived.items() if norm > 0)


def observe(program: Program, batches: Sequence[Batch]) -> Observed:
    """Take steps on a copy until a few have updated it, at most 24, and return what they did.

    Raises:
        MissingNeed: as `trained` and `Trainee.step`.
    """
    with trained(program) as trainee:
        named = trainee.parameters
        names = {id(parameter): name for name, parameter in named.items()}
        trainable = frozenset(name for name, parameter in named.items() if parameter.requires_grad)
        held = {
            role: frozenset(names[id(p)] for group in optimizer.param_groups for p in group["params"])
            for role, optimizer in trainee.optimizers.items()
        }
        began = {name: taken_by(scheduler) for name, scheduler in trainee.schedulers.items()}
        steps: list[Step] = []
        updates, idle = 0, set(map(id, trainee.optimizers.values()))
        while (updates < _UPDATES or idle) and len(steps) < _STEPS:  # an optimizer may have its turn now and then
            steps.append(trainee.step(batches[len(steps) % len(batches)], observed=True))
            updates += any(update.rewritten for update in steps[-1].events.updates)
            idle -= {id(update.optimizer) for update in steps[-1].events.updates}
        scheduled = {name: taken_by(scheduler) - began[name] for name, scheduler in trainee.schedulers.items()}
        awaiting = {
            name: (str(one.mode), float(one.best))
            for name, one in trainee.schedulers.items()
            if isinstance(one, ReduceLROnPlateau)
        }
        maximising = maximising_of(trainee.optimizers.values())
        frozen = frozenset(named) - trainable
        return Observed(tuple(steps), trainee.is_own, trainable, frozen, held, scheduled, awaiting, maximising)
