from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import nn

from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.check import MissingNeed
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.labels.fresh import Look, labels_of, looked_at, looks_while_training, strength
from nbinspect.subject import make_subject

TASK = TaskRecord("classification", True, "", "", 2)


def made(model: nn.Module, *raws: Any, **more: Any) -> tuple[Program, list[Batch]]:
    loss = more.pop("loss_fn", nn.CrossEntropyLoss())
    subject = make_subject(model, list(raws), loss, **more)
    return Program(subject, Limits(60, lambda: False)), [make_batch(subject, raw) for raw in raws]


def look(deviations: float, samples: int = 8) -> Look:
    return Look(1.0, 1.0, deviations, samples)


def test_without_a_link_the_strength_is_about_normal() -> None:
    """Labels of chance give looks with mean 0 and deviation 1, whatever the outputs are."""
    raws = [(torch.randn(32, 6), torch.randint(3, (32,))) for _ in range(200)]
    program, batches = made(nn.Linear(6, 3), *raws)
    found = torch.tensor([looked_at(program, TASK, batch).deviations for batch in batches])
    assert abs(float(found.mean())) < 3 / math.sqrt(200)
    assert float(found.std()) == pytest.approx(1, abs=0.2)


def test_outputs_that_are_far_too_sure_do_not_mislead() -> None:
    """The strength is the same for outputs a thousand times as large, whose loss is far above chance."""
    model, raw = nn.Linear(4, 2), (torch.randn(64, 4), torch.randint(2, (64,)))
    program, (batch,) = made(model, raw)
    before = looked_at(program, TASK, batch)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1000)
    after = looked_at(program, TASK, batch)
    assert after.own > 100 * before.own
    assert abs(after.deviations) < 4


def test_the_own_loss_is_that_of_the_user() -> None:
    """Own labels give the loss of the batch, and exchanged ones the mean over all exchanges."""
    model, x = nn.Linear(2, 1), torch.randn(40, 2)
    program, (batch,) = made(model, (x, model(x).detach()), loss_fn=nn.MSELoss())
    found = looked_at(program, TASK, batch)
    assert found.own == 0
    assert found.exchanged == pytest.approx(2 * float(model(x).detach().var()), rel=0.2)
    assert found.deviations == pytest.approx(math.sqrt(39), rel=0.3)


def test_one_class_tells_nothing() -> None:
    """A batch of a single class has no samples that count."""
    program, (batch,) = made(nn.Linear(2, 2), (torch.randn(8, 2), torch.ones(8, dtype=torch.long)))
    assert looked_at(program, TASK, batch).samples == 0


def test_strength_adds_up_as_deviations_do() -> None:
    """Nine looks of one deviation are three together, and what tells nothing counts for nothing."""
    assert strength([look(1.0)] * 9) == pytest.approx(3.0)
    assert strength([look(1.0)] * 9 + [look(0.0, samples=0)] * 20) == pytest.approx(3.0)
    assert strength([look(0.0)] * 4 + [look(2.0)] * 4) == pytest.approx(4.0)
    assert strength([]) == 0


def test_training_ends_as_soon_as_it_is_clear() -> None:
    """Labels that follow need few of the steps, and every look is at a batch that was not trained on."""
    model = nn.Linear(4, 2)
    raws = []
    for _ in range(30):
        x = torch.randn(64, 4)
        raws.append((x, (x[:, 0] > 0).long()))
    program, batches = made(model, *raws, optimizer=torch.optim.Adam(model.parameters(), 0.05))
    before = model.weight.clone()
    looks = looks_while_training(program, TASK, batches, 25, 4.5)
    assert 4 <= len(looks) <= 12
    assert program.steps == len(looks) - 1
    assert torch.equal(model.weight, before)


@pytest.mark.parametrize("kind", ["none", "one sample", "the inputs"])
def test_what_has_no_labels_is_refused(kind: str) -> None:
    """No targets, a batch of one sample, and targets that are the inputs have no labels to exchange."""
    x = torch.randn(6, 3)
    raw = {"none": x, "one sample": (x[:1], torch.ones(1)), "the inputs": (x, x.clone())}[kind]
    _, (batch,) = made(nn.Linear(3, 3), raw)
    with pytest.raises(MissingNeed):
        labels_of(batch)


class Single(nn.Module):
    """Gives one number a sample, and its own loss."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = self.head(x)
        return (logits.squeeze(1) - labels).square().mean(), logits


@pytest.mark.parametrize(("classes", "can"), [(2, True), (5, False)])
def test_one_number_for_several_classes_has_no_usual_loss(classes: int, can: bool) -> None:
    """One logit for labels 0 and 1 is looked at, and one for more classes is told to lack a loss."""
    raw = {"x": torch.randn(20, 4), "labels": torch.arange(20) % classes}
    program, (batch,) = made(Single(), raw, loss_fn=None)
    if can:
        assert math.isfinite(looked_at(program, TASK, batch).own)
    else:
        with pytest.raises(MissingNeed):
            looked_at(program, TASK, batch)
