from __future__ import annotations

import torch
from torch import nn

from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.trials.fitting.samples import distinct, made_alike, two_unlike
from nbinspect.subject import make_subject


class OnGraphs(nn.Module):
    def forward(self, x: torch.Tensor, edge_index: torch.Tensor) -> torch.Tensor:
        return x[edge_index[0]]


def batch(x: object, y: torch.Tensor, **options: object) -> Batch:
    return make_batch(make_subject(nn.Linear(1, 1), None, None, **options), (x, y))


def test_samples_with_the_same_inputs_are_taken_once() -> None:
    """Of rows that repeat the first is kept, with its own label."""
    x = torch.tensor([[0.0, 1.0], [2.0, 3.0], [0.0, 1.0], [4.0, 5.0]])
    kept = distinct(batch(x, torch.arange(4)))
    assert kept.targets.tolist() == [0, 1, 3]
    whole = batch(x[[0, 1, 3]], torch.arange(3))
    assert distinct(whole) is whole


def test_the_two_samples_have_unlike_labels_and_lie_far_apart() -> None:
    """The partner of the first sample is the furthest one with another label."""
    x = torch.tensor([[0.0], [1.0], [9.0], [5.0]])
    two = two_unlike(batch(x, torch.tensor([0, 1, 0, 1])))
    assert two.targets.tolist() == [0, 1]
    assert two.parts.inputs.tolist() == [[0.0], [5.0]]


def test_of_numbers_the_lowest_and_one_far_off_are_taken() -> None:
    """Two samples of a regression have targets as far apart as the batch has."""
    y = torch.tensor([[0.5], [-3.0], [7.0]])
    assert two_unlike(batch(torch.randn(3, 2), y)).targets.flatten().tolist() == [-3.0, 7.0]


def test_without_two_that_differ_there_are_none() -> None:
    """Labels or inputs that are all the same, one sample, and nodes of a graph give no pair."""
    x, y = torch.randn(4, 2), torch.arange(4)
    assert two_unlike(batch(x, torch.zeros(4))) is None
    assert two_unlike(batch(torch.zeros(4, 2), y)) is None
    assert two_unlike(batch(x[:1], y[:1])) is None
    edges = torch.tensor([[0, 1, 2], [1, 2, 3]])
    graph = make_batch(make_subject(OnGraphs(), None, None), (x, edges, y))
    assert two_unlike(graph) is None


def test_inputs_made_alike_leave_targets_and_the_batch_as_they_were() -> None:
    """Every sample gets zeros, and the mask of the first; an autoencoder's targets stay, the same tensor or not."""
    x = torch.randn(4, 3)
    own = batch(x, x)
    alike = made_alike(own)
    assert not alike.parts.inputs.any()
    assert torch.equal(alike.targets, x)
    assert torch.equal(own.parts.inputs, x)
    mask = torch.tensor([[1, 0], [1, 1]], dtype=torch.bool)
    masked = made_alike(batch({"ids": torch.tensor([[5, 0], [6, 7]]), "mask": mask}, torch.arange(2)))
    assert masked.parts.inputs["mask"].tolist() == [[True, False]] * 2
    assert not masked.parts.inputs["ids"].any()
