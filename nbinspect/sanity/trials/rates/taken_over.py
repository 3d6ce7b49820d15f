"""The rates of one run, taken over in another: what is learnt by two ways of training is compared at the same rates."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch.optim import Optimizer

from nbinspect.sanity.trials.running.trainee import Trainee
from nbinspect.subject import rate_of


class RatesTaken:
    """With which rates the optimizers of a copy updated, whoever set them: a schedule, or the step itself."""

    def __init__(self) -> None:
        self._noted: dict[str, dict[int, tuple[float | None, ...]]] = {}
        self._trainee: Trainee | None = None

    @property
    def share(self) -> float:
        """Which share of the calls of the step made an update, of the optimizer with the fewest; 1 without any."""
        calls = 0 if self._trainee is None else self._trainee.steps
        return min((len(rates) / calls for rates in self._noted.values() if rates and calls), default=1.0)

    def note(self, trainee: Trainee) -> None:
        """Note the rates of each update that a copy makes from now on, of a call with several those of the last."""
        self._trainee = trainee
        for name, optimizer in trainee.optimizers.items():
            noted = self._noted[name] = {}

            def hook(one: Optimizer, *_: object, noted: dict[int, tuple[float | None, ...]] = noted) -> None:
                noted[trainee.steps] = tuple(map(rate_of, one.param_groups))

            _before_steps(optimizer, hook)

    def take(self, trainee: Trainee) -> None:
        """Let a copy that updates at every call do so with these rates, and then with the last of them.

        Optimizers without any keep theirs.
        """
        for name, optimizer in trainee.optimizers.items():
            rates = [*self._noted.get(name, {}).values()]

            def hook(one: Optimizer, *_: object, rates: Sequence[tuple[float | None, ...]] = rates) -> None:
                for group, rate in zip(one.param_groups, rates[min(trainee.steps, len(rates) - 1)], strict=False):
                    if rate is not None:
                        group["lr"] = rate

            if rates:
                _before_steps(optimizer, hook)


def _before_steps(optimizer: Optimizer, hook: Callable[..., None]) -> None:
    if hasattr(optimizer, "_optimizer_step_pre_hooks"):  # one that wraps another may never have been made by its parent
        optimizer.register_step_pre_hook(hook)
