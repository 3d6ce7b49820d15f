"""How a network memorises some samples, with own or exchanged labels, and what it then knows of others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from math import inf

import torch

from nbinspect.nested import tensors_in
from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.labels.fresh import Look, labels_of, looked_at, strength
from nbinspect.sanity.trials.rates.rates import without_schedule
from nbinspect.sanity.trials.running.trainee import trained

_RATE = 1e-2


@dataclass(frozen=True)
class Memory:
    """A copy that was trained on the same samples again and again."""

    losses: tuple[float, ...]
    """Of these samples, before each step."""
    strength: float
    """By how many deviations it knows the labels of other samples; the largest of two looks at them."""


def memory_of(
    program: Program,
    task: TaskRecord,
    seen: Batch,
    others: Sequence[Batch],
    *,
    steps: int,
    enough: float,
    at_least: float = inf,
) -> Memory:
    """Train a copy with Adam on one batch until it is memorised, and look at others halfway and at the end.

    Args:
        program: left unchanged.
        task: as in `looked_at`.
        seen: trained on.
        others: looked at only.
        steps: at most, but for a slow network.
        enough: the loss at which the batch counts as memorised.
        at_least: as many steps again are taken while the loss is above it.

    Raises:
        MissingNeed: as `trained` and `looked_at`.
    """
    losses: list[float] = []
    found = [0.0]

    def look() -> None:
        looks: list[Look] = [looked_at(trainee.program, task, batch) for batch in others]
        found.append(strength(looks))

    with trained(program, optimizer=partial(torch.optim.Adam, lr=_RATE), changed=without_schedule) as trainee:
        for number in range(2 * steps):
            loss = trainee.step(seen, held=True).loss
            losses.append(float("nan") if loss is None else loss)
            if number == steps // 2 and others:
                look()
            if losses[-1] <= enough or (number + 1 >= steps and not losses[-1] > at_least):
                break
        look()
    return Memory(tuple(losses), max(found, key=abs))


def relabelled(batch: Batch, seed: int) -> Batch:
    """Return a batch with its labels exchanged among its samples.

    Raises:
        MissingNeed: as `labels_of`, or if the model takes its labels from elsewhere.
    """
    targets, axis = labels_of(batch)
    if batch.subject.loss_fn is None and all(tensor is not targets for _, tensor in tensors_in(batch.raw, "")):
        raise MissingNeed("labels that are in the batch as they are")
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(batch.size, generator=generator, device="cpu").to(targets.device)
    return batch.changed(lambda tensor: tensor.index_select(axis, order) if tensor is targets else tensor)
