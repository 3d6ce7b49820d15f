from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.bounded import are_bounded
from nbinspect.subject import make_subject


class Numbered(nn.Module):
    """Has whole numbers among its parameters, as quantised layers have, and ends in `last`."""

    def __init__(self, last: nn.Module) -> None:
        super().__init__()
        self.head, self.last = nn.Linear(4, 3), last
        self.steps = nn.Parameter(torch.ones(3, dtype=torch.int8), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.head(x)) * self.steps


@pytest.mark.parametrize(("last", "bounded"), [(nn.Tanh(), True), (nn.Identity(), False)])
def test_whole_numbers_among_the_weights_are_left_as_they_are(last: nn.Module, bounded: bool) -> None:
    """Only weights that are no whole numbers are made larger to see whether outputs grow with them."""
    pair = 1e3 * torch.ones(2, 4), torch.tensor([0, 1])
    subject = make_subject(Numbered(last), [pair], nn.CrossEntropyLoss())
    assert are_bounded(Program(subject, Limits(60)), make_batch(subject, pair)) is bounded
