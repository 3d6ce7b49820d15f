"""What `follow=True` costs a training loop: steps with and without it, interleaved, as a ratio of totals.

The budget is a share of time, so the runs are long enough to hold several hand-overs. Run it as
``python benchmarks/batch_follow.py``; it prints one table.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from limits import print_limit
from torch import nn

from nbinspect import Inspector

Batch = tuple[torch.Tensor, torch.Tensor]
LIMIT = 1.01


def convolutional() -> tuple[nn.Module, Batch]:
    """Return a small CNN and a batch 64×3×64×64 for it."""
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU()),
        *(nn.Conv2d(16, 32, 3, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
    )
    return model, (torch.randn(64, 3, 64, 64), torch.randint(10, (64,)))


def perceptron() -> tuple[nn.Module, Batch]:
    """Return an MLP of which a step takes about a millisecond, and a batch 64×64 for it."""
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    return model, (torch.randn(64, 64), torch.randint(10, (64,)))


def stepper(model: nn.Module, loss_fn: nn.Module, batch: Batch) -> Callable[[], None]:
    """Return a plain training step."""
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        loss_fn(model(batch[0]), batch[1]).backward()
        optimizer.step()

    return step


def ratio(make: Callable[[], tuple[nn.Module, Batch]], seconds: float) -> tuple[float, float, float, int]:
    """Return median step bare, ratio of medians, ratio of totals, and batches shown, in one interleaved run."""
    bare_model, batch = make()
    bare = stepper(bare_model, nn.CrossEntropyLoss(), batch)
    model, _ = make()
    loss_fn = nn.CrossEntropyLoss()
    followed = stepper(model, loss_fn, batch)
    view = Inspector(model, [batch], loss_fn).batch(follow=True)
    shown: list[object] = []
    view.observe(shown.append, "shown")
    times: dict[Callable[[], None], list[float]] = {bare: [], followed: []}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        for step in (bare, followed):
            for _ in range(10):
                start = time.perf_counter()
                step()
                times[step].append(time.perf_counter() - start)
    view.close()
    middle = statistics.median(times[bare])
    return middle, statistics.median(times[followed]) / middle, sum(times[followed]) / sum(times[bare]), len(shown)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30.0, help="length of each run")
    parser.add_argument("--quick", action="store_true", help="3 seconds each")
    given = parser.parse_args()
    seconds = 3.0 if given.quick else given.seconds
    torch.set_num_threads(1)
    print(f"{'training step':>22} {'bare ms':>9} {'median ratio':>13} {'total ratio':>12} {'shown':>6}")
    for make in (convolutional, perceptron):
        bare, median, total, shown = ratio(make, seconds)
        print(f"{make.__name__:>22} {bare * 1e3:9.2f} {median:13.3f} {total:12.3f} {shown:6d}")
        print_limit(f"{make.__name__}: time with follow=True ÷ bare, totals", total, most=LIMIT)


if __name__ == "__main__":
    main()
