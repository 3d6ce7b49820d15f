from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from nbinspect.records import TaskRecord
from nbinspect.sanity.batches import make_batch
from nbinspect.sanity.evidence.losses.location import located
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.program import Program
from nbinspect.sanity.recorded import record
from nbinspect.subject import make_subject

N = 16


def columns_of(loss_fn: Any, outputs: int, targets: Tensor) -> slice | None:
    model = nn.Linear(3, outputs)
    raw = (torch.randn(N, 3), targets)
    subject = make_subject(model, [raw], loss_fn)
    program = Program(subject, Limits(60))
    found = located(program, record(program, make_batch(subject, raw)), TaskRecord("regression", True, "", "", None))
    return None if found is None else found.columns


def normal(z: Tensor, y: Tensor) -> Tensor:
    half = z.shape[1] // 2
    return -Normal(z[:, :half].reshape(y.shape), z[:, half:].exp().reshape(y.shape)).log_prob(y).mean()


@pytest.mark.parametrize(("width", "shape"), [(1, (N,)), (1, (N, 1)), (3, (N, 3))])
def test_finds_the_means_of_a_density(width: int, shape: tuple[int, ...]) -> None:
    """The first half of the columns are the means, for targets of one column and of several."""
    assert columns_of(normal, 2 * width, 7 + torch.randn(shape)) == slice(0, width)


def test_finds_a_mean_that_comes_last() -> None:
    """Which columns are the predictions is told from the loss, and not from their order."""
    assert columns_of(lambda z, y: normal(z.flip(1), y), 2, torch.randn(N)) == slice(1, 2)


def test_knows_none_where_the_loss_takes_no_difference() -> None:
    """A loss of the targets' order, of scaled targets, or without the targets has no such columns."""
    for loss_fn in (
        lambda z, y: ((z[:, 0] - y / 10) ** 2).mean(),
        lambda z, y: (z[:, 0] * y).mean(),
        lambda z, y: z.square().mean(),
    ):
        assert columns_of(loss_fn, 2, torch.randn(N)) is None
    assert columns_of(lambda z, y: z.square().mean(), 3, torch.arange(N)) is None
