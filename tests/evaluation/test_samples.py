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
