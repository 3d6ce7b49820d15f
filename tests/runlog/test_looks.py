from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.runlog.looks import VALUES, Looks, facts_of_rank, is_look, rank_of_process
from nbinspect.subject import make_subject


def test_all_ranks_look_at_the_same_few_steps():
    """Powers of two, then each hundredth, then each thousandth step: eight of the first hundred, 1,097 of a million."""
    assert [step for step in range(1, 401) if is_look(step)] == [1, 2, 4, 8, 16, 32, 64, 100, 200, 300, 400]
    assert sum(map(is_look, range(1, 1_000_001))) == 7 + 100 + 990


class Trained:
    """A small training whose looks are kept."""

    def __init__(self, seed=0, data=0):
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
        self.loss_fn, self.found, self.losses = nn.CrossEntropyLoss(), [], []
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)
        self.looks = Looks(make_subject(self.model, None, self.loss_fn), self.found.append)
        self.draw = torch.Generator().manual_seed(data)

    def steps(self, count, passes=1):
        for _ in range(count):
            for _ in range(passes):
                x = torch.randn(8, 6, generator=self.draw)
                loss = self.loss_fn(self.model(x), x[:, :3].argmax(1))
                loss.backward()
                self.losses.append(loss.item())
            self.optimizer.step()
        return self


def test_a_look_has_losses_and_values_of_parameters():
    """A look has the mean of the losses since the one before, and values that stand in the parameters."""
    run = Trained().steps(4)
    assert [(look.step, look.losses) for look in run.found] == [(1, 1), (2, 1), (4, 2)]
    assert run.found[-1].loss == pytest.approx(np.mean(run.losses[2:]), rel=1e-6)
    values = run.found[-1].parameters
    assert values.shape == (4, VALUES)
    weight = run.model[0].weight.detach().reshape(-1)
    assert set(values[0].tolist()) <= set(weight.tolist())
    assert np.isnan(values[3][3:]).all(), "the last bias has three values"


def test_the_same_batches_have_the_same_digest():
    """Runs on the same data have the same digests, whatever their weights; other data, or passes, have others."""
    first, same, other, twice = Trained(0).steps(4), Trained(1).steps(4), Trained(0, 1).steps(4), Trained(0).steps(4, 2)
    digests = [[look.samples for look in run.found] for run in (first, same, other, twice)]
    assert digests[0] == digests[1]
    assert not set(digests[0]) & set(digests[2])
    assert not set(digests[0]) & set(digests[3])
    assert len(set(digests[0])) == 3


def test_what_is_not_training_is_not_seen():
    """Validation without gradients, and a model that has steps of no optimizer of its own, leave no look."""
    run = Trained()
    with torch.no_grad():
        run.model(torch.randn(8, 6))
    other = nn.Linear(2, 2)
    other(torch.randn(1, 2)).sum().backward()
    torch.optim.SGD(other.parameters(), lr=0.1).step()
    assert run.found == []
    run.steps(1)
    assert run.found[0].samples == Trained().steps(1).found[0].samples


def test_a_look_that_fails_never_reaches_the_training():
    """Where what keeps the looks raises, training goes on."""
    run = Trained()

    def refuse(_):
        raise OSError

    run.looks._keep = refuse
    run.steps(3)
    assert run.looks.steps == 3


def test_nothing_is_seen_after_the_end():
    """Without its hooks no step and no batch is seen any more, and the modules have none left."""
    run = Trained().steps(1)
    run.looks.remove()
    run.steps(3)
    assert len(run.found) == 1
    assert not run.model._forward_hooks
    assert not run.loss_fn._forward_hooks


def test_a_loss_that_is_given_counts():
    """A loss that the user gives is the loss of the look, also as a plain number; none at all is NaN."""
    run = Trained()
    run.looks._hooks.remove()
    run.looks.given(2.0)
    run.looks.given(torch.tensor(4.0))
    run.looks.after_step(run.optimizer)
    run.looks.after_step(run.optimizer)
    assert [look.loss for look in run.found][:1] == [3.0]
    assert math.isnan(run.found[1].loss)


def test_a_large_network_is_read_in_part():
    """Of a network with many parameters 64 are read, the first and the last among them."""
    names = facts_of_rank(make_subject(nn.Sequential(*[nn.Linear(2, 2) for _ in range(100)])))["parameters"]
    assert (len(names), names[0], names[-1]) == (64, "0.weight", "99.bias")


@pytest.mark.parametrize(
    ("rank", "world", "found"), [("3", "8", (3, 8)), ("", "", (0, 1)), ("x", "8", (0, 1)), ("8", "8", (0, 1))]
)
def test_the_rank_is_that_of_the_launcher(monkeypatch, rank, world, found):
    """Before a group is made the launcher's variables tell the rank; odd ones are as good as none."""
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv("WORLD_SIZE", world)
    assert rank_of_process() == found
