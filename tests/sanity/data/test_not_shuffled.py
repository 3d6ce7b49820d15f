from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, TensorDataset
from torch.utils.data.distributed import DistributedSampler

from nbinspect.records import CheckResult
from nbinspect.sanity.data.not_shuffled import CHECK
from tests.sanity.running import run_one


def on(loader: Any, **more: Any) -> CheckResult:
    return run_one(CHECK, loader=loader, **{"model": nn.Linear(4, 4), "loss_fn": nn.CrossEntropyLoss(), **more})


def data(y: Tensor) -> TensorDataset:
    return TensorDataset(torch.randn(len(y), 4), y)


class Grouped(Sampler[list[int]]):
    """Batches of one class each, drawn anew, as metric learning has them."""

    def __iter__(self) -> Iterator[list[int]]:
        for group in torch.randperm(20).tolist():
            yield list(range(group * 10, group * 10 + 10))

    def __len__(self) -> int:
        return 20


def test_sorted_classes_fail() -> None:
    """Classes one after the other fail with the number of changes and what chance gives."""
    y = torch.arange(400) // 100
    result = on(DataLoader(data(y), batch_size=20))
    assert result.status == "fail"
    assert result.measurements[0].measured == "3"
    torch.manual_seed(0)
    shuffled = [y[torch.randperm(400)] for _ in range(200)]
    chance = sum(int((one[1:] != one[:-1]).sum()) for one in shuffled) / 200
    assert abs(float(result.measurements[0].expected.removeprefix("about ")) - chance) < 3


def test_sorted_classes_of_a_long_set_fail() -> None:
    """Where only a part is read, it is not the first class alone."""
    assert on(DataLoader(data(torch.arange(6000) // 1500), batch_size=50)).status == "fail"


def test_a_list_of_sorted_batches_fails() -> None:
    """A list never changes its order."""
    assert on([(torch.randn(20, 4), torch.full((20,), k)) for k in range(4)]).status == "fail"


def test_a_fixed_order_is_a_warning() -> None:
    """Mixed classes in the same order in each epoch, also by a sampler that forgets its epoch, are a warning."""
    mixed = data(torch.randint(4, (400,)))
    assert on(DataLoader(mixed, batch_size=20)).status == "warn"
    sampler = DistributedSampler(mixed, num_replicas=1, rank=0, shuffle=True)
    assert on(DataLoader(mixed, batch_size=20, sampler=sampler)).status == "warn"


def test_shuffled_orders_pass() -> None:
    """A shuffled loader passes on sorted classes, with a generator of its own too, which stays as it was."""
    y = torch.arange(400) // 100
    assert on(DataLoader(data(y), batch_size=20, shuffle=True)).status == "pass"
    generator = torch.Generator().manual_seed(3)
    before = generator.get_state()
    assert on(DataLoader(data(y), batch_size=20, shuffle=True, generator=generator)).status == "pass"
    assert torch.equal(generator.get_state(), before)


def test_batches_of_one_class_drawn_anew_pass() -> None:
    """A sampler that groups classes on purpose, in another order each time, is no mistake."""
    assert on(DataLoader(data(torch.arange(200) // 50), batch_sampler=Grouped())).status == "pass"


def test_time_order_can_be_intended() -> None:
    """What the user means to do is waived, with the reason."""
    loader = DataLoader(data(torch.arange(400) // 100), batch_size=20)
    result = on(loader, intended={"not-shuffled": "time order"})
    assert result.status == "waived"
    assert "time order" in result.detail


def test_a_smooth_target_is_a_warning_at_most() -> None:
    """A series in its own order has like neighbours."""
    y = torch.sin(torch.arange(400) / 30)[:, None]
    given = {"model": nn.Linear(4, 1), "loss_fn": nn.MSELoss()}
    result = on(DataLoader(data(y), batch_size=20), **given)
    assert result.status == "warn"
    assert "target" in result.title
    assert on(DataLoader(data(y), batch_size=20, shuffle=True), **given).status == "pass"


def test_one_batch_has_no_order() -> None:
    """Tiny sets of one batch pass."""
    assert on(DataLoader(data(torch.arange(40) // 10), batch_size=40)).status == "pass"
