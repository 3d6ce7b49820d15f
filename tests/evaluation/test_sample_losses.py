"""Losses of samples from one call, against one call for each."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nbinspect.evaluation.sample_losses import how_to_take, losses_alone, losses_together
from nbinspect.subject import make_subject

N = 7
_DRAW = torch.Generator().manual_seed(0)
ROWS, MAPS = torch.randn(N, 4, generator=_DRAW), torch.randn(N, 4, 3, 5, generator=_DRAW)
CLASSES, PIXELS = torch.arange(N) % 4, torch.randint(0, 4, (N, 3, 5), generator=_DRAW)
PIXELS[0, :, :3] = -100
PIXELS[1] = 2
NUMBERS, FLAGS = torch.randn(N, 4, generator=_DRAW), (torch.randn(N, 4, generator=_DRAW) > 0).float()
WEIGHT = torch.tensor([1.0, 5.0, 0.5, 2.0])
SOFT = torch.rand(N, 4, generator=_DRAW).softmax(1)


class Focal(nn.Module):
    """A loss of a user's own, made of one of PyTorch's and of more."""

    def forward(self, outputs, targets):
        plain = F.cross_entropy(outputs, targets, reduction="none")
        return ((1 - torch.exp(-plain)) ** 2 * plain).mean()


CASES = [
    (nn.CrossEntropyLoss(), ROWS, CLASSES, "together"),
    (nn.CrossEntropyLoss(WEIGHT), ROWS, CLASSES, "together"),
    (nn.CrossEntropyLoss(WEIGHT, label_smoothing=0.1), ROWS, CLASSES, "together"),
    (nn.CrossEntropyLoss(reduction="sum"), ROWS, CLASSES, "together"),
    (nn.CrossEntropyLoss(ignore_index=2), ROWS, CLASSES, "together"),
    (nn.CrossEntropyLoss(), ROWS, SOFT, "together"),
    (nn.CrossEntropyLoss(WEIGHT), MAPS, PIXELS, "together"),
    (nn.NLLLoss(WEIGHT), ROWS.log_softmax(1), CLASSES, "together"),
    (nn.MultiMarginLoss(), ROWS, CLASSES, "together"),
    (nn.MSELoss(), ROWS, NUMBERS, "together"),
    (nn.L1Loss(), ROWS, NUMBERS, "together"),
    (nn.SmoothL1Loss(), ROWS, NUMBERS, "together"),
    (nn.HuberLoss(), ROWS, NUMBERS, "together"),
    (nn.KLDivLoss(reduction="batchmean"), ROWS.log_softmax(1), SOFT, "together"),
    (nn.BCEWithLogitsLoss(pos_weight=WEIGHT), ROWS, FLAGS, "together"),
    (nn.BCELoss(), ROWS.sigmoid(), FLAGS, "together"),
    (nn.MultiLabelSoftMarginLoss(), ROWS, FLAGS, "together"),
    (F.cross_entropy, ROWS, CLASSES, "together"),
    (functools.partial(F.cross_entropy, weight=WEIGHT), ROWS, CLASSES, "together"),
    (lambda out, goal: F.cross_entropy(out.movedim(1, -1).flatten(0, 2), goal.flatten()), MAPS, PIXELS, "together"),
    (lambda out, goal: F.mse_loss(out, goal) + out.abs().mean(), ROWS, NUMBERS, "alone"),
    (Focal(), ROWS, CLASSES, "alone"),
    (lambda out, goal: ((out - goal) ** 2).mean(), ROWS, NUMBERS, "alone"),
    (lambda out, goal: (out @ out.T)[0, 1], ROWS, NUMBERS, "none"),
    (lambda out, goal: 1 / 0, ROWS, NUMBERS, "none"),
]


@pytest.mark.parametrize(("loss_fn", "outputs", "targets", "how"), CASES)
def test_each_loss_is_that_of_the_sample_alone(loss_fn, outputs, targets, how):
    """One call is made for all where, and only where, it gives what the loss gives on each sample alone."""
    subject = make_subject(nn.Linear(1, 1), None, loss_fn)
    found, losses = how_to_take(subject, outputs, targets, N)
    assert found == how
    if how == "none":
        assert losses is None
        return
    alone = [float(loss_fn(outputs[[n]], targets[[n]])) for n in range(N)]
    np.testing.assert_allclose(losses.numpy(), alone, rtol=1e-4)
    if how == "together":
        np.testing.assert_allclose(losses_together(subject, outputs, targets, N).numpy(), alone, rtol=1e-4)


def test_a_loss_that_squeezes_is_taken_together():
    """A loss that refuses one sample, for its shape is lost, still has losses of samples in one call."""
    loss = lambda out, goal: F.binary_cross_entropy_with_logits(out.squeeze(), goal)  # noqa: E731 - a user's own
    subject = make_subject(nn.Linear(1, 1), None, loss)
    how, losses = how_to_take(subject, ROWS[:, :1], FLAGS[:, 0], N)
    wanted = F.binary_cross_entropy_with_logits(ROWS[:, 0], FLAGS[:, 0], reduction="none")
    assert how == "together"
    np.testing.assert_allclose(losses.numpy(), wanted.numpy(), rtol=1e-5)


@pytest.mark.parametrize(("loss_fn", "how"), [(nn.CrossEntropyLoss(WEIGHT), "together"), (Focal(), "alone")])
def test_a_bad_label_costs_no_other_sample_its_loss(loss_fn, how):
    """Of labels outside of the classes the samples alone have none, and how losses are taken is told by the others."""
    subject, bad = make_subject(nn.Linear(1, 1), None, loss_fn), CLASSES.clone()
    bad[2], bad[5] = 7, -1
    found, losses = how_to_take(subject, ROWS, bad, N)
    sound = [0, 1, 3, 4, 6]
    wanted = np.full(N, np.nan)
    wanted[sound] = [float(loss_fn(ROWS[[n]], CLASSES[[n]])) for n in sound]
    assert found == how
    np.testing.assert_allclose(losses.numpy(), wanted, rtol=1e-4)
    refused: dict = {}
    np.testing.assert_allclose(losses_together(subject, ROWS, bad, N, refused).numpy(), wanted, rtol=1e-4)
    assert list(refused) == [2, 5]
    assert "Target 7 is out of bounds" in str(refused[2])


def test_samples_that_cannot_be_told_apart_have_no_losses():
    """Neither outputs without a row for each sample nor packed ones give every sample the loss of all of them."""
    whole = make_subject(nn.Linear(1, 1), None, lambda out, goal: out.mean() + goal.mean())
    assert losses_alone(whole, torch.randn(N + 2, 4), NUMBERS, N) is None
    packed = nn.utils.rnn.pack_sequence([torch.randn(3, 1)] * N)
    own = make_subject(nn.Linear(1, 1), None, lambda out, goal: out.data.mean() + goal.mean())
    assert losses_alone(own, packed, NUMBERS, N) is None


def test_lists_with_a_mapping_for_each_sample_are_cut():
    """Of a detector's lists each sample's loss is that of its own boxes."""
    draw = torch.Generator().manual_seed(1)
    out = [{"boxes": torch.randn(n + 1, 4, generator=draw)} for n in range(N)]
    goal = [{"boxes": torch.randn(n + 1, 4, generator=draw)} for n in range(N)]

    def loss(outputs, targets):
        return sum(F.l1_loss(a["boxes"], b["boxes"]) for a, b in zip(outputs, targets, strict=True)) / len(outputs)

    alone = losses_alone(make_subject(nn.Linear(1, 1), None, loss), out, goal, N)
    wanted = [float((a["boxes"] - b["boxes"]).abs().mean()) for a, b in zip(out, goal, strict=True)]
    np.testing.assert_allclose(alone.numpy(), wanted, rtol=1e-5)


@pytest.mark.gpu
def test_a_loss_that_gives_a_plain_number_is_taken_on_a_device_too():
    """Of outputs on an accelerator the losses of a function that returns a float are those of one call."""
    subject = make_subject(nn.Identity(), [], lambda outputs, targets: F.cross_entropy(outputs, targets).item())
    how, losses = how_to_take(subject, ROWS.cuda(), CLASSES.cuda(), N)
    assert how == "together"
    np.testing.assert_allclose(losses.cpu(), F.cross_entropy(ROWS, CLASSES, reduction="none"), rtol=1e-5)
