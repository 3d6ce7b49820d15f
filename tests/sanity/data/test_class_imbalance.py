from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from nbinspect.records import CheckResult
from nbinspect.sanity.data.class_imbalance import CHECK
from tests.sanity.running import run_one


def on(y: Tensor, classes: int = 3, **loader: object) -> CheckResult:
    data = TensorDataset(torch.randn(len(y), 4), y)
    given = DataLoader(data, batch_size=32, **{"shuffle": True, **loader})
    return run_one(CHECK, model=nn.Linear(4, classes), loader=given, loss_fn=nn.CrossEntropyLoss())


def test_warns_with_ratio_and_metric() -> None:
    """A rare class is a warning with both counts, and with metrics that survive it."""
    result = on(torch.tensor([0] * 400 + [1] * 100 + [2] * 4))
    assert (result.status, result.where) == ("warn", "class 2")
    assert result.measurements[0].measured == "400 : 4"
    assert "balanced accuracy" in result.remedy


def test_even_classes_pass() -> None:
    """Even classes, and mild differences, pass."""
    assert on(torch.arange(300) % 3).status == "pass"
    assert on(torch.tensor([0] * 200 + [1] * 60 + [2] * 40)).status == "pass"


def test_a_class_that_is_missing_by_chance_is_no_finding() -> None:
    """Of a hundred classes some are rare in a few hundred labels."""
    torch.manual_seed(0)
    assert on(torch.randint(100, (300,)), classes=100).status == "pass"


def test_what_the_network_sees_counts() -> None:
    """A sampler that evens out the classes settles it."""
    y = torch.tensor([0] * 900 + [1] * 60 + [2] * 40)
    weights = 1 / torch.bincount(y)[y]
    sampler = WeightedRandomSampler(weights, len(y), generator=torch.Generator().manual_seed(0))
    assert on(y, shuffle=False, sampler=sampler).status == "pass"


def test_regression_is_skipped() -> None:
    """Numbers have no classes."""
    batch = (torch.randn(64, 4), torch.randn(64, 1))
    assert run_one(CHECK, model=nn.Linear(4, 1), loader=[batch], loss_fn=nn.MSELoss()).status == "skip"
