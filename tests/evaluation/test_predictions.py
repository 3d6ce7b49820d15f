from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from nbinspect.capture.batch import capture_batch
from nbinspect.decode.batch import decode_batch, with_predictions
from nbinspect.errors import CaptureError
from nbinspect.evaluation.predictions import evaluate
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


class Tagger(nn.Module):
    """Logits (T, N, 4) of series (T, N, 3)."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(3, 5), nn.Linear(5, 4)

    def forward(self, x):
        return self.head(self.rnn(x)[0])


class Classifier(Tagger):
    """Logits (N, 4) of series (T, N, 3)."""

    def forward(self, x):
        return super().forward(x)[-1]


def by_token(outputs, targets):
    return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def unreduced(outputs, targets):
    return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")


@pytest.mark.parametrize("model", [Classifier, Tagger])
def test_losses_with_time_first_are_those_of_samples(model):
    """With batch_axis=1 losses, predictions and their correctness are those of each sample run alone."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 8, 3, generator=generator)
    tags = torch.randint(4, (12, 8), generator=generator)
    net = model()
    batch, loss_fn = ((x, tags), by_token) if model is Tagger else ((x, tags[0]), nn.CrossEntropyLoss())
    subject = make_subject(net, [batch], loss_fn, batch_axis=1)
    captured = capture_batch(subject, batch)
    found = evaluate(subject, captured)
    with torch.no_grad():
        alone = [loss_fn(net(x[:, [n]]), batch[1][..., [n]]) for n in range(8)]
    np.testing.assert_allclose(found.losses, torch.stack(alone).numpy(), rtol=1e-5)
    assert len(found.outputs) == 8
    shown = with_predictions(decode_batch(captured, subject), found, captured, subject)
    with torch.no_grad():
        guess = net(x).argmax(-1)
    if model is Classifier:
        assert [text.split()[0] for text in shown.predictions.text] == [str(int(each)) for each in guess]
        assert shown.correct.tolist() == (guess == tags[0]).int().tolist()
    else:
        np.testing.assert_allclose(shown.predictions.values, (guess == tags).float().mean(0).numpy(), rtol=1e-6)
    assert shown.notes == ()


def test_a_loss_without_reduction_over_time_gives_no_losses_rather_than_wrong_ones():
    """Where the loss of time-first tokens takes no sample alone, its values are not cut into samples at random."""
    x, tags = torch.randn(12, 8, 3), torch.randint(4, (12, 8))
    subject = make_subject(Tagger(), [(x, tags)], unreduced, batch_axis=1)
    assert evaluate(subject, capture_batch(subject, (x, tags))).losses is None
