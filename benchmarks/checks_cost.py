"""What the checks cost: passes and training steps, and time beside bare ones, of each and of all.

Passes are counted in whole batches. Each check is measured alone (what it shares with others included) and within the
whole run (where shared passes and steps count once). The limit for the groups data, wiring, init and backward together
is 25 passes; for the group training 600 steps, and on a healthy small program a typical run is to stay under 250.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import torch
from limits import print_limit
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect import Report, check
from nbinspect.sanity.check import Check
from nbinspect.sanity.program import STEPS
from nbinspect.sanity.registry import CHECKS

Programs: TypeAlias = dict[str, Callable[[], dict[str, Any]]]
LIMIT, TYPICAL = 25.0, 250


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


def bare_step(arguments: dict[str, Any]) -> float:
    """Return the median seconds of a training step: forward, loss, backward and update."""
    model, optimizer, loss_fn = arguments["model"], arguments["optimizer"], arguments["loss_fn"]
    x, y = next(iter(arguments["loader"]))
    seconds = []
    for _ in range(12):
        began = time.perf_counter()
        optimizer.zero_grad()
        loss_fn(model(x), y).backward()
        optimizer.step()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def table(title: str, checks: Sequence[Check], programs: Programs, reports: dict[str, Report]) -> None:
    """Print a line a check: what it costs alone, what it shares with others included, and within the whole run."""
    print(f"\n{title}, of each check alone | within the whole run")
    print(f"{'check':<28}" + "".join(f"{name:>24}" for name in programs))
    for one in checks:
        cells = []
        for name, build in programs.items():
            alone = check(**build(), only=one.name).record
            within, steps = reports[name][one.name], one.stage == "training"
            cost, own = (alone.steps, within.steps) if steps else (alone.passes, within.passes)
            cells.append(f"{cost:6.1f} |{own:5.1f} {alone.results[0].status[:4]:<4}")
        print(f"{one.name:<28}" + "".join(f"{cell:>24}" for cell in cells))


def main() -> int:
    """Print the tables, and return 1 where a limit is exceeded."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the MLP alone, and no check alone")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    programs: Programs = {"MLP": mlp} if quick else {"CNN": cnn, "transformer": transformer, "MLP": mlp}
    before = [one for one in CHECKS if one.stage != "training"]
    after = [one for one in CHECKS if one.stage == "training"]
    reports = {name: check(**build(), skip="training") for name, build in programs.items()}
    trained = {name: check(**build(), only="training") for name, build in programs.items()}
    if not quick:
        table("forward and backward passes", before, programs, reports)
        table("training steps", after, programs, trained)
    passes = {name: report.record.passes for name, report in reports.items()}
    steps = {name: report.record.steps for name, report in trained.items()}
    print()
    for name, build in programs.items():
        one_pass, one_step = bare_pass(build()), bare_step(build())
        first, then = reports[name].record, trained[name].record
        print(f"{name}: without training {passes[name]:.1f} passes, {first.seconds:.1f} s", end=", ")
        print(f"as long as {first.seconds / one_pass:.0f} bare passes; {reports[name]!r}")
        print(f"{name}: training {steps[name]} steps, {then.seconds:.1f} s", end=", ")
        print(f"as long as {then.seconds / one_step:.0f} bare steps; {trained[name]!r}")
    kept = [print_limit(f"{name}: passes before training", passes[name], most=LIMIT) for name in programs]
    kept += [print_limit(f"{name}: training steps", steps[name], most=STEPS) for name in programs]
    kept += [print_limit("training steps, median of the programs", statistics.median(steps.values()), most=TYPICAL)]
    return int(not all(kept))


if __name__ == "__main__":
    sys.exit(main())
