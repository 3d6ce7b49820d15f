"""What the checks cost: forward and backward passes, and time beside a bare training pass, of each and of all.

Passes are counted in whole batches. Each check is measured alone (what it shares with others included) and within the
whole run (where shared passes count once). The limit for the groups data, wiring, init and backward together is 25.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import check
from nbinspect.sanity.registry import CHECKS

LIMIT = 25.0


def cnn() -> dict[str, Any]:
    """Return a small residual network on pictures of 32 px, 64 a batch."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(10, (640,), generator=generator)
    x = torch.randn(640, 3, 32, 32, generator=generator) + labels.view(-1, 1, 1, 1) / 10
    model = nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.2), nn.Linear(32 * 64, 10)),
    )
    return program(model, x, labels, 64)


class Encoder(nn.Module):
    """A transformer encoder over tokens, with a class for each text."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(200, 64)
        layer = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.head = nn.Linear(64, 5)

    def forward(self, ids: Tensor) -> Tensor:
        """Return logits (N, 5) of ids (N, T)."""
        made: Tensor = self.head(self.encoder(self.embedding(ids)).mean(1))
        return made


def transformer() -> dict[str, Any]:
    """Return a transformer encoder of 4 layers on 32 tokens, 32 a batch."""
    generator = torch.Generator().manual_seed(0)
    return program(
        Encoder(), torch.randint(200, (640, 32), generator=generator), torch.randint(5, (640,), generator=generator), 32
    )


def mlp() -> dict[str, Any]:
    """Return three linear layers on rows of 64, 128 a batch."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1280, 64, generator=generator)
    model = nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    return program(model, x, (x @ torch.randn(64, 10, generator=generator)).argmax(1), 128)


def program(model: nn.Module, x: Tensor, y: Tensor, size: int) -> dict[str, Any]:
    """Return the arguments of `check` for a classifier with loaders for training and validation."""
    cut = len(x) * 4 // 5
    return {
        "model": model,
        "loader": DataLoader(TensorDataset(x[:cut], y[:cut]), batch_size=size, shuffle=True),
        "val_loader": DataLoader(TensorDataset(x[cut:], y[cut:]), batch_size=size),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
    }


def bare_pass(arguments: dict[str, Any]) -> float:
    """Return the median seconds of one forward or backward: half of a training pass."""
    x, y = next(iter(arguments["loader"]))
    seconds = []
    for _ in range(12):
        began = time.perf_counter()
        arguments["loss_fn"](arguments["model"](x), y).backward()
        seconds.append(time.perf_counter() - began)
    arguments["model"].zero_grad()
    return statistics.median(seconds) / 2


def main() -> int:
    """Print the table, and return 1 where the limit is exceeded."""
    torch.set_num_threads(1)
    programs: dict[str, Callable[[], dict[str, Any]]] = {"CNN": cnn, "transformer": transformer, "MLP": mlp}
    whole = {name: check(**build()) for name, build in programs.items()}
    print("passes of each check alone | within the whole run")
    print(f"{'check':<26}" + "".join(f"{name:>24}" for name in programs))
    for one in CHECKS:
        cells = []
        for name, build in programs.items():
            alone = check(**build(), only=one.name)
            status = alone.results[0].status
            cells.append(f"{alone.record.passes:6.1f} |{whole[name][one.name].passes:5.1f} {status[:4]:<4}")
        print(f"{one.name:<26}" + "".join(f"{cell:>24}" for cell in cells))
    total = {name: report.record.passes for name, report in whole.items()}
    print(f"{'all':<26}" + "".join(f"{passes:>24.1f}" for passes in total.values()))
    for name, report in whole.items():
        one_pass = bare_pass(programs[name]())
        ratio = report.record.seconds / one_pass
        print(f"{name}: {report.record.seconds:.1f} s, as long as {ratio:.0f} bare passes; {report!r}")
    print(f"limit {LIMIT:.0f} passes: {'kept' if max(total.values()) <= LIMIT else 'EXCEEDED'}")
    return int(max(total.values()) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
