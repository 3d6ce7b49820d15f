"""Batches of one domain each: BatchNorm takes the domain out of them in train mode, and cannot in eval mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch

from nbinspect.records import CheckResult, Floats, TaskRecord
from nbinspect.sanity.batches import Batch, reading
from nbinspect.sanity.check import MissingNeed, measured
from nbinspect.sanity.evidence.data.features import features_of, parts_of
from nbinspect.sanity.evidence.data.joined import joined
from nbinspect.sanity.evidence.layers.lost import uninformed
from nbinspect.sanity.evidence.layers.normed import Normed
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded
from nbinspect.sanity.trials.own_steps.modes import teller_of_eval_mode
from nbinspect.sanity.trials.running.trainee import trained

_FIRST, _MOST = 10, 40
_FEWEST = 8
"""Samples in a batch."""
_APART, _AS_CHANCE = 0.2, 3.0
"""Share of the inputs' variance that is between batches; by how much labels may be more alike than by chance."""
_STEPS, _LOOKS = 80, 8
_LOST, _KEPT, _WORSE = 2.0, 1.3, 1.5
_HARM = 0.1
"""Of the loss of a model that knows the targets' distribution alone: what is lost less is of no account."""
_VALUES = 2**26


@dataclass(frozen=True)
class Trained:
    """What came of some steps."""

    train: float
    """Mean loss of the last steps."""
    evaluated: float
    """Loss of some of the batches in eval mode, afterwards."""
    fresh: float
    """The same of validation batches, where there are any."""

    @property
    def lost(self) -> float:
        """By what factor the loss is higher in eval mode."""
        return self.evaluated / max(self.train, 1e-12)


def of_one_domain_each(
    program: Program, attempt: Recorded, task: TaskRecord, layers: Sequence[Normed]
) -> CheckResult | None:
    """Tell of batches that eval mode loses, and not once their samples are mixed; None where that is not so.

    Two copies are trained for a while, and only where inputs differ far more between batches than by chance, though
    their labels do not.
    """
    layer = next((one for one in layers if one.momentum >= 1 - 0.05 ** (1 / _STEPS)), None)
    chance = uninformed(attempt, task)
    if layer is None or chance is None or attempt.error is not None:
        return None
    try:
        batches = _domains(program)
        if not batches or (say := teller_of_eval_mode(program, attempt.batch, layer.path)) is None:
            return None
        fresh = _validation(program)
        own = _trained(program, batches, fresh)
        if not (own.train < chance / 2 and own.lost > _LOST and own.evaluated > own.train + _HARM * chance):
            return None
        mixed = _trained(program, _mixed(batches), fresh)
    except MissingNeed:
        return None
    worse = own.fresh > max(_WORSE * mixed.fresh, mixed.fresh + _HARM * chance)
    if not (mixed.train < chance / 2 and mixed.lost < _KEPT and worse):
        return None
    return say(
        f"after {_STEPS} steps loss {own.train:.3g} in train mode, {own.evaluated:.3g} in eval mode",
        measured("loss in eval mode", own.evaluated, f"{own.train:.3g}, as in train mode"),
        measured(
            "the same with samples mixed over the batches", mixed.evaluated, f"{mixed.train:.3g}, as in train mode"
        ),
        measured("loss of fresh samples in eval mode", own.fresh, f"{mixed.fresh:.3g}, as after mixed batches"),
        title="Batches of one domain each under BatchNorm",
        detail="The inputs of a batch are alike, and those of the next are others. BatchNorm takes out in train "
        "mode what a batch has in common; eval mode, with one mixture of statistics for all, cannot: the loss is then "
        f"{own.evaluated:.3g}. With samples mixed over the batches it is {mixed.evaluated:.3g} after as many steps.",
        remedy="Let each batch have samples of all domains (shuffle=True), or give each domain a BatchNorm of its own.",
        code="+ DataLoader(…, shuffle=True)",
        where=layer.path,
        place=layer.place,
        confirmed=True,
    )


def _domains(program: Program) -> list[Batch]:
    """Return batches whose inputs go together far more than by chance, though their labels do not; none else."""
    found: list[Batch] = []
    with reading(program.subject, program.subject.loader, program.limits) as batches:
        for batch in batches:
            if batch.epoch or len(found) == _MOST or (len(found) == _FIRST and not _are_apart(found)):
                break
            found.append(batch)
            if len(found) >= _FIRST and sum(one.numel() for part in found for _, one in part.inputs) > _VALUES:
                break
    whole = [batch for batch in found if batch.size == found[0].size]
    return whole if len(whole) >= _FIRST and _are_apart(whole) else []


def _are_apart(batches: Sequence[Batch]) -> bool:
    labels = [batch.targets for batch in batches]
    if any(one is None or one.numel() != batch.size for one, batch in zip(labels, batches, strict=True)):
        return False
    x = [features_of(parts_of(batch)[0], batch).astype(np.float64) for batch in batches]
    y = [one.detach().cpu().double().reshape(-1).numpy() for one in labels if one is not None]
    size = min(map(len, y))
    if size < _FEWEST or len({len(one) for one in y}) > 1 or len({one.shape for one in x}) > 1 or not x[0].shape[1]:
        return False
    kinds = np.unique(np.concatenate(y))
    codes = [(one[:, None] == kinds).astype(np.float64) if len(kinds) <= size else one[:, None] for one in y]
    return _between(x) > _APART and _between(codes) * size < _AS_CHANCE


def _between(parts: Sequence[Floats]) -> float:
    """Return the share of the variance of columns that is between parts, about 1 over their size by chance."""
    whole = np.concatenate(parts).var(0)
    share = np.array([part.mean(0) for part in parts]).var(0)[whole > 0] / whole[whole > 0]
    return float(np.median(share)) if share.size else 0.0


def _mixed(batches: Sequence[Batch]) -> list[Batch]:
    whole, size = joined(batches), batches[0].size
    order = torch.randperm(whole.size, generator=torch.Generator().manual_seed(0), device="cpu")
    return [whole.taken(part.tolist()) for part in torch.split(order, size) if len(part) == size]


def _validation(program: Program) -> Batch | None:
    loader = program.subject.val_loader
    if loader is None:
        return None
    with reading(program.subject, loader, program.limits) as batches:
        return joined([batch for batch in islice(batches, _LOOKS) if not batch.epoch])


def _trained(program: Program, batches: Sequence[Batch], fresh: Batch | None) -> Trained:
    losses: list[float] = []
    looked = joined(batches[:: max(1, len(batches) // _LOOKS)][:_LOOKS])
    with trained(program) as trainee:
        for number in range(_STEPS):
            loss = trainee.step(batches[number % len(batches)]).loss
            losses.append(float("nan") if loss is None else loss)
        evaluated = trainee.loss(looked, training=False)
        last = evaluated if fresh is None else trainee.loss(fresh, training=False)
    return Trained(float(np.mean(losses[-_LOOKS:])), evaluated, last)
