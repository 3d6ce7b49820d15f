"""What watching a run costs: steps bare and watched at the defaults, interleaved, beside peers if installed.

Each way trains a network of its own from the same seed; blocks of steps take turns, and the ratio of the medians of the
blocks is printed: what is done now and then, such as a reading of the probe, falls into most blocks. With ``--memory``
a million steps of a tiny network are watched, and the memory of the process is printed along the way.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import torch
from limits import print_limit
from torch import Tensor, nn
from torch.optim import optimizer as hooks_of_optimizers

from nbinspect import Inspector

Batch = tuple[Any, Any]
LIMIT = 1.02


class Convolutional(nn.Module):
    """A small CNN with batch normalisation and dropout, for (N, 3, 32, 32)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.AdaptiveAvgPool2d(4)),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(1024, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 10)."""
        logits: Tensor = self.head(self.features(x))
        return logits


class Perceptron(nn.Module):
    """An MLP of which a step takes less than a millisecond, for (N, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, 10)."""
        logits: Tensor = self.layers(x)
        return logits


class Transformer(nn.Module):
    """A causal transformer of the size of a small GPT-2, for tokens (N, T)."""

    def __init__(self, words: int = 1000, width: int = 128, layers: int = 4) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(128, width)
        block = nn.TransformerEncoderLayer(width, 4, 4 * width, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.head = nn.Linear(width, words)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return logits (N, V, T)."""
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        hidden = self.words(tokens) + self.places(torch.arange(tokens.shape[1]))
        logits: Tensor = self.head(self.blocks(hidden, mask=mask, is_causal=True))
        return logits.movedim(-1, 1)


MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Batch]]] = {
    "CNN": (Convolutional, lambda: (torch.randn(64, 3, 32, 32), torch.randint(10, (64,)))),
    "transformer": (Transformer, lambda: (torch.randint(1000, (8, 64)), torch.randint(1000, (8, 64)))),
    "MLP": (Perceptron, lambda: (torch.randn(64, 64), torch.randint(10, (64,)))),
}


class Run:
    """A network in training, and what is done after each of its steps."""

    def __init__(self, name: str) -> None:
        torch.manual_seed(0)
        make, batch = MODELS[name]
        self.model, self.batch, self.loss_fn = make(), batch(), nn.CrossEntropyLoss()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3)
        self.number = 0
        self.blocks: list[float] = []

    def step(self) -> Tensor:
        """Train one step."""
        self.optimizer.zero_grad()
        loss: Tensor = self.loss_fn(self.model(self.batch[0]), self.batch[1])
        loss.backward()  # type: ignore[no-untyped-call] # torch leaves it untyped
        self.optimizer.step()
        self.number += 1
        return loss

    def block(self, steps: int) -> None:
        """Train some steps, and keep the seconds that one took."""
        began = time.perf_counter()
        for _ in range(steps):
            self.step()
        self.blocks.append((time.perf_counter() - began) / steps)


class Watched(Run):
    """A run that a view without a page watches, with all defaults."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.view = Inspector(self.model, [self.batch], self.loss_fn, optimizer=self.optimizer).dynamics()
        self.view.attach()
        self._global: tuple[Any, Any] = (
            hooks_of_optimizers._global_optimizer_pre_hooks,
            hooks_of_optimizers._global_optimizer_post_hooks,
        )
        self._kept = [dict(each) for each in self._global]
        self._left = time.perf_counter()
        self._sleep()

    def block(self, steps: int) -> None:
        """Train with the hooks on optimizers in place; while others train they are away, and no time passes."""
        for hooks, kept in zip(self._global, self._kept, strict=True):
            hooks.update(kept)
        self.view._observer.idle(time.perf_counter() - self._left)
        super().block(steps)
        self._sleep()

    def _sleep(self) -> None:
        for hooks in self._global:
            hooks.clear()
        self._left = time.perf_counter()


class TensorBoard(Run):
    """Histograms of parameters and gradients and the loss, every step, with the writer of TensorBoard."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(tempfile.mkdtemp())

    def step(self) -> Tensor:
        """Train and write one step."""
        loss = super().step()
        self.writer.add_scalar("loss", loss.item(), self.number)
        for name, parameter in self.model.named_parameters():
            self.writer.add_histogram(name, parameter, self.number)
            self.writer.add_histogram(f"{name}.grad", parameter.grad, self.number)
        return loss


class WeightsAndBiases(Run):
    """`wandb.watch` of parameters and gradients at every step, offline."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        os.environ["WANDB_SILENT"] = "true"
        wandb: Any = importlib.import_module("wandb")

        self.run = wandb.init(mode="offline", dir=tempfile.mkdtemp(), project="overhead")
        self.run.watch(self.model, log="all", log_freq=1)

    def step(self) -> Tensor:
        """Train and log one step."""
        loss = super().step()
        self.run.log({"loss": loss.item()})
        return loss


PEERS = {"tensorboard": TensorBoard, "wandb": WeightsAndBiases}


def ratios(name: str, seconds: float) -> tuple[float, dict[str, tuple[float, float]], Watched]:
    """Return the bare step, for each way the ratios of medians and of totals of its blocks, and the watched run."""
    bare, watched = Run(name), Watched(name)
    ways: dict[str, Run] = {"nbinspect": watched}
    ways |= {peer: make(name) for peer, make in PEERS.items() if importlib.util.find_spec(peer)}
    bare.block(20)
    steps = max(1, int(0.2 / bare.blocks.pop()))
    end = time.perf_counter() + seconds * (1 + len(ways))
    while time.perf_counter() < end:
        for run in (bare, *ways.values()):
            # a dear peer needs fewer steps to be measured
            run.block(steps if run in (bare, watched) else max(1, steps // 10))
    middle, whole = statistics.median(bare.blocks), statistics.mean(bare.blocks)
    found = {
        way: (statistics.median(run.blocks) / middle, statistics.mean(run.blocks) / whole) for way, run in ways.items()
    }
    return middle, found, watched


def memory(steps: int) -> None:
    """Print the memory of the process while a tiny network trains for so many steps."""
    model, loss_fn = nn.Linear(1, 1), nn.MSELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    inputs, targets = torch.randn(8, 1), torch.randn(8, 1)
    print(f"\n{'steps':>10} {'memory MB':>10} {'history MB':>11}")
    with Inspector(model, [(torch.ones(8, 1), torch.ones(8, 1))], loss_fn).dynamics() as view:
        for number in range(1, steps + 1):
            optimizer.zero_grad()
            loss_fn(model(inputs), targets).backward()
            optimizer.step()
            if number in {steps // 100, steps // 10, steps // 4, steps // 2, steps}:
                peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
                record = view.record
                arrays = [part for one in (*record.traces, *record.readings[0]) for part in vars(one).values()]
                held = sum(part.nbytes for part in arrays if hasattr(part, "nbytes")) / 1e6
                print(f"{number:>10,} {peak:>10.0f} {held:>11.2f}")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0, help="for each way of each model")
    parser.add_argument("--memory", type=int, metavar="STEPS", help="also print memory over so many steps")
    parser.add_argument("--quick", action="store_true", help="2 seconds for each way")
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"{'model':<12} {'bare ms':>8} {'way':<14} {'medians':>8} {'totals':>8}")
    for name in MODELS:
        bare, found, watched = ratios(name, 2.0 if given.quick else given.seconds)
        for way, (median, total) in found.items():
            print(f"{name:<12} {bare * 1e3:8.2f} {way:<14} {median:8.3f} {total:8.3f}")
        record = watched.view.record
        print(f"{'':<12} it says {record.overhead:.2%} itself; {len(record.readings[0])} readings kept")
        print_limit(f"{name}: step watched ÷ bare, medians", found["nbinspect"][0], most=LIMIT)
        watched.view.close()
    if given.memory:
        memory(given.memory)


if __name__ == "__main__":
    main()
