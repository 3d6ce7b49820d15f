from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import record
from nbinspect.sanity.task import infer_task
from nbinspect.sanity.trials.fitting.meeting import Meeting, meeting_of
from nbinspect.subject import make_subject

X = torch.randn(6, 4)


def met(model: nn.Module, loss: nn.Module, y: torch.Tensor, outputs: object) -> Meeting | None:
    subject = make_subject(model, [(X, y)], loss)
    batch = make_batch(subject, (X, y))
    recorded = record(Program(subject, Limits(60)), batch)
    return meeting_of(recorded, infer_task(subject, batch, recorded), outputs)


def test_classes_are_met_by_the_probability_of_the_right_one() -> None:
    """Of six samples five are right, and the probabilities are those of the softmax at the labels."""
    y = torch.arange(6) % 3
    outputs = 5.0 * nn.functional.one_hot(y, 3).float()
    outputs[0] = torch.tensor([0.0, 4.0, 0.0])
    found = met(nn.Linear(4, 3), nn.CrossEntropyLoss(), y, outputs)
    assert found.right == pytest.approx(5 / 6)
    assert sorted(found.after) == pytest.approx(sorted(outputs.softmax(1)[torch.arange(6), y].tolist()))
    assert found.is_nearer


def test_numbers_are_shown_in_the_order_of_the_labels() -> None:
    """Labels of a regression ascend, and outputs that equal them lie on them."""
    y = torch.randn(6, 1)
    found = met(nn.Linear(4, 1), nn.MSELoss(), y, y.clone())
    assert found.labels.tolist() == sorted(found.labels.tolist())
    assert found.after.tolist() == found.labels.tolist()
    assert found.right == 1


def test_outputs_that_cannot_be_compared_give_no_picture() -> None:
    """Other shapes, values that are not finite, and nothing at all are left out."""
    y = torch.randn(6, 1)
    for outputs in (None, torch.zeros(6, 2), torch.full((6, 1), float("nan"))):
        assert met(nn.Linear(4, 1), nn.MSELoss(), y, outputs) is None
