"""Overfitting one batch on purpose: the user's own step first, then other rates, and Adam as a control."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from nbinspect.records import Chart, Measurement, TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed, measured
from nbinspect.sanity.evidence.samples.sameness import along, differs
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record, tensor_output
from nbinspect.sanity.trials.fitting.bounded import are_bounded, lowest
from nbinspect.sanity.trials.fitting.curve import Curve
from nbinspect.sanity.trials.fitting.fit import Fit, Way, adam, fit, yours
from nbinspect.sanity.trials.fitting.floor import UNKNOWN, Goal, goal_of
from nbinspect.sanity.trials.fitting.meeting import Meeting, meeting_of
from nbinspect.sanity.trials.fitting.pictures import curves_chart, shown
from nbinspect.sanity.trials.fitting.positions import positions_alike, tokens_alike
from nbinspect.sanity.trials.fitting.samples import distinct, two_unlike
from nbinspect.sanity.trials.fitting.undone import plain_curve, standard_curve
from nbinspect.sanity.trials.rates.taken_over import RatesTaken

_WHOLE, _PAIR, _ONE, _OTHER, _CONTROL = 40, 15, 8, 18, 40
"""Steps at most: on the batch, on two samples, on one, at another rate, and of Adam as a control."""
_RATES = ((1e3, (0.05, 0.2)), (1e6, (0.003, 0.01)), (float("inf"), (0.0005, 0.003)))
"""Below so many parameters, the rates of Adam with which few steps lead far: the smaller the network, the higher."""
BLIND = 0.9
"""What is left of the loss, above its floor, of a network that does no better than one that ignores the inputs."""


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What came of training on the first batch, or fewer samples of it, again and again."""

    batch: Batch
    """The first batch, without samples whose inputs it has already."""
    size: int
    """How many samples it had with them."""
    whole: Curve
    """Of the user's own step at the user's rate, or a standard Adam where there is neither step nor optimizer."""
    rates: tuple[Curve, ...]
    """Of the same at other rates, on the batch; empty where there was no need."""
    pair: tuple[Curve, ...]
    """Of two samples with unlike targets: the user's own step, then Adam where there was need; empty without two."""
    pair_targets: int
    """How many targets the two samples have together; 0 without two."""
    one: Curve | None
    """Of a single sample; None under BatchNorm, which takes more, and where none can be cut out."""
    controls: tuple[Curve, ...]
    """Of Adam on the batch, where it cannot be cut."""
    meeting: Meeting | None
    pair_is_one: bool
    """Whether, after each of the runs on two samples, both got the very same outputs."""
    undone: Curve | None = None
    """Of standard steps with the user's optimizer, on the batch, where they learn what the user's own step does not."""
    plain: Curve | None = None
    """Of the optimizer of PyTorch that the user's class extends, on the batch, where it learns what that does not."""
    alike: int = 0
    """At how many positions each sample gets one output after the steps on the batch, where its targets vary."""
    disputed: float = 0.0
    """Share of the targets that contradict another one's, where equal tokens of a sample always get one output."""
    lowest: Curve | None = None
    """Of two samples, at high rates, where no weights can make the outputs large; else None."""
    moves_on: bool = False
    """Whether the user's steps also change what their loss reads beside the model: no loss of the model alone."""

    @property
    def what(self) -> str:
        """What is trained on: ``32 samples``."""
        size = self.batch.size
        return f"{size} sample{'s' * (size > 1)}" if size else "the batch"

    @property
    def shown(self) -> tuple[Measurement, ...]:
        """The way of every curve, and the share of the labels that are met."""
        found = [shown(self.what, curve) for curve in (self.whole, *self.rates, *self.controls)]
        found += [shown(self.what, curve) for curve in (self.undone, self.plain) if curve is not None]
        found += [shown("2 samples", curve) for curve in (*self.pair, *([self.lowest] if self.lowest else []))]
        found += [] if self.one is None else [shown("1 sample", self.one)]
        if self.meeting is not None:
            found.append(measured("labels met after the steps on the batch", f"{self.meeting.right:.0%}", "100%"))
        return tuple(found)

    @property
    def charts(self) -> tuple[Chart, ...]:
        """The curves of the batch, those of two samples, and labels and predictions before and after."""
        others = (*self.rates, *self.controls, *(one for one in (self.undone, self.plain) if one is not None))
        found = [curves_chart("Loss of one batch", (self.whole, *others))]
        found += [curves_chart("Loss of two samples", self.pair)] if self.pair else []
        found += [] if self.meeting is None else [self.meeting.chart]
        return tuple(found)

    @property
    def fitting(self) -> Curve | None:
        """The first curve of a control, on the batch or the pair, that does what the user's own does not."""
        others = (*self.rates, *self.pair, *self.controls)
        return next((one for one in others if fits(one)), None)

    def is_stuck(self, limit: float) -> bool:
        """Return whether two samples settle with more than this share of their loss above its floor, and never fit."""
        settled = any(curve.is_settled and curve.left > limit for curve in self.pair)
        return settled and not any(map(fits, self.pair))


def fits(curve: Curve) -> bool:
    """Return whether a curve is at its floor, or falls below what outputs can have that ignore the inputs."""
    if curve.goal.gap is None:
        return curve.is_reached or (curve.kind == "falls" and _fallen(curve) > 0.2)
    return curve.is_reached or (curve.kind == "falls" and curve.left < BLIND and _fallen(curve) > 0.02)


def is_fine(curve: Curve) -> bool:
    """Return whether a curve fits, or is clearly on its way: still falling from a start far above."""
    return fits(curve) or (curve.kind == "falls" and curve.left > 1.2 and _fallen(curve) > 0.2)


def moves(curve: Curve) -> bool:
    """Return whether a curve goes down at all, however slowly."""
    fallen = curve.losses[0] - curve.last
    return curve.is_reached or (curve.kind in ("falls", "plateaus") and fallen > 1e-4 * curve.gap)


def _fallen(curve: Curve) -> float:
    return (curve.losses[0] - curve.last) / max(curve.losses[0] - curve.base, 1e-12)


def trains_most(program: Program) -> bool:
    """Return whether most of the network is trained: a small part of it may not be able to fit anything."""
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in program.parameters.values()]
    return 2 * sum(size for size, is_free in sizes if is_free) >= sum(size for size, _ in sizes)


def overfit(program: Program, recorded: Recorded, task: TaskRecord) -> Overfitting:
    """Train copies on the first batch, on two samples of it and on one, at most 355 steps; usually a fifth of it.

    Other rates, standard steps and Adam are tried only where the user's own step does not get there. The program is
    left unchanged.

    Raises:
        MissingNeed: if no step can be taken on a copy, or nothing tells the loss.

    Source: K-overfit-batch, S-one-point.
    """
    batch, own = distinct(recorded.batch), yours(program)
    had = recorded.batch.size
    if batch is not recorded.batch:
        again = record(program, batch)
        batch, recorded = (batch, again) if again.error is None else (recorded.batch, recorded)
    goal = goal_of(recorded)
    taken = RatesTaken()
    first = fit(program, batch, goal, replace(own, begun=taken.note), _WHOLE)
    meeting = meeting_of(recorded, task, first.outputs)
    two = two_unlike(batch) if goal is not UNKNOWN else None
    pair_goal = UNKNOWN if two is None else _goal(program, two)
    pairs = [] if two is None or pair_goal.gap is None else _tried(program, two, pair_goal, [own], _PAIR)
    pair = [found.curve for found in pairs]
    one = None if two is None or not pair else _single(program, two, own)
    whole = first.curve
    rates: list[Curve] = []
    controls: list[Curve] = []
    if not moves(whole) and own.optimizer is None:
        others = [_at(own, factor) for factor in _factors(whole)]
        rates = [found.curve for found in _tried(program, batch, goal, others, _OTHER)]
    if not is_fine(whole) or any(curve.is_settled and curve.left > 0.25 for curve in pair):
        ways = [way for rate in adam_rates(program) if (way := adam(rate)).name != own.name]
        if two is not None and pair and not fits(pair[0]):
            pairs += _tried(program, two, pair_goal, ways, _CONTROL)
            pair = [found.curve for found in pairs]
        elif not pair and not any(map(fits, rates)):
            controls = [found.curve for found in _tried(program, batch, goal, ways, _CONTROL)]
    size = 0 if two is None or two.targets is None else two.targets.numel()
    is_one = bool(pairs) and not any(_differ(found.outputs, program.subject.batch_axis) for found in pairs)
    stays = first.is_returned and not is_fine(whole) and whole.left >= BLIND
    undone = standard_curve(program, batch, whole, taken, _WHOLE) if stays else None
    plain = plain_curve(program, batch, whole, _WHOLE) if stays and undone is None else None
    least = None
    if two is not None and pair and not whole.is_reached and not any(map(fits, pair)) and are_bounded(program, two):
        least = lowest(program, two, pair_goal)
    curves = (tuple(rates), tuple(pair), size, one, tuple(controls), meeting, is_one, undone, plain)
    alike = 0 if whole.is_reached else positions_alike(first.outputs, batch)
    disputed = 0.0 if whole.is_reached else tokens_alike(program, batch)
    named: dict[str, Any] = {"alike": alike, "disputed": disputed, "lowest": least, "moves_on": first.moves_on}
    return Overfitting(batch, had, whole, *curves, **named)


def _differ(outputs: Any, axis: int) -> bool:
    """Whether two samples got other outputs; True where that cannot be seen."""
    found = tensor_output(outputs)
    samples = None if found is None else along(found, 2, axis)
    return samples is None or differs(samples)


def _factors(whole: Curve) -> tuple[float, ...]:
    """Return at which other rates to try: lower ones where the loss went up, both where it stood still."""
    return (10.0, 0.1) if whole.kind in ("plateaus", "falls") else (0.1, 0.01)


def adam_rates(program: Program) -> tuple[float, ...]:
    """Return the rates of Adam with which few steps lead far for a network of this size, the lower first."""
    size = sum(parameter.numel() for parameter in program.parameters.values() if parameter.requires_grad)
    return next(rates for most, rates in _RATES if size < most)


def _at(way: Way, factor: float) -> Way:
    return replace(way, name=f"{way.name} at {factor:g} times the rate", factor=factor * way.factor)


def _tried(program: Program, batch: Batch, goal: Goal, ways: Sequence[Way], most: int) -> list[Fit]:
    """Train on a batch in one way after the other, until one gets there; ways that cannot be taken are left out."""
    found: list[Fit] = []
    for way in ways:
        try:
            found.append(fit(program, batch, goal, way, most))
        except MissingNeed:
            continue
        if found[-1].curve.is_reached or (goal.gap is None and fits(found[-1].curve)):
            break
    return found


def _single(program: Program, two: Batch, own: Way) -> Curve | None:
    """Train on a single sample."""
    if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in program.network.modules()):
        return None
    try:
        one = two.taken([0])
    except MissingNeed:
        return None
    found = _tried(program, one, _goal(program, one), [own], _ONE)
    return found[0].curve if found else None


def _goal(program: Program, batch: Batch) -> Goal:
    recorded = record(program, batch)
    return UNKNOWN if recorded.error is not None else goal_of(recorded)
