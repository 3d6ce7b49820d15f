"""Short trainings of copies: what is trained, on which batches, and how far each came on samples held out of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nbinspect.calling import call_loss, call_model, set_mode
from nbinspect.preserve import preserve
from nbinspect.records import SwapRun
from nbinspect.reference.levels import Answering
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program, as_scalar, seed_all
from nbinspect.subject import named_optimizers

_LEARNS = 0.1
_FAILS = 0.03
_ERRORS = 3.0
_LOOKS = 6
_FEWEST = 4
"""Held-out parts without which nothing can be said."""


@dataclass(frozen=True, eq=False)
class Course:
    """Batches to train on, and others to look at."""

    name: Literal["yours", "reference"]
    train: tuple[Batch, ...]
    held: tuple[Batch, ...]
    """Small batches of samples that are not in `train`."""
    chance: tuple[float, ...]
    """Loss of the best constant prediction on each of `held`."""
    floor: tuple[float, ...]
    """Loss of perfect answers on each."""
    are_alike: bool
    """Whether all targets are one, so that there is nothing to learn."""

    @property
    def distance(self) -> float:
        """What there is to learn, in the loss's own unit."""
        return float(np.mean(self.chance) - np.mean(self.floor))


@dataclass(frozen=True, eq=False)
class Arm:
    """A copy to be trained."""

    model: Literal["yours", "reference"]
    network: nn.Module
    loss: Callable[[Batch], Tensor]
    optimizer: Optimizer | tuple[Optimizer, ...]
    described: str


def copied_arm(program: Program, optimizer: Callable[[Program], tuple[Optimizer, ...]], described: str) -> Arm:
    """Return a copy of the user's program, to be trained; the program stays unchanged."""
    copy = program.copied()

    def loss(batch: Batch) -> Tensor:
        with program.limits.watching():
            outputs = call_model(copy.subject, batch.raw, batch.parts)
            return as_scalar(call_loss(copy.subject, outputs, batch.parts.targets), copy.subject)

    if not copy.network.training:
        set_mode(copy.network, training=True)
    return Arm("yours", copy.network, loss, optimizer(copy), described)


def adam(rate: float) -> Callable[[Program], tuple[Optimizer, ...]]:
    """Return what makes an Adam of this rate over a copy's parameters."""
    return lambda copy: (torch.optim.Adam([p for p in copy.parameters.values() if p.requires_grad], lr=rate),)


def own_optimizer(program: Program) -> Callable[[Program], tuple[Optimizer, ...]]:
    """Return what makes optimizers like the user's over a copy's parameters, at their highest rate known."""

    def made(copy: Program) -> tuple[Optimizer, ...]:
        given = program.subject.optimizer
        if callable(given) and not isinstance(given, Optimizer):
            return (given(list(copy.parameters.values())),)
        twins = {id(own): copy.parameters[name] for name, own in program.parameters.items()}
        return tuple(_like(one, twins) for one in named_optimizers(given).values())

    return made


def _like(optimizer: Any, twins: dict[int, nn.Parameter]) -> Optimizer:
    """Return an optimizer of the same kind and groups, whose state begins anew."""
    groups = []
    for group in optimizer.param_groups:
        own = [twins[id(parameter)] for parameter in group["params"] if id(parameter) in twins]
        if own:
            # while a schedule warms up, the live rate is not the rate that training is for
            given = group["lr"]  # None where an optimizer makes its own
            rate = None if given is None else max(float(given), float(group.get("initial_lr", 0.0)))
            groups.append({**group, "lr": rate, "params": own})
    if not groups:
        raise MissingNeed("an optimizer over parameters of the model")
    kind: Any = type(optimizer)
    try:
        made: Optimizer = kind(groups)
    except TypeError as error:
        raise MissingNeed(f"an optimizer that can be made anew from its groups ({error})") from error
    return made


def reference_arm(network: nn.Module, answering: Answering, main: Callable[[Batch], Tensor]) -> Arm:
    """Return a reference model with Adam at 0.001."""

    def loss(batch: Batch) -> Tensor:
        assert batch.targets is not None
        return answering.loss(answering.given(network(main(batch))), batch.targets)

    rate = 1e-3
    optimizer = torch.optim.Adam(network.parameters(), lr=rate)
    return Arm("reference", network.train(), loss, optimizer, f"Adam, rate {rate:g}")


def run(arm: Arm, course: Course, steps: int, limits: Limits, seed: int) -> SwapRun:
    """Train an arm for some steps and return how far it came; what it raises is its answer."""
    looks: list[list[float]] = []
    at: list[int] = []
    error = ""
    seed_all(seed, f"{arm.model} {course.name}")
    try:
        for step in _stepped(arm, course, steps, limits):
            if step in {round(part * steps / _LOOKS) for part in range(_LOOKS + 1)}:
                looks.append(_looked(arm, course, limits))
                at.append(step)
    except Exception as raised:  # noqa: BLE001 - the user's code may raise anything on data that are not its own
        error = f"{type(raised).__name__}: {raised}".splitlines()[0][:200]
    found = _judged(looks, course) if looks and not error else (-math.inf, 0.0, "unclear")
    losses = np.array([float(np.mean(one)) for one in looks])
    return SwapRun(arm.model, course.name, arm.described, np.array(at), losses, *found, error=error)  # type: ignore[arg-type] # the answer is one of three


def _stepped(arm: Arm, course: Course, steps: int, limits: Limits) -> Iterator[int]:
    optimizers = arm.optimizer if isinstance(arm.optimizer, tuple) else (arm.optimizer,)
    yield 0
    for step in range(steps):
        limits.ask()
        batch = course.train[step % len(course.train)]

        def closure(batch: Batch = batch) -> float:
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss = arm.loss(batch.changed(torch.clone))
            if loss.requires_grad:
                loss.backward()  # type: ignore[no-untyped-call] # torch's
            return float(loss.detach())

        if isinstance(optimizers[0], torch.optim.LBFGS):
            optimizers[0].step(closure)  # type: ignore[no-untyped-call] # torch's
        else:
            closure()
            for optimizer in optimizers:
                optimizer.step()
        yield step + 1


def _looked(arm: Arm, course: Course, limits: Limits) -> list[float]:
    """Return the loss on each held-out part; by the batch's own statistics where those of BatchNorm lag behind."""
    with preserve(arm.network, parameters=False), torch.no_grad():
        modes = [False, True] if any("BatchNorm" in type(m).__name__ for m in arm.network.modules()) else [False]
        found = []
        for training in modes:
            set_mode(arm.network, training)
            found.append([float(arm.loss(part.changed(torch.clone))) for part in course.held])
            limits.ask()
    return min(found, key=lambda losses: float(np.mean(losses)) if np.isfinite(losses).all() else math.inf)


def _judged(looks: list[list[float]], course: Course) -> tuple[float, float, str]:
    """Return gain, margin and answer."""
    gains = (np.array(course.chance) - np.array(looks)) / course.distance
    means = np.where(np.isfinite(gains).all(1), gains.mean(1), -math.inf)
    best = int(np.argmax(means))
    gain = float(means[best])
    if not math.isfinite(gain):
        return -math.inf, 0.0, "fails"
    # of a ratio of two means: parts on which a constant does badly are those on which there is much to gain
    rest = gains[best] - gain * (np.array(course.chance) - np.array(course.floor)) / course.distance
    margin = _ERRORS * float(rest.std(ddof=1) / math.sqrt(len(rest))) if len(rest) > 1 else math.inf
    if gains.shape[1] < _FEWEST:
        return gain, margin, "unclear"
    if gain > max(_LEARNS, margin):
        return gain, margin, "learns"
    is_flat = not np.isfinite(means[-1]) or means[-1] - means[len(means) // 2] < _FAILS
    return gain, margin, "fails" if gain < _FAILS and is_flat else "unclear"


def cut(batches: list[Batch], most: int) -> tuple[tuple[Batch, ...], tuple[Batch, ...]]:
    """Return batches to train on and small ones of other samples, `most` in all: every fourth of a batch, or batch."""
    train, held = [], []
    left = most
    sizes = sum(batch.size for batch in batches)
    part = max(1, min(8, min(most, sizes // 4) // 8))
    for number, batch in enumerate(batches):
        apart = list(range(0, batch.size, 4)) if batch.size >= 4 else list(range(batch.size)) if number % 4 == 0 else []
        apart = apart[: max(0, left)]
        left -= len(apart)
        pieces = [apart[at : at + part] for at in range(0, len(apart), part)]
        held += [batch.taken(piece) for piece in pieces]
        rest = sorted(set(range(batch.size)) - set(apart))
        if rest:
            train.append(batch.taken(rest) if apart else batch)
    return tuple(train), tuple(held)


def course_of(name: Literal["yours", "reference"], batches: list[Batch], answering: Answering, most: int) -> Course:
    """Return batches cut into those to train on and those to look at, with what the loss can be on these.

    Args:
        name: whose data they are.
        batches: of at least four samples in all.
        answering: how outputs answer.
        most: how many samples to hold out at most.
    """
    train, held = cut(batches, most)
    seen = [batch.targets for batch in (*train[:20], *held) if batch.targets is not None]
    chances: list[list[float]] = []
    floors: list[list[float]] = []
    with torch.no_grad():
        for part in held:
            assert part.targets is not None
            known = answering.perfect(part.size, part.targets)
            for found, outputs in ((chances, answering.constants(part.size, seen)), (floors, known)):
                found.append([float(answering.loss(one.clone(), part.targets)) for one in outputs])
    targets = torch.cat(seen)
    return Course(name, train, held, _lowest(chances), _lowest(floors), bool((targets == targets[:1]).all()))


def _lowest(losses: list[list[float]]) -> tuple[float, ...]:
    """Return the losses on each part of those outputs that have the lowest mean."""
    best = int(np.argmin(np.nan_to_num(np.mean(losses, 0), nan=np.inf))) if losses else 0
    return tuple(one[best] for one in losses)
