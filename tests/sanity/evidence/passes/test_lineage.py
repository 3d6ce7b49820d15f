from __future__ import annotations

import torch
from torch import Tensor, nn

from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.evidence.passes.lineage import argument, reaching, roots, source_of, where_of
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import Recorded, record
from nbinspect.subject import make_subject


class Branching(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc, self.same = nn.Linear(4, 4), nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        torch.exp(x)  # reaches nothing
        h = torch.tanh(self.fc(x))
        return self.same(h.view(2, -1).t().contiguous()[None].squeeze(0).double()).view(-1, 4)


def recorded(loss_fn: object) -> Recorded:
    batch = (torch.randn(6, 4), torch.randn(6, 4))
    subject = make_subject(Branching(), [batch], loss_fn)
    return record(Program(subject, Limits(60)), make_batch(subject, batch))


def test_views_copies_and_casts_are_walked_through() -> None:
    """The source of what the loss was given is the tanh, past views, casts and a module that hands on its input."""
    found = recorded(nn.MSELoss())
    (loss,) = found.named("F.mse_loss")
    source = source_of(found, loss, 0)
    assert source.maker is not None
    assert where_of(source.maker) == "torch.tanh"
    assert len(source.passed) >= 6
    assert source_of(found, loss, 1).from_batch
    assert (argument(loss, "target", 1), argument(loss, "weight", 2)) == (1, None)
    assert roots(found, loss, 0) == {"batch[0]", "fc.weight", "fc.bias"}


def test_only_what_the_loss_is_made_of_reaches_it() -> None:
    """An operation whose result is dropped is not on the way; of a loss that is a number all are."""
    found = recorded(nn.MSELoss())
    (dropped,) = found.named("torch.exp")
    assert dropped.step.index not in reaching(found)
    assert len(reaching(recorded(lambda a, y: float((a - y).detach().sum())))) > len(reaching(found))
