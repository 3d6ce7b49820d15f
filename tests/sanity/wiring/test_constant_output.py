from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.wiring.constant_output import CHECK
from tests.sanity.running import run_one

N = 10


class Wiped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.first(x))
        h = torch.zeros_like(h) * h  # wipes
        return self.last(h)


class Tupled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return torch.ones(len(x), 7), self.fc(x)


def result_of(model: nn.Module, x: Tensor | None = None, loss_fn: Any = None) -> CheckResult:
    x = torch.linspace(-1, 1, N * 4).reshape(N, 4) if x is None else x
    batch = (x, torch.arange(len(x)) % 3)
    return run_one(CHECK, model=model, loader=[batch], loss_fn=loss_fn or nn.CrossEntropyLoss())


def test_a_wiped_input_is_found_at_its_line() -> None:
    """The operation after which samples are alike is named with its line."""
    result = result_of(Wiped())
    assert (result.status, result.where) == ("fail", "Tensor.mul")
    assert result.place is not None
    assert "# wipes" in Path(result.place.file).read_text(encoding="utf-8").splitlines()[result.place.line - 1]
    assert result.measurements[0].measured == "1"


def test_dead_units_and_a_softmax_of_one_unit_are_found() -> None:
    """Units that are all dead, and a softmax over one unit, give one output."""
    dead = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    nn.init.constant_(dead[0].bias, -100)
    assert result_of(dead).status == "fail"
    single = nn.Sequential(nn.Linear(4, 1), nn.Softmax(1))
    mean = lambda p, y: ((p.squeeze(1) - y) ** 2).mean()  # noqa: E731 - as users write it
    result = result_of(single, loss_fn=mean)
    assert (result.status, result.where) == ("fail", "F.softmax in 1")


def zeroed(model: nn.Sequential) -> nn.Module:
    nn.init.zeros_(model[-1].weight)
    nn.init.zeros_(model[-1].bias)
    return model


def test_silent_on_a_head_that_starts_at_zero() -> None:
    """A head of zeros is drawn at random on a copy, and the model is left as it was."""
    model = zeroed(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)))
    assert result_of(model).status == "pass"
    assert not model[-1].weight.any()


def test_a_head_of_zeros_hides_no_wiped_input() -> None:
    """With the head drawn at random the wiped input is still seen."""
    model = Wiped()
    nn.init.zeros_(model.last.weight)
    assert result_of(model).status == "fail"


@pytest.mark.parametrize(
    "model",
    [
        nn.Linear(4, 3),
        nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)),
    ],
)
def test_silent_on_outputs_that_differ(model: nn.Module) -> None:
    """Healthy networks pass, in train mode too."""
    assert result_of(model).status == "pass"


def test_silent_on_constants_beside_the_prediction() -> None:
    """One of several outputs may be the same for all samples."""
    assert result_of(Tupled(), loss_fn=lambda out, y: nn.functional.cross_entropy(out[1], y)).status == "pass"


def test_without_different_samples_it_is_skipped() -> None:
    """Equal inputs, one sample and outputs that are no rows cannot tell."""
    assert result_of(nn.Linear(4, 3), torch.ones(N, 4)).status == "skip"
    assert result_of(nn.Linear(4, 3), torch.ones(1, 4)).status == "skip"

    class Mean(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.mean(0)[:3]

    assert result_of(Mean(), loss_fn=lambda z, y: z.sum()).status == "skip"


def test_nan_is_no_constant() -> None:
    """Outputs of NaN are somebody else's finding."""
    model = nn.Linear(4, 3)
    nn.init.constant_(model.weight, float("nan"))
    assert result_of(model).status == "pass"


def test_small_differences_count() -> None:
    """Outputs that differ little, but more than float error, pass."""
    model = nn.Linear(4, 3)
    with torch.no_grad():
        model.weight.mul_(1e-3)
        model.bias.fill_(1)
    assert result_of(model).status == "pass"


class Grouped(nn.Module):
    """Normalises what is left of the inputs over groups of some units."""

    def __init__(self, groups: int, times: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.head = nn.Linear(4, 48), nn.GroupNorm(groups, 48), nn.Linear(48, 3)
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.times * self.norm(torch.relu(self.first(x))))


def test_differences_of_rounding_alone_are_no_differences() -> None:
    """Groups of one unit leave nothing but float error, which grows with what follows and is gone in float64."""
    x = 30 * torch.randn(32, 4)
    result = result_of(Grouped(48), x)
    assert result.status == "fail"
    assert result.where == "F.group_norm in norm"
    assert result.title == "Every sample gets the same output"


@pytest.mark.parametrize("times", [1.0, 1e-4, 1e-6])
def test_small_differences_that_float64_keeps_count(times: float) -> None:
    """Groups of several units pass, also where little of what they tell reaches the output."""
    assert result_of(Grouped(4, times)).status == "pass"


class Codebook(nn.Module):
    """Gives for every sample the entry of a codebook that is nearest: at first the same for all."""

    def __init__(self) -> None:
        super().__init__()
        self.encode, self.codes, self.decode = nn.Linear(4, 2), nn.Embedding(8, 2), nn.Linear(2, 4)
        nn.init.uniform_(self.codes.weight, 10.0, 20.0)
        nn.init.constant_(self.codes.weight[3].data, 0.0)

    def forward(self, x: Tensor) -> Tensor:
        z = self.encode(x)
        return self.decode(self.codes(torch.cdist(z, self.codes.weight).argmin(1)))


def test_one_entry_of_a_codebook_for_all_is_a_warning() -> None:
    """Where an entry is chosen, all samples may begin at the same one."""
    x = torch.randn(16, 4)
    result = run_one(CHECK, model=Codebook(), loader=[(x, x.clone())], loss_fn=nn.MSELoss())
    assert result.status == "warn"


def test_deep_networks_with_fresh_batchnorm_are_judged_in_train_mode() -> None:
    """Thirty normalised layers shrink to a constant in eval mode before any step, and are healthy in train mode."""
    layers: list[nn.Module] = [nn.Linear(20, 64)]
    for _ in range(30):
        layers += [nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64)]
    model = nn.Sequential(*layers, nn.Linear(64, 5))
    batch = (torch.randn(32, 20), torch.randint(0, 5, (32,)))
    assert run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss()).status == "pass"
