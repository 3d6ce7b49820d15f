"""The task of a program, told without a recorded pass."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.capture.task import named_loss, tell_task
from nbinspect.subject import make_subject


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (nn.CrossEntropyLoss(), "F.cross_entropy"),
        (nn.NLLLoss(), "F.nll_loss"),
        (nn.BCEWithLogitsLoss(), "F.binary_cross_entropy_with_logits"),
        (nn.BCELoss(), "F.binary_cross_entropy"),
        (nn.SmoothL1Loss(), "F.smooth_l1_loss"),
        (lambda out, goal: out.sum(), ""),
        (None, ""),
    ],
)
def test_losses_are_named_by_their_class(loss, name):
    """A loss module of PyTorch's has the name of its function; others have none."""
    assert named_loss(loss) == name


def test_the_user_has_the_last_word():
    """A task that is given is kept, and without one it follows from loss, outputs and targets."""
    rows, classes = torch.randn(6, 4), torch.arange(6) % 4
    for given, kind in ((None, "classification"), ("other", "other")):
        subject = make_subject(nn.Linear(4, 4), None, None, task=given)
        task = tell_task(subject, "F.cross_entropy", rows, classes, inputs=[rows], size=6)
        assert task.kind == kind
        assert task.given is (given is not None)


def contrastive(outputs, same):
    return (outputs[0] - outputs[1]).norm(dim=1).mean() * same.float().mean()


@pytest.mark.parametrize("loss", [contrastive, nn.CosineEmbeddingLoss(), nn.TripletMarginLoss(), None])
def test_pairs_are_no_classification(loss):
    """An embedding of each of two inputs is no row of classes, though the target is whole numbers."""
    same = torch.arange(6) % 2
    inputs = [torch.randn(6, 3), torch.randn(6, 3)]
    task = tell_task(make_subject(nn.Linear(3, 4), None, loss), "", torch.randn(6, 4), same, inputs=inputs, size=6)
    assert task.kind == "other"


def test_two_inputs_of_a_classifier_are_none():
    """Two inputs of one shape with classes beyond 0 and 1 are classified."""
    inputs = [torch.randn(6, 3), torch.randn(6, 3)]
    subject = make_subject(nn.Linear(3, 4), None, None)
    task = tell_task(subject, "", torch.randn(6, 4), torch.arange(6) % 4, inputs=inputs, size=6)
    assert task.kind == "classification"
