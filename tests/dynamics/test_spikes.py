from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.dynamics.culprits import SpikeCatcher, caught
from nbinspect.dynamics.spikes import SAMPLED, SpikeWatch
from nbinspect.records import Spike
from nbinspect.subject import make_subject


def spikes_in(losses: np.ndarray) -> list[int]:
    watch = SpikeWatch()
    asked = [(step, loss) for step, loss in enumerate(losses.tolist(), 1)]
    return [step for step, loss in asked if (loss > watch.limit or not step % SAMPLED) and watch.is_spike(loss)]


@pytest.mark.parametrize("seed", range(10))
def test_noise_is_no_spike(seed: int) -> None:
    """A noisy loss that falls, as that of a healthy run does, has no spike."""
    rng = np.random.default_rng(seed)
    steps = np.arange(3000)
    losses = (2.3 * np.exp(-steps / 600) + 0.05) * rng.lognormal(0, 0.25, len(steps))
    assert spikes_in(losses) == []


def test_a_spike_is_seen_at_its_own_step() -> None:
    """A single loss far above the others is a spike, and only that."""
    losses = np.random.default_rng(0).normal(1.0, 0.1, 500)
    losses[300] = 6.0
    assert spikes_in(losses) == [301]


def test_a_loss_near_zero_may_double() -> None:
    """Late in a run that has gained much, a loss that loses little of it is no spike."""
    losses = np.concatenate([np.linspace(2.3, 0.02, 200), np.full(300, 0.01)])
    losses[400] = 0.12
    assert spikes_in(losses) == []


def test_a_rise_that_stays_is_told_once() -> None:
    """Losses that go up for good are one spike, and then are what is usual."""
    losses = np.concatenate([np.full(200, 1.0), np.full(300, 9.0)]) + np.random.default_rng(0).normal(0, 0.01, 500)
    assert spikes_in(losses) == [201]


def test_nothing_is_told_before_enough_is_known() -> None:
    """The first steps, which fall from far above, and losses of NaN or below zero make no spike."""
    assert spikes_in(np.array([50.0, 1.0, 40.0, 1.0])) == []
    assert spikes_in(np.concatenate([np.full(100, 1.0), [math.nan]])) == []
    assert spikes_in(-np.abs(np.random.default_rng(0).normal(5, 1, 500))) == []


def test_a_batch_that_cannot_be_split_leaves_the_spike_without_it() -> None:
    """Where the user's `split` raises on the batch of a spike, the spike is kept, and training is not told of it."""
    kept: list[Spike] = []
    catcher = SpikeCatcher(make_subject(nn.Linear(3, 2), split=lambda batch: batch["missing"]), kept.append)
    catcher.given = {"x": torch.zeros(4, 3)}
    for step in range(1, 101):
        catcher.look(step, 1.0 + 0.01 * (step % 3))
    catcher.look(101, 50.0)
    assert [(spike.step, spike.loss, spike.batch) for spike in kept] == [(101, 50.0, None)]


def test_the_worst_samples_of_a_batch_with_time_first_are_samples() -> None:
    """With batch_axis=1 those behind a spike are the series with the largest losses, not steps of time."""
    torch.manual_seed(0)
    model, x = nn.GRU(3, 4), torch.randn(12, 20, 3)
    goal = torch.randn(12, 20, 4)
    goal[:, [3, 17]] += 9
    subject = make_subject(Outputs(model), None, nn.MSELoss(), batch_axis=1)
    spike = caught(subject, 1, (9.0, 1.0), ((x,), {}), goal)
    with torch.no_grad():
        losses = (model(x)[0] - goal).square().mean((0, 2))
    worst = losses.argsort(descending=True)[:8]
    assert set(worst[:2].tolist()) == {3, 17}
    assert spike.batch.batch.size == 8
    np.testing.assert_allclose(spike.losses, losses[worst].numpy(), rtol=1e-5)
    means = spike.batch.batch.tensors[0].samples.mean
    np.testing.assert_allclose(means, x[:, worst].mean((0, 2)).numpy(), rtol=1e-4, atol=1e-6)


class Outputs(nn.Module):
    """The outputs of a recurrent network alone."""

    def __init__(self, rnn: nn.Module) -> None:
        super().__init__()
        self.rnn = rnn

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(x)[0]
