from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, TensorDataset, get_worker_info

from nbinspect.records import CheckResult
from nbinspect.sanity.data.worker_randomness import CHECK
from tests.sanity.running import run_one


class Noisy(Dataset[Any]):
    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.rng = np.random.default_rng(0)
        self.generator = torch.Generator().manual_seed(0)

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        if self.kind == "raises":
            raise OSError("no such picture")
        noise = {
            "own NumPy": lambda: torch.from_numpy(self.rng.normal(size=4)).float(),
            "own torch": lambda: torch.randn(4, generator=self.generator),
            "NumPy": lambda: torch.from_numpy(np.random.normal(size=4)).float(),
            "torch": lambda: torch.randn(4),
        }
        return noise[self.kind]() + index, index % 3


def seeded(_: int) -> None:
    info = get_worker_info()
    assert info is not None
    info.dataset.rng = np.random.default_rng(torch.initial_seed() % 2**32)


def asleep(_: int) -> None:
    time.sleep(3)


def on(data: Any, workers: int = 2, **more: Any) -> CheckResult:
    loader = DataLoader(data, batch_size=8, shuffle=True, num_workers=workers, **more)
    return run_one(CHECK, model=nn.Linear(4, 3), loader=loader, loss_fn=nn.CrossEntropyLoss())


@pytest.mark.parametrize("kind", ["own NumPy", "own torch"])
def test_a_copied_generator_fails(kind: str) -> None:
    """A generator kept by the data set is copied into every worker."""
    result = on(Noisy(kind))
    assert (result.status, result.where) == ("fail", "Noisy")
    assert "2 workers" in result.summary


@pytest.mark.parametrize("kind", ["torch", "NumPy"])
def test_global_generators_are_seeded_by_each_worker(kind: str) -> None:
    """The global generators differ from worker to worker."""
    assert on(Noisy(kind)).status == "pass"


def test_a_generator_seeded_in_each_worker_passes() -> None:
    """A worker_init_fn that seeds the data set's generator mends it."""
    assert on(Noisy("own NumPy"), worker_init_fn=seeded).status == "pass"


def test_fixed_samples_pass_and_one_worker_is_a_skip() -> None:
    """Without randomness, or without several workers, nothing can repeat."""
    assert on(TensorDataset(torch.randn(32, 4), torch.arange(32) % 3)).status == "pass"
    assert on(Noisy("own NumPy"), workers=0).status == "skip"


def test_a_data_set_that_raises_is_inconclusive() -> None:
    """What the workers raise is told and no finding."""
    assert on(Noisy("raises")).status == "inconclusive"


def test_workers_that_do_not_answer_in_time_are_no_defect_of_the_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said how long was waited, and that more time would settle it."""
    monkeypatch.setattr("nbinspect.sanity.evidence.data.workers.patience_with", lambda *_: 1)
    result = on(Noisy("torch"), worker_init_fn=asleep)
    assert (result.status, result.summary) == ("inconclusive", "no worker gave a batch within 1 s")
    assert "time_budget" in result.detail
