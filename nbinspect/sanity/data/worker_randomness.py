"""`worker-randomness`: does random augmentation repeat from worker to worker?"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from nbinspect.nested import tensors_in
from nbinspect.records import CheckResult
from nbinspect.sanity.check import Arguments, Check, failed, inconclusive, measured, passed, skipped
from nbinspect.sanity.evidence.data.order import order_of
from nbinspect.sanity.evidence.data.workers import NoAnswer, reading_workers
from nbinspect.sanity.limits import Limits

_SAMPLES = 8


def run(loader: Any, limits: Limits) -> CheckResult:
    """Fail where two workers give the same samples the same random values, though each reading of one differs."""
    order = order_of(loader)
    if order is None or loader.num_workers < 2:
        return skipped("a DataLoader with two workers or more, over a data set with indices")
    group = order.first[:_SAMPLES].tolist()
    try:
        first, other, again = _readings(loader, group, limits)
    except NoAnswer as error:
        return inconclusive(str(error), settle="Give more time_budget, or look at why the workers start so slowly.")
    except Exception as error:  # noqa: BLE001 - workers raise whatever the user's data set raises
        return inconclusive(f"the workers raised {type(error).__name__}", settle=f"Mend the data set: {error}")
    if not first or len(first) != len(again) or _same(first, again):
        return passed("samples are the same at each reading")
    if not _same(first, other):
        return passed("each worker draws values of its own")
    return failed(
        f"the same random values in {loader.num_workers} workers",
        measured("samples that two workers make equal", f"{len(group)} of {len(group)}", "0"),
        title="Every worker repeats the same random augmentation",
        detail=f"The data set draws from a generator of its own that is copied into each of the {loader.num_workers} "
        "workers, and again in each epoch, so that the same augmentations come again and again.",
        remedy="Draw from torch's global generator, or seed the data set's generator from torch.initial_seed() in "
        "worker_init_fn.",
        code="+ def worker_init_fn(worker):\n"
        "+     dataset = torch.utils.data.get_worker_info().dataset\n"
        "+     dataset.rng = np.random.default_rng(torch.initial_seed() % 2**32)",
        where=type(loader.dataset).__name__,
    )


def _readings(loader: DataLoader[Any], group: list[int], limits: Limits) -> tuple[list[Tensor], ...]:
    """Return the same samples from one worker, from another, and from the first once more."""
    options = {"batch_sampler": [group] * 4, "collate_fn": loader.collate_fn}
    with reading_workers(loader, limits, 2, **options) as batches:
        found = [[tensor for _, tensor in tensors_in(batch, "")] for batch in batches]
    return found[0], found[1], found[2]


def _same(one: list[Tensor], other: list[Tensor]) -> bool:
    return all(
        a.shape == b.shape and np.array_equal(a.numpy(), b.numpy(), equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )


class _Jittered(Dataset[tuple[Tensor, int]]):
    """Rows with noise from a generator of its own, or from torch's."""

    def __init__(self, *, own: bool) -> None:
        self.rng = np.random.default_rng(0) if own else None

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        noise = torch.randn(4) if self.rng is None else torch.from_numpy(self.rng.normal(size=4)).float()
        return noise + index, index % 3


def good() -> Arguments:
    """Return a linear model on rows with noise from torch's generator, which each worker seeds anew."""
    loader = DataLoader(_Jittered(own=False), batch_size=8, shuffle=True, num_workers=2)
    return {"model": nn.Linear(4, 3), "loader": loader, "loss_fn": nn.CrossEntropyLoss()}


def bad() -> Arguments:
    """Return the same with noise from a generator that the data set keeps, and that every worker gets a copy of."""
    loader = DataLoader(_Jittered(own=True), batch_size=8, shuffle=True, num_workers=2)
    return {"model": nn.Linear(4, 3), "loader": loader, "loss_fn": nn.CrossEntropyLoss()}


CHECK = Check(
    name="worker-randomness",
    stage="data",
    question="Does random augmentation repeat from worker to worker?",
    why="A generator copied into every worker halves, quarters, … the augmentation without a word.",
    remedy="Use torch's generator, which each worker seeds for itself, or seed your own in worker_init_fn.",
    cost=0,
    run=run,
    good=good,
    bad=bad,
    sources=("K-augment-labels",),
    silent="data sets that draw nothing, and loaders with fewer than two workers",
)
