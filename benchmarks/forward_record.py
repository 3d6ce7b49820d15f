"""What recording a forward pass costs beside the bare pass, naive hooks, and TorchLens where it is installed.

The ways take turns in each round, and medians are compared. Run it as ``python benchmarks/forward_record.py``; it
prints one table for each model.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import itertools
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from limits import print_limit
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.capture.forward import record_forward
from nbinspect.subject import Subject

LIMITS = {"operation": 2.0, "module": 1.3}

Way = Callable[[], object]


class Block(nn.Module):
    """Two convolutions with a shortcut, as in ResNet-18."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(leaving)
        self.conv2 = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(leaving)
        same = stride == 1 and entering == leaving
        shortcut = nn.Sequential(nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))
        self.shortcut = nn.Identity() if same else shortcut

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C', H', W')."""
        y = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))


class ResNet(nn.Module):
    """ResNet-18 for (N, 3, 64, 64)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        widths, layers = (64, 64, 128, 256, 512), []
        for entering, leaving in itertools.pairwise(widths):
            layers += [Block(entering, leaving, 1 if entering == leaving else 2), Block(leaving, leaving, 1)]
        self.layers = nn.Sequential(*layers)
        self.fc = nn.Linear(512, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, 10)."""
        x = F.max_pool2d(F.relu(self.bn(self.conv(x))), 3, 2, 1)
        return self.fc(self.layers(x).mean((2, 3)))  # type: ignore[no-any-return] # a module's call is untyped


def resnet() -> tuple[nn.Module, Any]:
    """Return a ResNet-18 and a batch of 32 pictures."""
    return ResNet(), torch.randn(32, 3, 64, 64)


def gpt() -> tuple[nn.Module, Any] | None:
    """Return a GPT-2 of four layers and 8 × 128 tokens; None without transformers."""
    if importlib.util.find_spec("transformers") is None:
        return None
    transformers = importlib.import_module("transformers")
    config = transformers.GPT2Config(vocab_size=5000, n_layer=4, n_head=8, n_embd=256, n_positions=128)
    return transformers.GPT2LMHeadModel(config), {"input_ids": torch.randint(0, 5000, (8, 128))}


def mlp() -> tuple[nn.Module, Any]:
    """Return an MLP 784-1024-1024-10 and a batch of 256."""
    layers = [nn.Linear(784, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)]
    return nn.Sequential(*layers), torch.randn(256, 784)


def bare(model: nn.Module, batch: Any) -> object:
    """Run the pass and no more."""
    return model(**batch) if isinstance(batch, dict) else model(batch)


def naive(model: nn.Module, batch: Any) -> object:
    """Print-style hooks: five numbers of each module's output, each fetched on its own."""
    numbers = []

    def hook(_: nn.Module, __: object, output: object) -> None:
        if isinstance(output, Tensor):
            found = output.detach()
            numbers.append([found.mean().item(), found.std().item(), found.min().item(), found.max().item()])
            numbers.append([(found == 0).float().mean().item()])

    handles = [module.register_forward_hook(hook) for module in model.modules()]
    try:
        bare(model, batch)
    finally:
        for handle in handles:
            handle.remove()
    return numbers


def torchlens(model: nn.Module, batch: Any) -> Way | None:
    """Return TorchLens' full capture as a way; None where it is not installed or cannot take the model."""
    if importlib.util.find_spec("torchlens") is None:
        return None
    lens = importlib.import_module("torchlens")
    log = lens.trace if hasattr(lens, "trace") else lens.log_forward_pass  # its name before version 2
    arguments = ([], batch) if isinstance(batch, dict) else (batch, {})

    def way() -> object:
        return log(model, arguments[0], input_kwargs=arguments[1])

    try:
        way()
    except Exception as error:  # noqa: BLE001 - whatever it raises, it cannot be measured
        print(f"TorchLens raised {type(error).__name__}: {str(error)[:80]}")
        return None
    return way


def measured(ways: dict[str, Way], seconds: float) -> dict[str, float]:
    """Return the median seconds of each way, all of them once in each round after one to warm up."""
    for way in ways.values():
        way()
    times: dict[str, list[float]] = {name: [] for name in ways}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["bare forward"]) < 5:
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(found) for name, found in times.items()}


def print_model(name: str, model: nn.Module, batch: Any, seconds: float) -> None:
    """Print the table for one model, in its train mode and under autograd, as a training step runs it."""
    subject = Subject(model, [batch])
    ways: dict[str, Way] = {
        "bare forward": lambda: bare(model, batch),
        "record, module level": lambda: record_forward(subject, batch, level="module"),
        "record, operation level": lambda: record_forward(subject, batch),
        "naive .item() hooks": lambda: naive(model, batch),
    }
    lens = torchlens(model, batch)
    if lens is not None:
        ways["TorchLens, full capture"] = lens
    steps = {level: len(record_forward(subject, batch, level=level).steps) for level in ("module", "operation")}
    results = measured(ways, seconds)
    least = results["bare forward"]
    print(f"\n{name:<26} {'ms':>9} {'× bare':>8} {'steps':>7}")
    for way, taken in results.items():
        level = way.rpartition(", ")[2].removesuffix(" level")
        known = f"{steps[level]:7}" if level in steps else ""
        print(f"{way:<26} {taken * 1e3:9.2f} {taken / least:8.2f} {known}")
    for level, limit in LIMITS.items():
        print_limit(f"{name}: {level} level ÷ bare", results[f"record, {level} level"] / least, most=limit)
    if lens is None:
        print("TorchLens is not installed" if importlib.util.find_spec("torchlens") is None else "TorchLens failed")


def main() -> None:
    """Print a table for each model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long each model is measured")
    parser.add_argument("--threads", type=int, default=1, help="threads that torch may use")
    parser.add_argument("--quick", action="store_true", help="2 seconds each")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    for name, made in (("ResNet-18, 32×3×64×64", resnet()), ("GPT-2, 4 layers, 8×128", gpt()), ("MLP, 256×784", mlp())):
        if made is None:
            print(f"\n{name}: transformers is not installed")
        else:
            print_model(name, *made, 2 if options.quick else options.seconds)


if __name__ == "__main__":
    main()
