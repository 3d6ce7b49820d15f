"""The bridge to Optuna: a space of hyperparameters around what a report suggests, searched at random, coarse to fine.

Source: T-sensitivity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from nbinspect.errors import InputError, NbinspectError
from nbinspect.records import SanityRecord
from nbinspect.subject import kind_of, named_optimizers, rate_of

if TYPE_CHECKING:
    import pandas as pd

_RATE = 1e-3
_DECADE = 10.0
_FEWEST = 4
"""Trials without which the best quarter says nothing."""


@dataclass(frozen=True)
class Range:
    """What a hyperparameter may be: numbers between two, or one of several."""

    name: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    """Whether its logarithm is drawn evenly, and not the number itself."""
    choices: tuple[Any, ...] = ()
    """Instead of `low` and `high`, the values that it may have."""
    why: str = ""
    """Where the range is from."""

    def drawn(self, trial: Any) -> Any:
        """Return what an Optuna trial suggests."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        return trial.suggest_float(self.name, self.low, self.high, log=self.log)

    def __str__(self) -> str:
        if self.choices:
            return f"{self.name}: {', '.join(map(str, self.choices))} ({self.why})"
        return f"{self.name}: {self.low:.3g} to {self.high:.3g}{', logarithmic' if self.log else ''} ({self.why})"


@dataclass(frozen=True)
class Space:
    """A space of hyperparameters for an Optuna study; frozen, so that a finer one is another space."""

    ranges: tuple[Range, ...]
    study: Any = field(default=None, repr=False, compare=False)
    """The study that it was narrowed by; None for the coarse space."""

    def suggest(self, trial: Any) -> dict[str, Any]:
        """Return a value of each hyperparameter by its name, as an Optuna trial suggests them."""
        return {one.name: one.drawn(trial) for one in self.ranges}

    def narrowed(self, study: Any, share: float = 0.25) -> Space:
        """Return the finer space that just holds the best trials of a study, with half a step to spare at either end.

        Ranges that the best trials fill stay as they are; of choices, those remain that are among the best. The study
        is left unchanged. Source: T-sensitivity.

        Args:
            study: an Optuna study with one objective, of trials that this space suggested.
            share: of its finished trials, best first.

        Raises:
            InputError: for anything else, or fewer than four finished trials.
        """
        if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
            raise InputError(f"share: expected a share above 0, at most 1, got {share!r}")
        best = _best_trials(study, share)
        return Space(tuple(_narrowed(one, [trial.params for trial in best]) for one in self.ranges), study)

    def to_frame(self, study: Any = None) -> pd.DataFrame:
        """Return a DataFrame of the hyperparameters: range, and how much each mattered, the first the most.

        Args:
            study: whose trials tell what mattered, by Optuna's own importances, which sum to 1; by default the one
                that the space was narrowed by, and without one importances are missing.

        Raises:
            InputError: for a study that has no importances, with the reason.
        """
        import pandas as pd

        told = study if study is not None else self.study
        importances = {} if told is None else _importances(told)
        rows: list[dict[str, Any]] = [
            {
                "hyperparameter": one.name,
                "importance": importances.get(one.name, math.nan if told is None else 0.0),
                "low": math.nan if one.choices else one.low,
                "high": math.nan if one.choices else one.high,
                "log": one.log,
                "choices": ", ".join(map(str, one.choices)),
                "why": one.why,
            }
            for one in self.ranges
        ]
        rows.sort(key=lambda row: -row["importance"])
        frame: pd.DataFrame = pd.DataFrame(rows)
        return frame

    def __str__(self) -> str:
        return "\n".join(map(str, self.ranges))


def to_optuna(
    report: Any,
    *,
    optimizer: Any = None,
    batch_size: int | None = None,
    dropout: bool = True,
    clipping: bool = False,
) -> Space:
    """Return a space of hyperparameters around what a report suggests.

    The learning rate lies within a decade to either side of the rate that the check `learning-rate` suggests; without
    one, of the optimizer's own, and without that, of 0.001. Weight decay is searched; momentum or betas as the
    optimizer has them. Source: T-sensitivity, D-batch-size.

    Args:
        report: the `Report` of `nbinspect.check`.
        optimizer: the torch optimizer in use, of several that of the highest rate; left unchanged.
        batch_size: in use; a quarter to twice of it are tried. None leaves it alone.
        dropout: whether to search the share of units dropped.
        clipping: whether to search the norm that gradients are clipped at.

    Raises:
        NbinspectError: if optuna is not installed, with the line that installs it.
        InputError: for an object of the wrong kind.
    """
    try:
        import optuna  # noqa: F401 - only asked whether it is there
    except ImportError as error:
        raise NbinspectError("to_optuna needs optuna: pip install 'nbinspect[optuna]'") from error
    record = getattr(report, "record", None)
    if not isinstance(record, SanityRecord):
        raise InputError(f"report: expected what nbinspect.check returns, got {kind_of(report)}")
    group = _group_of(optimizer)
    rate, source = _rate(record, group)
    ranges = [Range("learning_rate", rate / _DECADE, rate * _DECADE, log=True, why=source)]
    ranges += [_weight_decay(group), *_of_optimizer(group)]
    if batch_size is not None:
        ranges.append(_batch_sizes(batch_size))
    if dropout:
        ranges.append(Range("dropout", 0.0, 0.5, why="none to half of the units"))
    if clipping:
        ranges.append(Range("clipping_norm", 0.1, 10.0, log=True, why="a decade around 1"))
    return Space(tuple(ranges))


def _group_of(optimizer: Any) -> Mapping[str, Any]:
    parts = named_optimizers(optimizer).values()
    groups = [group for part in parts for group in getattr(part, "param_groups", ())]
    if parts and not groups:
        raise InputError(f"optimizer: expected a torch.optim.Optimizer, got {kind_of(optimizer)}")
    return max(groups, key=_own_rate, default={})


def _rate(record: SanityRecord, group: Mapping[str, Any]) -> tuple[float, str]:
    """Return the rate to search around, and where it is from."""
    for result in record.results:
        for one in result.measurements if result.check == "learning-rate" else ():
            found = _number(one.measured) if one.quantity == "suggested rate" else None
            if found is not None:
                return found, f"the check learning-rate suggests {found:.3g}"
    own = _own_rate(group)
    return (own, f"the optimizer's own is {own:.3g}") if own > 0 else (_RATE, "a safe start for Adam")


def _own_rate(group: Mapping[str, Any]) -> float:
    """Return the rate of a group, or its schedule's base where that is higher; 0 where the optimizer makes its own."""
    return max(rate_of(group) or 0.0, rate_of(group, base=True) or 0.0)


def _number(text: str) -> float | None:
    found = re.search(r"\d+\.?\d*(?:[eE][-+−]?\d+)?", text)
    value = float(found[0].replace("−", "-")) if found else 0.0
    return value if 0 < value < math.inf else None


def _weight_decay(group: Mapping[str, Any]) -> Range:
    own = float(group.get("weight_decay", 0.0))
    if own > 0:
        return Range("weight_decay", own / _DECADE, own * _DECADE, log=True, why=f"the optimizer's own is {own:.3g}")
    return Range("weight_decay", 1e-6, 1e-2, log=True, why="from next to none")


def _of_optimizer(group: Mapping[str, Any]) -> Iterable[Range]:
    """Give what is searched as one less the value, for 0.9 and 0.99 are a decade apart."""
    if group.get("momentum"):
        yield Range("one_minus_momentum", 0.01, 0.5, log=True, why=f"momentum is {group['momentum']:g}")
    if "betas" in group:
        first, second = group["betas"]
        yield Range("one_minus_beta1", 0.02, 0.5, log=True, why=f"beta1 is {first:g}")
        yield Range("one_minus_beta2", 0.0005, 0.1, log=True, why=f"beta2 is {second:g}")


def _batch_sizes(batch_size: Any) -> Range:
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(f"batch_size: expected a number of samples, got {batch_size!r}")
    sizes = {max(1, batch_size // 4), max(1, batch_size // 2), batch_size, 2 * batch_size}
    return Range("batch_size", choices=tuple(sorted(sizes)), why=f"{batch_size} is in use")


def _best_trials(study: Any, share: float) -> list[Any]:
    from optuna.study import StudyDirection

    done = _finished(study)
    up = study.direction is StudyDirection.MAXIMIZE
    return sorted(done, key=lambda trial: float(trial.value), reverse=up)[: max(2, round(share * len(done)))]


def _finished(study: Any) -> list[Any]:
    """Return the trials that came to a number."""
    from optuna import Study
    from optuna.trial import TrialState

    if not isinstance(study, Study):
        raise InputError(f"study: expected an optuna.Study, got {kind_of(study)}")
    if len(study.directions) != 1:
        raise InputError(f"study: expected one objective, this one has {len(study.directions)}")
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    finite = [trial for trial in done if trial.value is not None and math.isfinite(trial.value)]
    if len(finite) < _FEWEST:
        raise InputError(f"study: expected {_FEWEST} finished trials or more, this one has {len(finite)}")
    return finite


def _narrowed(one: Range, params: list[dict[str, Any]]) -> Range:
    values = [own[one.name] for own in params if one.name in own]
    if not values:
        return one
    why = f"the best {len(values)} trials"
    if one.choices:
        return replace(one, choices=tuple(choice for choice in one.choices if choice in values), why=why)
    ends = [math.log(value) if one.log else float(value) for value in values]
    # half of the mean distance between them, for the best value may lie just outside of those that were tried
    spare = (max(ends) - min(ends)) / (2 * max(1, len(ends) - 1))
    low, high = (math.exp(end) if one.log else end for end in (min(ends) - spare, max(ends) + spare))
    return replace(one, low=max(one.low, low), high=min(one.high, high), why=why)


def _importances(study: Any) -> dict[str, float]:
    from optuna.importance import get_param_importances

    _finished(study)
    try:
        return dict(get_param_importances(study))
    except (ValueError, RuntimeError, ImportError) as error:
        raise InputError(f"study: no importances can be told: {error}") from error
