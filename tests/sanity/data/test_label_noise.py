from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.label_noise import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


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


def in_steps(drift: float, *, mixed: bool = False) -> CheckResult:
    """The check on 150 inputs of six targets each, which go up and down in the order of the rows by so much."""
    torch.manual_seed(0)
    x, times = torch.randn(150, 8).repeat_interleave(6, 0), torch.arange(900) % 6
    wave = 1.4 * drift * (torch.rand(150).repeat_interleave(6) * 6.3 + times).sin()
    y = 0.7 * x[:, 0] / x[:, 0].std() + wave + (1 - drift) * torch.randn(900)
    order = torch.randperm(900) if mixed else torch.arange(900)
    return on(x[order], y[order, None], model=nn.Linear(8, 1), loss_fn=nn.MSELoss())


def test_numbers_of_one_input_that_follow_the_order_of_the_rows_fail() -> None:
    """What goes up and down along the rows of one input was told by a lost feature; noise in no order may be meant."""
    assert in_steps(1.0).status == "fail"
    assert "order" in in_steps(1.0).detail
    assert in_steps(0.0).status == "warn"
    assert in_steps(1.0, mixed=True).status == "warn"


def test_labels_that_only_a_training_step_compares_are_judged() -> None:
    """Contradictions fail where the loss is in a step of the user's alone, and equal pairs do not."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.binary_cross_entropy_with_logits(model(batch[0])[:, 0], batch[1])
        loss.backward()
        optimizer.step()
        return loss

    x, y = separable(200)
    model = nn.Linear(8, 1)
    given = {
        "model": model,
        "loss_fn": None,
        "train_step": train_step,
        "optimizer": torch.optim.SGD(model.parameters(), 0.1),
    }
    assert on(torch.cat([x, x[:20]]), torch.cat([y, 1 - y[:20]]).float(), **given).status == "fail"
    assert on(torch.cat([x, x[:20]]), torch.cat([y, y[:20]]).float(), **given).status == "pass"


def test_a_table_that_is_sorted_by_its_target_lost_no_feature() -> None:
    """Noise among measurements that were repeated follows the order of the rows where these were sorted by it."""
    torch.manual_seed(0)
    x = torch.randn(40, 8).repeat_interleave(20, 0)
    y = 0.6 * x[:, 0] / x[:, 0].std() + 0.8 * torch.randn(800)
    order = y.argsort()
    assert on(x[order], y[order, None], model=nn.Linear(8, 1), loss_fn=nn.MSELoss()).status == "warn"


def stepped(compare: Any, *data: Tensor) -> CheckResult:
    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = compare(model, *batch)
        loss.backward()
        optimizer.step()
        return loss

    model = nn.Linear(8, 8)
    loader = DataLoader(TensorDataset(*data), batch_size=32, shuffle=True)
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    return run_one(CHECK, model=model, loader=loader, train_step=train_step, optimizer=optimizer)


def test_answers_that_are_weighed_or_not_asked_for_contradict_nothing() -> None:
    """Actions with rewards differ for one state on purpose, and labels that no loss is given do no harm."""
    torch.manual_seed(0)
    x, actions = torch.randn(30, 8).repeat_interleave(8, 0), torch.randint(8, (240,))
    cross = nn.functional.cross_entropy
    weighed = lambda m, x, y, reward: (reward * cross(m(x), y, reduction="none")).mean()  # noqa: E731
    assert stepped(weighed, x, actions, torch.randn(240)).status == "skip"
    rebuilt = lambda m, x, y: nn.functional.mse_loss(m(x), x)  # noqa: E731
    assert stepped(rebuilt, x, torch.randn(240)).status == "skip"


def copied_nearly(relabelled: float, apart: float = 0.01) -> CheckResult:
    """The check on 400 rows, with near copies of 80 of them, of which a share has the other class."""
    x, y = separable(400)
    again = y[:80].where(torch.arange(80) >= 80 * relabelled, 1 - y[:80])
    return on(torch.cat([x, x[:80] + apart * torch.randn(80, 8)]), torch.cat([y, again]))


def test_near_copies_with_two_classes_are_a_warning() -> None:
    """Rows that come again, next to the same, with the other class are worth a look."""
    result = copied_nearly(1.0)
    assert result.status == "warn"
    assert result.measurements[0].measured == "100%"


def test_near_copies_that_agree_contradict_nothing() -> None:
    """Frames of one recording lie near each other, and now and then between two classes; a film has near ones alone."""
    assert "near copies" not in copied_nearly(0.1).summary
    walk = torch.randn(400, 8).mul(0.05).cumsum(0)
    assert "near copies" not in on(walk, torch.randint(2, (400,))).summary


@pytest.mark.parametrize("width", [1, 2, 3, 8])
def test_rows_that_chance_puts_near_each_other_are_no_copies(width: int) -> None:
    """Of points without a class of their own, those that happen to lie nearest differ by all degrees."""
    torch.manual_seed(0)
    x, y = torch.randn(2000, width), torch.randint(2, (2000,))
    assert "near copies" not in on(x, y, model=nn.Linear(width, 2)).summary


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_samples_that_lie_close_together_are_no_copies(seed: int) -> None:
    """Machines that stand still differ by next to nothing, each from many others, and are of either class."""
    torch.manual_seed(seed)
    still = torch.rand(1000) < 0.4
    x = torch.randn(1000, 8) * torch.where(still, 0.01, 1.0)[:, None]
    y = torch.where(still, torch.randint(0, 2, (1000,)), (x[:, 0] > 0).long())
    assert "near copies" not in on(x, y).summary
