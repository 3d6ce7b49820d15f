from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.dtype import CHECK
from tests.sanity.running import run_one

N = 16
BYTES = torch.arange(N * 8, dtype=torch.int64).mul(37).remainder(256).to(torch.uint8).reshape(N, 8)
FEATURES = torch.linspace(-2, 2, N * 8).reshape(N, 8)
CLASSES = torch.arange(N) % 3


class Prepared(nn.Module):
    def __init__(self, prepare: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.prepare, self.fc = prepare, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.prepare(x))


class Embedded(nn.Module):
    def __init__(self, index: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.index, self.table, self.fc = index, nn.Embedding(64, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.table(self.index(x)).mean(1))


def result_of(model: nn.Module, x: Tensor, y: Tensor = CLASSES, loss_fn: Any = None, **rest: Any) -> CheckResult:
    return run_one(CHECK, model=model, loader=[(x, y)], loss_fn=loss_fn or nn.CrossEntropyLoss(), **rest)


def centred(x: Tensor) -> Tensor:
    return (x - 128).float() / 128  # wraps


def test_bytes_that_wrap_around_are_found_at_their_line() -> None:
    """A byte minus 128 wraps around, and the line is named."""
    result = result_of(Prepared(centred), BYTES)
    assert (result.status, result.title) == ("fail", "uint8 runs over")
    assert result.place is not None
    assert "# wraps" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]


def test_the_share_that_wraps_is_exact_for_two_tensors() -> None:
    """The share is that of a subtraction in 64 bits."""
    mean = BYTES.float().mean().to(torch.uint8)
    result = result_of(Prepared(lambda x: (x - mean).float()), BYTES)
    expected = float((BYTES.long() < int(mean)).double().mean())
    assert result.measurements[0].measured == f"{expected:.1%}"


@pytest.mark.parametrize(
    ("model", "x", "title"),
    [
        (Prepared(lambda x: (x * 2).float()), BYTES, "uint8 runs over"),
        (Prepared(lambda x: (-x).float()), BYTES, "uint8 runs over"),
        (Prepared(lambda x: (x // 255).float()), BYTES, "Integer division"),
        (Prepared(lambda x: (x / 255).to(torch.uint8).float()), BYTES.clamp(0, 254), "Features cut off to integers"),
        (Embedded(lambda x: x.long()), FEATURES.abs(), "Features cut off to integers"),
    ],
)
def test_each_loss_of_values_is_named(model: nn.Module, x: Tensor, title: str) -> None:
    """Wrapping, integer division and casts that drop the values fail by name."""
    result = result_of(model, x)
    assert (result.status, result.title) == ("fail", title)


@pytest.mark.parametrize(
    ("model", "x"),
    [
        (Prepared(lambda x: x.float() / 255), BYTES),
        (Prepared(lambda x: x / 255), BYTES),
        (Prepared(lambda x: (255 - x).float() / 255), BYTES),
        (Prepared(lambda x: (x.long() - 128).float()), BYTES),
        (Prepared(lambda x: (x // 16).float()), BYTES),
        (Prepared(lambda x: x * (x > 0).long()), FEATURES),
        (Embedded(lambda x: x), BYTES.long() % 64),
        (Embedded(lambda x: x.long()), (BYTES % 64).float()),
        (Embedded(lambda x: (x * 10).long()), FEATURES.abs()),
        (Embedded(lambda x: x // 128), BYTES.long()),
        (Embedded(lambda x: torch.bucketize(x, torch.linspace(-2, 2, 4))), FEATURES),
    ],
)
def test_silent_on_arithmetic_that_keeps_its_values(model: nn.Module, x: Tensor) -> None:
    """Floats, wide integers, inverted bytes, indices and bins pass."""
    assert result_of(model, x).status == "pass"


def test_float64_in_a_float32_network_is_found() -> None:
    """Data that widens every activation is found at the first parameter; cast once, or double throughout, it is not."""

    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(3))

        def forward(self, x: Tensor) -> Tensor:
            return x[:, :3] * self.scale

    result = result_of(Scaled(), FEATURES.double())
    assert (result.status, result.where) == ("fail", "Tensor.mul")
    assert result_of(Scaled().double(), FEATURES.double()).status == "pass"
    assert result_of(Prepared(lambda x: x.float()), FEATURES.double()).status == "pass"


def test_float64_targets_are_a_warning() -> None:
    """A loss that targets widen is worth a look alone."""
    target = FEATURES[:, :3].double()
    assert result_of(nn.Linear(8, 3), FEATURES, target, nn.MSELoss()).status == "warn"
    assert result_of(nn.Linear(8, 3).double(), FEATURES.double(), target, nn.MSELoss()).status == "pass"


class Autocast(nn.Module):
    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__()
        self.fc, self.dtype = nn.Linear(8, 3), dtype

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=self.dtype):
            return self.fc(x)


def tiny(z: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(z.float(), y) * 1e-6


def step(model: Any, batch: Any, optimizer: Any) -> Tensor:
    loss = tiny(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss


def test_float16_without_scaling_is_found_where_gradients_vanish() -> None:
    """Half parameters fail, an autocast under a step without a scaler too; without a step it is a warning."""
    half = nn.Linear(8, 3).half()
    assert result_of(half, FEATURES.half(), loss_fn=tiny).status == "fail"
    assert result_of(half, FEATURES.half(), loss_fn=lambda z, y: F.cross_entropy(z.float(), y)).status == "warn"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny, train_step=step).status == "fail"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny).status == "warn"


def test_silent_on_bfloat16_and_on_scaling() -> None:
    """Bfloat16 needs no scaling, and a scaler settles the matter, also one that the step refers to."""
    scaler = torch.amp.GradScaler("cpu")

    def scaled(model: Any, batch: Any, optimizer: Any) -> Tensor:
        loss = tiny(model(batch[0]), batch[1])
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        return loss

    assert result_of(Autocast(torch.bfloat16), FEATURES, loss_fn=tiny).status == "pass"
    assert result_of(nn.Linear(8, 3).bfloat16(), FEATURES.bfloat16(), loss_fn=tiny).status == "pass"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny, scaler=scaler).status == "pass"
    assert result_of(Autocast(torch.float16), FEATURES, loss_fn=tiny, train_step=scaled).status == "pass"


def test_without_parameters_it_passes() -> None:
    """A model without parameters has nothing to lose."""
    assert result_of(nn.Softmax(1), FEATURES).status == "pass"
