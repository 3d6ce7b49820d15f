from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.capture.forward import record_forward
from nbinspect.records import Step
from nbinspect.subject import make_subject


def alarms(model: nn.Module, x: Tensor, **options: Any) -> list[tuple[str, str]]:
    """The steps with findings, and which."""
    torch.manual_seed(0)
    found = record_forward(make_subject(model, [x]), x, **options)
    return [(step.name, finding.kind) for step in found.steps for finding in step.findings]


def mlp(*more: nn.Module) -> nn.Sequential:
    """A small network before whatever is planted."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(20, 32), *more)


X = torch.randn(64, 20, generator=torch.Generator().manual_seed(0))


def test_dead_channels_are_found_where_they_die() -> None:
    """Channels that a ReLU silences on every sample are found there, and where they are handed on."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 4, 3))
    net[0].bias.data[:6] = -100
    x = torch.randn(8, 3, 12, 12)
    assert alarms(net, x) == [("ReLU", "dead"), ("F.relu", "dead")]
    net[0].bias.data[:6] = 0
    assert not alarms(net, x)


def test_few_places_are_no_proof_of_death() -> None:
    """A batch of two cannot tell dead units from those that are silent by chance."""
    assert not alarms(mlp(nn.ReLU()), X[:2])


def test_all_zero_activations_are_found() -> None:
    """A layer that gives zeros only is found, unless its weights begin at zero."""
    net = mlp(nn.ReLU(), nn.Linear(32, 3))
    net[0].bias.data.fill_(-100)
    assert ("F.relu", "all-zero") in alarms(net, X)
    net = mlp(nn.ReLU(), nn.Linear(32, 3), nn.ReLU())
    nn.init.zeros_(net[2].weight)
    nn.init.zeros_(net[2].bias)
    assert not alarms(net, X)


@pytest.mark.parametrize("level", ["module", "operation"])
def test_non_finite_values_are_found(level: Any) -> None:
    """NaN and infinities are found at the first step that makes them."""

    class Log(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return torch.log(x.clamp(min=0))

    first = alarms(mlp(Log()), X, level=level)[-1]
    assert first[1] == "non-finite"
    net = mlp(nn.ReLU())
    net[0].weight.data[0, 0] = nan
    assert ("Linear", "non-finite") in alarms(net, X, level=level)


@pytest.mark.parametrize("activation", [nn.Sigmoid(), nn.Tanh()])
def test_saturated_activations_are_found(activation: nn.Module) -> None:
    """Sigmoid and tanh at an end of their range on most values are found."""
    net = mlp(activation)
    assert not alarms(net, X)
    net[0].weight.data *= 100
    assert {kind for _, kind in alarms(net, X)} == {"saturated"}


def test_exploding_and_vanishing_activations_are_found() -> None:
    """Values beyond ten thousand, and differences below a millionth, are found."""
    net = mlp(nn.ReLU(), nn.Linear(32, 3, bias=False))
    net[2].weight.data *= 1e6
    assert ("Linear", "exploding") in alarms(net, X)
    net[2].weight.data *= 1e-14
    assert ("F.linear", "vanishing") in alarms(net, X)


@pytest.mark.parametrize("low", [-inf, torch.finfo(torch.float32).min, -1e9, -1e4])
@pytest.mark.parametrize("how", ["fill", "add", "buffer", "where", "twice"])
def test_masks_are_no_alarm(low: float, how: str) -> None:
    """Attention masks with infinite or hugely negative values, however they are laid on, are healthy."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(8, 8)
            self.register_buffer("mask", torch.full((6, 6), low).triu(1))

        def forward(self, x: Tensor) -> Tensor:
            q = self.fc(x)
            scores = q @ q.transpose(1, 2)
            ahead = torch.ones(6, 6, dtype=torch.bool).triu(1)
            if how == "fill":
                scores = scores.masked_fill(ahead, low)
            elif how == "add":
                scores = scores + torch.zeros(6, 6).masked_fill(ahead, low)
            elif how == "where":
                scores = torch.where(ahead, torch.tensor(low), scores)
            elif how == "twice":
                padding = torch.zeros(6, 6).masked_fill(torch.arange(6) > 4, low)
                scores = torch.where(ahead, torch.tensor(low), scores) + padding
            else:
                scores = scores + self.mask
            return scores.softmax(-1) @ q

    assert not alarms(Attention(), torch.randn(4, 6, 8))


def test_plain_values_are_no_alarm() -> None:
    """One-hot vectors, zero states, a sharp softmax over many classes, positions and constants are healthy."""

    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc, self.embed = nn.Linear(20, 500), nn.Embedding(10, 6, padding_idx=0)

        def forward(self, x: Tensor) -> Tensor:
            kinds = torch.zeros(64, 30).scatter_(1, torch.zeros(64, 1, dtype=torch.long), 1)
            padding = self.embed(torch.zeros(64, 3, dtype=torch.long))
            state = torch.zeros(64, 8) * 0.5
            places = torch.arange(4000.0).expand(64, -1)
            probabilities = self.fc(x).softmax(1)
            whole = probabilities.sum(1)
            buckets = torch.log(torch.arange(20).float() / 8) / 3
            near = torch.where(torch.arange(20) > 8, buckets, 0.0)
            return (
                kinds.sum()
                + padding.sum()
                + state.sum()
                + places.mean()
                + probabilities.max()
                + whole.mean()
                + near.sum()
            )

    assert not alarms(Plain(), X)


def test_memory_that_nobody_has_written_to_is_no_alarm() -> None:
    """A tensor that is made empty and filled row by row is judged by what is put there, not by what lay there."""

    class Fills(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            out, other = torch.empty(64, 20), torch.empty_like(x).T
            for row in range(64):
                out[row] = x[row] * 2
                other[:, row] = x[row] / 2
            return out + other.T

    torch.use_deterministic_algorithms(mode=True)  # which fills such memory with NaN
    try:
        assert not alarms(Fills(), X)
        assert alarms(Fills(), X * torch.nan)[0][1] == "non-finite"
    finally:
        torch.use_deterministic_algorithms(mode=False)


def test_a_fully_masked_row_is_found() -> None:
    """A softmax over nothing gives NaN, which is an alarm though the mask was none."""

    class Blind(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.masked_fill(torch.ones(20, dtype=torch.bool), -inf).softmax(-1)

    assert alarms(Blind(), X) == [("Blind", "non-finite"), ("Tensor.softmax", "non-finite")]


def test_a_view_that_mixes_samples_is_found() -> None:
    """Rows with the end of one sample and the beginning of the next are found, tokens merged into rows are not."""

    class View(nn.Module):
        def __init__(self, *shape: int) -> None:
            super().__init__()
            self.shape = shape

        def forward(self, x: Tensor) -> Tensor:
            return x.view(self.shape)

    x = torch.randn(64, 8, 5, 5)
    assert ("Tensor.view", "mixed-samples") in alarms(View(-1, 512), x)
    for shape in ((64, -1), (-1, 5), (-1, 8, 25), (64 * 8, 25), (32, 400)):
        assert not alarms(View(*shape), x)


def units(model: nn.Module, x: Tensor, level: Any = "operation") -> list[tuple[str, int]]:
    """The number of units of each step with outputs."""
    steps: tuple[Step, ...] = record_forward(make_subject(model, [x]), x, level=level).steps
    return [(step.name, step.outputs[0].units) for step in steps if step.outputs[0].shape]


def test_units_are_told_by_the_operation() -> None:
    """Of (N, C, T) they are axis 1 behind a convolution, of (N, T, F) the last behind a linear layer."""
    conv = nn.Sequential(nn.Conv1d(4, 12, 3), nn.BatchNorm1d(12), nn.ReLU(), nn.MaxPool1d(2))
    assert {count for _, count in units(conv, torch.randn(2, 4, 40))} == {12}
    assert {count for _, count in units(conv, torch.randn(2, 4, 40), "module")} == {12}
    linear = nn.Sequential(nn.Linear(4, 12), nn.LayerNorm(12), nn.GELU())
    assert {count for _, count in units(linear, torch.randn(2, 40, 4))} == {12}

    class Turn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.fc = nn.Conv2d(3, 12, 3, padding=1), nn.Linear(12, 7)

        def forward(self, x: Tensor) -> Tensor:
            tokens = self.conv(x).flatten(2).transpose(1, 2)
            return self.fc(tokens + 1).relu()

    found = dict(units(Turn(), torch.randn(2, 3, 6, 6)))
    names = ("F.conv2d", "Tensor.flatten", "Tensor.transpose", "Tensor.add", "F.linear", "Tensor.relu")
    assert [found[name] for name in names] == [12, 12, 12, 12, 7, 7]
