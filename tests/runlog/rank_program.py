"""Trainings on two ranks, each healthy or with one mistake: ``python -m tests.runlog.rank_program FOLDER MISTAKE …``.

Each has the folder of its mistake, and beside it the weights that rank 0 ended with.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

from nbinspect.runlog.recorder import Recorder
from tests.runlog.two_ranks import on_two_ranks

STEPS = 128


class Waits(nn.Module):
    """A loss that asks the other ranks."""

    def forward(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss = nn.functional.cross_entropy(outputs, targets)
        shared = loss.detach().clone()
        dist.all_reduce(shared)
        return loss + 0 * shared


def train(folder: Path, mistake: str) -> None:
    torch.manual_seed(0)
    x = torch.randn(2 * 8 * 32, 6)
    data = TensorDataset(x, x[:, :3].argmax(1))
    torch.manual_seed(dist.get_rank() if mistake == "unseeded" else 0)
    model: nn.Module = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    if mistake not in ("no-wrapper", "unseeded"):
        model = DistributedDataParallel(model)
    sampler = None if mistake == "no-sampler" else DistributedSampler(data)
    loader = DataLoader(data, batch_size=8, sampler=sampler, shuffle=sampler is None)
    loss_fn = Waits() if mistake == "waits" else nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    steps = 0
    recorder = Recorder(folder / mistake, model, loader, loss_fn, size=8, budget=0.5)
    with recorder if mistake != "unobserved" else nullcontext():
        while steps < STEPS:
            if sampler is not None:
                sampler.set_epoch(steps)
            for batch, targets in loader:
                optimizer.zero_grad()
                loss_fn(model(batch), targets).backward()
                optimizer.step()
                steps += 1
                if steps == STEPS:
                    break
    if dist.get_rank() == 0:
        torch.save(model.state_dict(), folder / f"{mistake}.pt")


def work(folder: str, *mistakes: str) -> None:
    """What each rank does."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    for mistake in mistakes:
        train(Path(folder), mistake)
    dist.destroy_process_group()


if __name__ == "__main__":
    on_two_ranks(work, *sys.argv[1:])
