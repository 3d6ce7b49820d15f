"""What a table of simple models says: one verdict, and one sentence with its figures and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from nbinspect.data.intervals.differences import NEARLY_SURE, Interval, of_mean
from nbinspect.records import BaselineScore
from nbinspect.records.arrays import Floats

Verdict = Literal[
    "learnable",
    "nothing to learn",
    "network below constant",
    "network below simple",
    "network level",
    "network above",
    "cannot be told",
]
Metric = Literal["accuracy", "R²", "mean absolute error"]
_BUG = "look for a bug before you tune"
_SEEN = "it was trained on these samples and the others were not; compare on the validation set"
_UNFAIR = "and that though it was trained on these samples"


@dataclass(frozen=True, eq=False)
class Attempt:
    """A row of the table, and the loss of each sample that it is judged by."""

    score: BaselineScore
    losses: Floats
    """(N,) 1 − right, squared error over the variance, or absolute error; NaN where there is none."""

    @property
    def name(self) -> str:
        """What it is called within a sentence."""
        return self.score.name


@dataclass(frozen=True, eq=False)
class Table:
    """All that a verdict is made of."""

    attempts: Sequence[Attempt]
    """The constant first, then those that could be fitted."""
    linear: str
    """The name of the linear model."""
    network: Attempt | None
    seen: bool
    """Whether the network was trained on these samples."""
    hidden: bool
    """Whether probabilities tell classes apart that answers do not."""
    metric: Metric
    unit: str
    of: str
    """What the models are fitted on: ``64 pixels``."""

    @property
    def constant(self) -> Attempt:
        """The one that looks at nothing."""
        return self.attempts[0]

    @property
    def best(self) -> Attempt:
        """The model with the least mean loss, or the constant where there is no model."""
        return min(self.attempts[1:] or self.attempts, key=lambda each: float(np.nanmean(each.losses)))


def gain(one: Attempt, other: Attempt) -> Interval:
    """Return how much less `one` loses than `other` on the same samples, and its interval of 99 %."""
    saved = other.losses - one.losses
    return of_mean(saved[np.isfinite(saved)], NEARLY_SURE)


def judge(table: Table) -> tuple[Verdict, str]:
    """Return the verdict and its sentence; what is called above or below is so with 99 % confidence."""
    learnable = gain(table.best, table.constant)[1] > 0
    if table.network is None:
        return _alone(table, learnable=learnable)
    return _beside(table, table.network) if learnable else _without_rival(table, table.network)


def _alone(table: Table, *, learnable: bool) -> tuple[Verdict, str]:
    figure = brief(table, table.constant)
    constant = f"the {table.constant.name} ({figure})"
    if learnable:
        best = brief(table, table.best)
        means = f"there is something to learn, and a network should come above {best}"
        if table.metric == "mean absolute error":
            means = f"a network should come below {best}"
        return "learnable", f"{_told(table, table.best)}, the {table.constant.name} {figure}: {means}"
    if table.hidden:
        return "learnable", (
            f"No simple model is right more often than {constant}, but their probabilities tell the classes apart: "
            f"there is something to learn; judge it by the recall of each class, not by accuracy"
        )
    return "nothing to learn", (
        f"No simple model does better than {constant}: either there is nothing to learn from {table.of}, or it takes "
        f"a model that sees more; check that inputs and labels belong together"
    )


def _beside(table: Table, network: Attempt) -> tuple[Verdict, str]:
    best, own = table.best, _of_network(table, network)
    value, low, high = gain(network, best)
    if high < 0:
        return _below(table, network)
    between = _between(table, (value, low, high))
    start = f"{_told(table, best)}; {own}"
    if low > 0:
        warning = f"; but {_SEEN}" if table.seen else ""
        return "network above", f"{start}, better by {between}{warning}"
    unfair = f", {_UNFAIR}" if table.seen else ""
    return "network level", f"{start}: the difference, {between}, is within noise{unfair}"


def _below(table: Table, network: Attempt) -> tuple[Verdict, str]:
    linear = next((each for each in table.attempts[1:] if each.name == table.linear), None)
    is_below_linear = linear is not None and gain(network, linear)[2] < 0
    rival = linear if linear is not None and is_below_linear else table.best
    unfair = f", {_UNFAIR}" if table.seen else ""
    start = f"{_told(table, rival)}; {_of_network(table, network)}"
    if gain(network, table.constant)[1] <= 0:
        idle = f"which is no better than the {table.constant.name} ({brief(table, table.constant)})"
        return (
            "network below constant",
            f"{start}, {idle}: it has learned nothing yet; if it was trained, {_BUG}",
        )
    if is_below_linear:
        return "network below simple", f"{start}{unfair}: the network is below a linear model; {_BUG}"
    name = f"the {rival.name}"
    return "network below simple", (
        f"{start}{unfair}: the network is below {name}; train it longer and tune it, or keep {name}"
    )


def _without_rival(table: Table, network: Attempt) -> tuple[Verdict, str]:
    constant = f"the {table.constant.name} ({brief(table, table.constant)})"
    own = _of_network(table, network)
    _, low, high = gain(network, table.constant)
    if low > 0:
        warning = f"; but {_SEEN}" if table.seen else ""
        return "network above", (
            f"No simple model does better than {constant}; {own} does: what is to be learned from {table.of} takes a "
            f"network{warning}"
        )
    if high < 0:
        return (
            "network below constant",
            f"Your{own.removeprefix('your')} does worse than {constant}; if it was trained, {_BUG}",
        )
    if table.hidden:
        return "learnable", (
            f"No simple model is right more often than {constant}, nor is {own}, but probabilities tell the classes "
            f"apart: judge by the recall of each class, not by accuracy"
        )
    return "nothing to learn", (
        f"No simple model does better than {constant}, nor does {own}: either there is nothing to learn from "
        f"{table.of}, or inputs and labels do not belong together"
    )


def _told(table: Table, attempt: Attempt) -> str:
    score, unit = attempt.score, f" {table.unit}" if table.unit else ""
    half = (score.high - score.low) / 2
    width = {"accuracy": f"{100 * half:.1f}", "R²": f"{half:.2f}"}.get(table.metric, f"{half:.2g}")
    name = f"{score.name[0].upper()}{score.name[1:]}"
    verb = "is off by" if table.metric == "mean absolute error" else "gets"
    mean = f" (off by {score.error:.3g}{unit} on average)" if table.metric == "R²" else ""
    return f"{name} {verb} {brief(table, attempt)} ± {width}{mean} from {table.of}"


def _of_network(table: Table, network: Attempt) -> str:
    unit = f" {table.unit}" if table.unit else ""
    mean = f" (off by {network.score.error:.3g}{unit})" if table.metric == "R²" else ""
    return f"your network {brief(table, network)}{mean}"


def brief(table: Table, attempt: Attempt) -> str:
    """Return a score as a reader takes it in: ``95.1 %``, ``R² 0.48``, ``1.3 kW``."""
    value, unit = attempt.score.value, f" {table.unit}" if table.unit else ""
    if table.metric == "accuracy":
        return f"{100 * value:.1f} %"
    if table.metric == "R²":
        return f"R² {value:.2f}".replace("-0.00", "0.00").replace("-", "−")
    return f"{value:.3g}{unit}"


def _between(table: Table, found: Interval) -> str:
    if table.metric == "accuracy":
        value, low, high = (f"{100 * each:.1f}" for each in found)
        what = "points"
    else:
        value, low, high = (f"{each:.2g}" for each in found)
        what = {"R²": "of R²"}.get(table.metric, table.unit)
    return f"{value} {what}".rstrip().replace("-", "−") + f" ({low} … {high})".replace("-", "−")
