from __future__ import annotations

import math

import pytest
import torch

from nbinspect.dynamics.losses import Losses


def test_each_step_has_the_mean_of_its_losses() -> None:
    """Several losses before one step, as with gradient accumulation, count with their mean."""
    losses = Losses()
    for value in (1.0, 3.0):
        losses.seen(torch.tensor(value))
    losses.stepped(1)
    losses.seen(torch.tensor([5.0, 7.0]))
    losses.stepped(2)
    losses.stepped(3)
    assert losses.read() == ([1, 2], [2.0, 6.0])
    assert losses.read() == ([], [])


def test_shares_of_one_loss_are_added() -> None:
    """Losses that are each divided by the size of the whole step count with their sum."""
    losses = Losses()
    losses.shares = True
    for value in (1.0, 3.0):
        losses.seen(torch.tensor(value))
    losses.stepped(1)
    assert losses.read() == ([1], [4.0])


def test_a_validation_with_gradients_does_not_count() -> None:
    """Losses in eval mode, of a validation that keeps its gradients, are left out where the step has one of its own."""
    losses = Losses()
    losses.seen(torch.tensor(9.0), training=False)
    losses.seen(torch.tensor(1.0))
    losses.stepped(1)
    losses.seen(torch.tensor(2.0), training=False)
    losses.stepped(2)
    assert losses.read() == ([1, 2], [1.0, 2.0])


def test_a_closure_counts_with_its_first_loss() -> None:
    """While an optimizer evaluates a closure again and again, the loss before the step is that of the step."""
    losses = Losses()
    losses.stepping()
    for value in (4.0, 3.0, 2.0):
        losses.seen(torch.tensor(value))
    losses.stepped(1)
    assert losses.read() == ([1], [4.0])


def test_the_users_word_counts_more_than_what_was_seen() -> None:
    """A loss that is given for a step takes the place of the one that was seen."""
    losses = Losses()
    losses.seen(torch.tensor(1.0))
    losses.stepped(1)
    losses.given(1, torch.tensor(9.0, requires_grad=True))
    losses.stepped(2)
    losses.given(2, 8.0)
    assert losses.read() == ([1, 2], [9.0, 8.0])


def test_losses_that_are_no_numbers_are_kept() -> None:
    """NaN and Inf are recorded like any loss."""
    losses = Losses()
    for step, value in ((1, math.nan), (2, math.inf)):
        losses.seen(torch.tensor(value))
        losses.stepped(step)
    _, values = losses.read()
    assert math.isnan(values[0])
    assert math.isinf(values[1])


@pytest.mark.gpu
def test_a_loss_on_an_accelerator_is_read_later() -> None:
    """A loss on the device is no number before it is read, and then has the order of its step."""
    losses = Losses()
    for step in range(1, 5):
        losses.seen(torch.tensor(float(step), device="cuda"))
        losses.stepped(step)
        assert losses.last is None
    assert losses.read() == ([1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0])


def test_a_loss_given_as_a_whole_number_counts() -> None:
    """A loss that the user gives as a tensor of integers is that number, of one axis or none."""
    losses = Losses()
    losses.given(1, torch.tensor(3))
    losses.given(2, torch.tensor([4]))
    assert losses.last == 4.0
    assert losses.read() == ([1, 2], [3.0, 4.0])
