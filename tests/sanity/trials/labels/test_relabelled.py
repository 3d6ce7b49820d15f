from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.evidence.data.joined import joined
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.labels.relabelled import memory_of, relabelled
from nbinspect.subject import make_subject

TASK = TaskRecord("classification", True, "", "", 2)


def made(raws: list[Any], model: nn.Module | None = None, **more: Any) -> tuple[Program, list[Batch]]:
    subject = make_subject(model or nn.Linear(3, 2), raws, nn.CrossEntropyLoss(), **more)
    return Program(subject, Limits(60, lambda: False)), [make_batch(subject, raw) for raw in raws]


def test_labels_are_exchanged_everywhere_at_once() -> None:
    """The same labels, in another order, in the raw batch as in its targets; the inputs and the original stay."""
    x, y = torch.randn(50, 3), torch.arange(50)
    _, (batch,) = made([{"x": x, "labels": y}])
    found = relabelled(batch, 0)
    assert found.targets is found.raw["labels"]
    assert sorted(found.targets.tolist()) == y.tolist() != found.targets.tolist()
    assert torch.equal(found.raw["x"], x)
    assert torch.equal(batch.raw["labels"], torch.arange(50))


@pytest.mark.parametrize("axis", [0, 1])
def test_batches_are_joined_along_their_samples(axis: int) -> None:
    """Three batches of four are one of twelve, in order, whichever axis the samples lie along."""
    raws = [(torch.randn(4, 7, 3) if axis == 0 else torch.randn(7, 4, 3), torch.full((4,), n)) for n in range(3)]
    _, batches = made(raws, batch_axis=axis)
    found = joined(batches)
    assert found.size == 12
    assert torch.equal(found.raw[0], torch.cat([raw[0] for raw in raws], axis))
    assert found.targets.tolist() == [0] * 4 + [1] * 4 + [2] * 4


@pytest.mark.parametrize("kind", ["packed", "ragged"])
def test_what_cannot_be_joined_is_refused(kind: str) -> None:
    """Packed sequences, and samples of different lengths, give a need that is missing."""
    if kind == "packed":
        raws = [(pack_sequence([torch.randn(3, 2), torch.randn(2, 2)]), torch.zeros(2)) for _ in range(2)]
    else:
        raws = [(torch.randn(4, length, 3), torch.zeros(4)) for length in (5, 6)]
    _, batches = made(raws)
    with pytest.raises(MissingNeed, match="joined"):
        joined(batches)


def test_a_batch_is_memorised_and_others_are_not_known() -> None:
    """Labels of chance are memorised on a copy, whose loss falls, and the labels of others stay at chance."""
    model = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 2))
    raws = [(torch.randn(64, 8), torch.randint(2, (64,))) for _ in range(8)]
    program, batches = made(raws, model)
    before = model[0].weight.clone()
    found = memory_of(program, TASK, batches[0], batches[1:], steps=40, enough=0.2)
    assert found.losses[-1] < 0.6 < found.losses[0]
    assert abs(found.strength) < 4
    assert len(found.losses) == program.steps <= 40
    assert torch.equal(model[0].weight, before)
