from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.label_noise import CHECK
from tests.sanity.running import run_one


def on(x: Tensor, y: Tensor, **more: Any) -> CheckResult:
    loader = DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True)
    given = {"model": nn.Linear(8, 2), "loss_fn": nn.CrossEntropyLoss(), **more}
    return run_one(CHECK, loader=loader, **given)


def separable(count: int) -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    y = torch.arange(count) % 2
    return torch.randn(count, 8) + 4.0 * y[:, None], y


def test_contradictions_fail_with_their_share() -> None:
    """Ten of 210 rows that come again with the other label fail with that share."""
    x, y = separable(200)
    result = on(torch.cat([x, x[:10]]), torch.cat([y, 1 - y[:10]]))
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{10 / 210:.2%}"
    assert "0 and 1" in result.detail or "1 and 0" in result.detail


def test_equal_pairs_are_another_matter() -> None:
    """Rows that come again with the same label contradict nothing."""
    x, y = separable(200)
    assert on(torch.cat([x, x[:20]]), torch.cat([y, y[:20]])).status == "pass"


def test_one_contradiction_is_a_warning() -> None:
    """A single one in 200 is worth a look."""
    x, y = separable(200)
    assert on(torch.cat([x, x[:1]]), torch.cat([y, 1 - y[:1]])).status == "warn"


def test_flipped_labels_are_a_warning() -> None:
    """Random flips of a tenth of the labels of an easy task are told by models that never saw them."""
    pytest.importorskip("sklearn")
    x, y = separable(600)
    flipped = torch.rand(600) < 0.1
    result = on(x, torch.where(flipped, 1 - y, y))
    assert result.status == "warn"
    share = 100 * float(flipped.float().mean())
    assert float(result.measurements[0].measured.rstrip("%")) == pytest.approx(share, abs=4)


def test_clean_and_merely_hard_labels_pass() -> None:
    """Neither an easy task nor one whose classes overlap is called noisy."""
    assert on(*separable(400)).status == "pass"
    digits = pytest.importorskip("sklearn.datasets").load_digits()
    x, y = torch.tensor(digits.data / 16).float(), torch.tensor(digits.target)
    assert on(x, y, model=nn.Linear(64, 10)).status == "pass"
    x = torch.randn(400, 8)
    assert on(x, (x[:, 0] + 2 * torch.randn(400) > 0).long()).status == "pass"


def test_rows_of_few_values_differ_in_label_by_nature() -> None:
    """Bits and categories meet with several labels."""
    x = torch.randint(2, (400, 8)).float()
    assert on(x, torch.randint(2, (400,))).status == "pass"


def measured_again(places: int, times: int, noise: float) -> CheckResult:
    torch.manual_seed(0)
    x = torch.randn(places, 8).repeat(times, 1)
    y = x[:, :1] + noise * torch.randn(len(x), 1)
    return on(x, y, model=nn.Linear(8, 1), loss_fn=nn.MSELoss())


def test_numbers_that_equal_inputs_do_not_explain_fail() -> None:
    """Targets of a wrong join, that differ among equal inputs as among all, fail with the share of their variance."""
    torch.manual_seed(0)
    x, y = torch.randn(60, 8).repeat(3, 1), torch.randn(180, 1)
    result = on(x, y, model=nn.Linear(8, 1), loss_fn=nn.MSELoss())
    groups = y.reshape(3, 60)
    expected = float(groups.var(0, correction=1).mean() / y.var(correction=1))
    assert result.status == "fail"
    assert result.measurements[0].measured == f"{expected:.0%}"
    assert result.measurements[1].measured == "100.0%"


def test_measurements_that_were_repeated_pass() -> None:
    """Small noise among equal inputs is of the nature of measuring, and as much again as the signal is no failure."""
    assert measured_again(60, 3, 0.3).status == "pass"
    assert measured_again(60, 3, 1.0).status == "warn"


def test_few_repeats_and_rows_of_few_values_pass_in_regression() -> None:
    """A tenth of the rows measured twice, and rows of bits, say nothing of the join."""
    torch.manual_seed(0)
    x = torch.randn(200, 8)
    given = {"model": nn.Linear(8, 1), "loss_fn": nn.MSELoss()}
    assert on(torch.cat([x, x[:20]]), torch.randn(220, 1), **given).status == "pass"
    assert on(torch.randint(2, (400, 8)).float(), torch.randn(400, 1), **given).status == "pass"


def test_unknown_tasks_are_skipped() -> None:
    """Without class labels or numbers there is nothing to contradict."""
    assert on(torch.randn(50, 8), torch.randn(50, 2), task="other").status == "skip"


def test_small_pictures_in_two_colours_may_have_two_labels() -> None:
    """Equal pictures of 64 bits with other labels are worth a look, those of 256 a defect."""
    for size, status in ((8, "warn"), (16, "fail")):
        x = torch.rand(200, size, size, generator=torch.Generator().manual_seed(0)).round()
        y = torch.arange(200) % 2
        assert on(torch.cat([x, x[:10]]), torch.cat([y, 1 - y[:10]])).status == status


@pytest.mark.parametrize(("repeats", "noise", "status"), [(4, 1.0, "fail"), (4, 0.05, "pass"), (1, 1.0, "pass")])
def test_equal_inputs_with_several_targets_that_have_nothing_in_common_fail(
    repeats: int, noise: float, status: str
) -> None:
    """Two targets a sample that differ among equal inputs as among all fail, and pass where they are measured anew."""
    torch.manual_seed(0)
    x = torch.randn(64, 8).repeat(repeats, 1)
    y = (1 - noise) * x[:, :2] + noise * torch.randn(len(x), 2)
    assert on(x, y, loss_fn=nn.MSELoss(), task="regression").status == status
