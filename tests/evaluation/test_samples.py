"""How batches of every form are cut and put together."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from nbinspect.evaluation.samples import joined, picked, size_of
from nbinspect.subject import make_subject


@pytest.mark.parametrize(
    "batch",
    [
        (torch.arange(12).view(6, 2), torch.arange(6)),
        {"x": torch.arange(6), "text": list("abcdef"), "labels": torch.arange(6), "scale": torch.tensor(2.0)},
        [torch.arange(6), {"deep": torch.arange(18).view(6, 3)}, torch.arange(6)],
    ],
)
def test_batches_are_cut_and_put_together_again(batch):
    """The halves of a batch of any form, joined, are the batch; samples may be picked in any order."""
    subject = make_subject(nn.Linear(1, 1))
    assert size_of(subject, batch) == 6
    halves = [picked(batch, [0, 1], 6), picked(batch, [2, 3, 4, 5], 6)]
    assert str(joined(halves, [2, 4])) == str(batch)
    flat = picked(batch, [5, 0], 6)
    first = flat["x"] if isinstance(flat, dict) else flat[-1]
    assert first.tolist() == [5, 0]
    if isinstance(flat, dict):
        assert flat["text"] == ["f", "a"]


def test_batches_of_pictures_in_a_list_are_cut_and_put_together_again():
    """Pictures of several sizes with a dict of boxes each, as detection has them, are samples like others."""
    pictures = tuple(torch.rand(3, 8 + n % 3, 9) for n in range(4))
    batch = (pictures, [{"boxes": torch.rand(1 + n % 2, 4)} for n in range(4)])
    assert size_of(make_subject(nn.Linear(1, 1)), batch) == 4
    halves = [picked(batch, [0], 4), picked(batch, [1, 2, 3], 4)]
    assert [len(part) for half in halves for part in half] == [1, 1, 3, 3]
    assert str(joined(halves, [1, 3])) == str(batch)
    chosen = picked(batch, [3, 0], 4)
    assert chosen[0][0] is pictures[3]
    assert chosen[1][1] is batch[1][0]


def test_several_inputs_are_no_list_of_samples():
    """Two tensors of two samples each are two inputs, each of which is cut."""
    pair = (torch.rand(2, 3), torch.rand(2, 5))
    assert size_of(make_subject(nn.Linear(1, 1)), pair) == 2
    assert [tuple(part.shape) for part in picked(pair, [1], 2)] == [(1, 3), (1, 5)]
