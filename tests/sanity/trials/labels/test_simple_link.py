from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.sanity.evidence.data.scan import scan
from nbinspect.sanity.limits import Limits
from nbinspect.sanity.trials.labels.simple_link import SimpleLink, simple_link
from nbinspect.subject import make_subject

pytestmark = pytest.mark.slow


def link(x: Tensor, y: Tensor) -> SimpleLink | None:
    loader = DataLoader(TensorDataset(x, y), batch_size=64)
    subject = make_subject(nn.Linear(10, 1), loader, nn.MSELoss())
    return simple_link(scan(subject, loader, Limits(60, lambda: False)))


@pytest.mark.parametrize("seed", range(3))
def test_a_weak_linear_link_is_found(seed: int) -> None:
    """Of a number of which 3 % are explained, 2,000 samples tell, as the square root of N times R says."""
    torch.manual_seed(seed)
    x = torch.randn(2000, 10)
    y = 0.03**0.5 * x @ nn.functional.normalize(torch.randn(10), dim=0) + 0.97**0.5 * torch.randn(2000)
    found = link(x, y)
    assert found is not None
    assert 3 < found.strength < 2 * (0.03 * 2000) ** 0.5
    assert (found.samples, found.features) == (2000, 10)


@pytest.mark.parametrize("classes", [0, 2, 5])
def test_without_a_link_there_is_none(classes: int) -> None:
    """Labels of chance are told by no simple model."""
    y = torch.randint(classes, (1000,)) if classes else torch.randn(1000)
    found = link(torch.randn(1000, 10), y)
    assert found is not None
    assert found.strength < 3


def test_a_link_to_a_rare_class_is_found() -> None:
    """Where nearly all samples are of one class, right answers do not show what chances do."""
    y = (torch.rand(1500) < 0.05).long()
    x = torch.randn(1500, 10)
    x[:, 0] += 1.5 * y
    found = link(x, y)
    assert found is not None
    assert found.strength > 5


def test_a_link_that_no_line_sees_is_found() -> None:
    """A forest tells an exclusive or of two columns."""
    x = torch.randn(1000, 3)
    found = link(x, ((x[:, 0] > 0) ^ (x[:, 1] > 0)).long())
    assert found is not None
    assert found.strength > 5


def test_without_labels_for_each_sample_there_is_none() -> None:
    """Two numbers a sample are nothing that simple models predict."""
    assert link(torch.randn(100, 10), torch.randn(100, 2)) is None
