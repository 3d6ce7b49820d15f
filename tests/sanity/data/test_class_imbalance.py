from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset, WeightedRandomSampler

from nbinspect.records import CheckResult
from nbinspect.sanity.data.class_imbalance import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


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


def test_columns_of_embeddings_are_no_classes() -> None:
    """Where no loss compares labels with outputs, as in contrastive learning, further columns are no empty classes."""
    data = TensorDataset(torch.randn(1000, 4), torch.arange(1000) % 10)
    result = run_one(CHECK, model=nn.Linear(4, 32), loader=DataLoader(data, batch_size=50, shuffle=True))
    assert (result.status, result.summary) == ("pass", "100 of class 9, 100 of class 0")


def test_what_the_network_sees_counts() -> None:
    """A sampler that evens out the classes settles it."""
    y = torch.tensor([0] * 900 + [1] * 60 + [2] * 40)
    weights = 1 / torch.bincount(y)[y]
    sampler = WeightedRandomSampler(weights, len(y), generator=torch.Generator().manual_seed(0))
    assert on(y, shuffle=False, sampler=sampler).status == "pass"


@pytest.mark.parametrize(("count", "status"), [(3, "warn"), (300, "pass"), (240, "pass")])
def test_a_sampler_with_a_weight_for_each_class_is_a_warning(count: int, status: str) -> None:
    """Weights of classes draw the first few samples alone; those of all samples, or of the first part, are meant."""
    sampler = WeightedRandomSampler(torch.ones(count), 300)
    result = on(torch.arange(300) % 3, shuffle=False, sampler=sampler)
    assert result.status == status
    assert (result.where == "sampler") is (status == "warn")


def test_regression_is_skipped() -> None:
    """Numbers have no classes."""
    batch = (torch.randn(64, 4), torch.randn(64, 1))
    assert run_one(CHECK, model=nn.Linear(4, 1), loader=[batch], loss_fn=nn.MSELoss()).status == "skip"


COUNTS = torch.tensor([300.0, 120.0, 40.0])
LABELS = torch.tensor([0] * 300 + [1] * 120 + [2] * 40)


def weighed(weights: Tensor) -> CheckResult:
    loader = DataLoader(TensorDataset(torch.randn(len(LABELS), 4), LABELS), batch_size=32, shuffle=True)
    return run_one(CHECK, model=nn.Linear(4, 3), loader=loader, loss_fn=nn.CrossEntropyLoss(weight=weights))


def test_class_weights_in_another_order_are_a_warning() -> None:
    """Inverse frequencies that are turned round, of other classes, or not inverted are told beside the right ones."""
    assert weighed((460 / COUNTS).flip(0)).status == "warn"
    assert weighed((460 / COUNTS)[[2, 0, 1]]).title == "Class weights in another order"
    assert weighed(COUNTS / 153).title == "Class weights the wrong way round"


def test_a_weight_of_yes_that_is_the_wrong_way_round_is_a_warning() -> None:
    """The share of yes to no in the place of that of no to yes is told, and the right one passes."""
    y = (torch.arange(500) % 5 == 0).float()[:, None]
    for weight, status in ((0.25, "warn"), (4.0, "pass"), (1.0, "pass")):
        loader = DataLoader(TensorDataset(torch.randn(500, 4), y), batch_size=50, shuffle=True)
        loss_fn = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([weight]))
        assert run_one(CHECK, model=nn.Linear(4, 1), loader=loader, loss_fn=loss_fn).status == status


def test_weights_by_inverse_frequency_or_cost_pass() -> None:
    """Inverse frequencies, their roots, and costs of any other kind are nothing to tell."""
    for weights in (460 / COUNTS, (460 / COUNTS).sqrt(), torch.tensor([2.0, 1.0, 1.0]), torch.tensor([1.0, 5.0, 1.0])):
        assert weighed(weights).status == "pass"


def test_an_output_that_no_label_is_among_even_classes_is_told_as_that() -> None:
    """An index for unknown words that never comes makes no ratio; beside uneven classes the ratio is told."""
    for counts, summary in (((0, 100, 90), "no sample of class 0"), ((0, 300, 5), "300 : 1")):
        y = torch.repeat_interleave(torch.arange(3), torch.tensor(counts))
        loader = DataLoader(TensorDataset(torch.randn(len(y), 4), y), batch_size=32, shuffle=True)
        result = run_one(CHECK, model=nn.Linear(4, 3), loader=loader, loss_fn=nn.CrossEntropyLoss())
        assert result.status == "warn"
        assert result.summary.startswith(summary)
