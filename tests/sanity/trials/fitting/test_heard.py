from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.trials.fitting.heard import heard
from nbinspect.subject import make_subject


class Repeated(nn.Module):
    """Gives a sample, of inputs (T, N, 4), one output for all its times: (T, N, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(x.mean(0, keepdim=True)).expand(len(x), -1, -1)


def test_one_sample_is_taken_for_another_along_the_axis_of_samples() -> None:
    """Where samples lie along axis 1, outputs that are the same at all times still differ from sample to sample."""
    model = Repeated()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    pair = torch.randn(5, 6, 4), torch.randint(3, (5, 6))
    subject = make_subject(model, [pair], None, batch_axis=1)
    found = heard(Program(subject, Limits(60)), make_batch(subject, pair))
    assert found is not None
    assert found.samples > 0.1
    assert found.by_inputs > 0.1
    assert found.by_draws == 0
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), before, strict=True))
