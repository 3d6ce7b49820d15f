from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.batches import Batch, make_batch
from nbinspect.sanity.trials.fitting.positions import positions_alike
from nbinspect.subject import make_subject

RANDOM = torch.Generator().manual_seed(0)
TOKENS = torch.randint(0, 7, (4, 12), generator=RANDOM)
PIXELS = torch.rand(4, 1, 12, 12, generator=RANDOM)
OTHERS = (4 * torch.rand(4, 1, generator=RANDOM)).expand(4, 12) + 0.1 * torch.rand(4, 12, generator=RANDOM)


def batch_of(targets: Tensor) -> Batch:
    return make_batch(make_subject(nn.Identity(), []), (torch.zeros(4, 12), targets), 0)


@pytest.mark.parametrize(
    ("targets", "alike", "told"),
    [
        (TOKENS, torch.rand(4, 7, 1).expand(4, 7, 12), torch.rand(4, 7, 12)),
        (TOKENS, torch.rand(4, 1, 7).expand(4, 12, 7), torch.rand(4, 12, 7)),
        (PIXELS, torch.rand(4, 1, 1, 1).expand(4, 1, 12, 12), torch.rand(4, 1, 12, 12)),
    ],
)
def test_positions_of_one_output_are_counted(targets: Tensor, alike: Tensor, told: Tensor) -> None:
    """Logits with classes first or last, and images, are told to be the same at all 12 positions, or not."""
    assert positions_alike(alike, batch_of(targets)) == 12
    assert positions_alike(told, batch_of(targets)) == 0


def test_targets_that_hardly_vary_within_a_sample_need_no_positions() -> None:
    """Twelve judgements of the same sample, or a label for all its positions, may be met by one output."""
    same = torch.rand(4, 1).expand(4, 12)
    assert positions_alike(same, batch_of(OTHERS)) == 0
    assert positions_alike(same[:, None].expand(4, 7, 12), batch_of(TOKENS[:, :1].expand(4, 12))) == 0
    assert positions_alike(torch.rand(4, 7), batch_of(TOKENS[:, 0])) == 0
