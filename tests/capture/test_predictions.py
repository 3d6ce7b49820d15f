from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from nbinspect.capture.batch import capture_batch
from nbinspect.capture.predictions import evaluate
from nbinspect.errors import CaptureError
from nbinspect.subject import make_subject

X, Y = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])


def network():
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, 3))


def evaluated(model, batch, loss_fn=None):
    subject = make_subject(model, [batch], loss_fn)
    return evaluate(subject, capture_batch(subject, batch))


LOSSES = [
    (nn.CrossEntropyLoss(), Y, lambda out: functional.cross_entropy(out, Y, reduction="none")),
    (nn.CrossEntropyLoss(reduction="sum"), Y, lambda out: functional.cross_entropy(out, Y, reduction="none")),
    (functional.cross_entropy, Y, lambda out: functional.cross_entropy(out, Y, reduction="none")),
    (nn.MSELoss(), X, lambda out: ((out - X) ** 2).mean(1)),
]


@pytest.mark.parametrize(("loss_fn", "target", "expected"), LOSSES)
def test_each_samples_loss_is_its_own(loss_fn, target, expected):
    """The loss of each sample is what the loss gives on that sample alone, whatever its reduction over the batch."""
    model = network()
    losses = evaluated(model, (X, target), loss_fn).losses
    with torch.no_grad():
        np.testing.assert_allclose(losses, expected(model.eval()(X)).numpy(), rtol=1e-5)


def test_predictions_are_those_of_eval_mode_and_leave_no_trace():
    """Outputs are those of eval mode, without a graph, and train mode, statistics and weights are left unchanged."""
    model = network().train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    outputs = evaluated(model, (X, Y), nn.CrossEntropyLoss()).outputs
    assert model.training
    assert not outputs.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(outputs, model.eval()(X).detach())


@pytest.mark.parametrize("loss_fn", [None, lambda outputs, targets: (outputs @ outputs.T)[0, 1], lambda a, b: a])
def test_a_loss_that_has_no_value_per_sample_gives_none(loss_fn):
    """Without a loss, or with one over pairs or without reduction, there are no losses per sample, and no error."""
    assert evaluated(network(), (X, Y), loss_fn).losses is None


def test_a_forward_that_raises_is_named():
    """A forward that cannot run on the batch gives an error with its cause."""
    with pytest.raises(CaptureError, match="the forward raised RuntimeError: mat1 and mat2"):
        evaluated(nn.Linear(7, 2), (X, Y))
