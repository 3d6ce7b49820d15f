from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nbinspect.data.network.counting import Counted
from nbinspect.subject import make_subject

SIX = np.arange(6)
FLAT = nn.utils.rnn.pack_sequence([torch.randn(n, 2) for n in (5, 4, 4, 3, 2, 1)])
BATCHES = [
    (torch.randn(6, 4), torch.arange(6)),
    [torch.randn(6, 4)],
    torch.randn(6, 4),
    ([torch.randn(3, n + 1, 5) for n in range(6)], [{"boxes": torch.randn(n, 4)} for n in range(6)]),
    (FLAT, torch.arange(6)),
    {"input_ids": torch.ones(6, 3, dtype=torch.long), "text": list("abcdef")},
    (torch.randn(6, 7, 4), torch.arange(42)),  # targets of tokens, one after the other
    (torch.randn(60, 4), torch.arange(6)),  # ten crops of each
]


@pytest.mark.parametrize("batch", BATCHES)
def test_batches_with_a_sample_for_each_index_are_given_on(batch):
    """Targets or inputs of as many entries are enough, whatever the form, and the batch is the same object."""
    counted = Counted.of(make_subject(nn.Identity(), None))
    assert counted(batch, SIX) is batch


@pytest.mark.parametrize("batch", [*BATCHES[:2], *BATCHES[3:5]])
def test_batches_of_another_number_are_refused(batch):
    """Where neither has as many entries as there are indices, the error says how many there are."""
    with pytest.raises(ValueError, match=r"makes of 7 samples has 6 entries"):
        Counted.of(make_subject(nn.Identity(), None))(batch, np.arange(7))
