from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nbinspect.records import CheckResult
from nbinspect.sanity.data.input_scale import CHECK
from tests.sanity.running import run_one


def on(x: Tensor, model: nn.Module, **more: Any) -> CheckResult:
    return run_one(CHECK, model=model, loader=[(x, torch.arange(len(x)) % 3)], loss_fn=nn.CrossEntropyLoss(), **more)


def conv(*first: nn.Module) -> nn.Module:
    return nn.Sequential(*first, nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def pictures(scale: float) -> Tensor:
    return torch.randint(256, (16, 3, 8, 8)).float() * scale


class Divided(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = conv()

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x.float() / 255)


def test_raw_bytes_fail_at_their_layer() -> None:
    """Bytes that reach a convolution fail with their typical size, by name of the layer."""
    x = pictures(1)
    result = on(x, conv())
    assert (result.status, result.where) == ("fail", "0")
    median = max(float(x[:, c][x[:, c] > 0].median()) for c in range(3))
    assert float(result.measurements[0].measured) == pytest.approx(median, rel=0.02)
    assert result.place is None or result.place.line > 0


def test_a_year_among_unit_features_fails() -> None:
    """One column in thousands is named."""
    x = torch.randn(32, 5)
    x[:, 3] = 1990 + 10 * torch.randn(32)
    result = on(x, nn.Linear(5, 3))
    assert result.status == "fail"
    assert "feature 3" in result.summary


def test_twice_divided_pictures_fail() -> None:
    """Pictures divided by 255 twice are too small to see."""
    result = on(pictures(1 / 255**2), conv())
    assert result.status == "fail"
    assert "too small" in result.title


def test_what_is_read_is_what_reaches_the_weights() -> None:
    """Models that divide or normalise first are healthy on bytes."""
    assert on(pictures(1), Divided()).status == "pass"
    assert on(pictures(1), conv(nn.BatchNorm2d(3))).status == "pass"


def test_a_normalisation_behind_the_layer_makes_it_a_warning() -> None:
    """BatchNorm right after the first layer undoes the scale, and frozen first weights may expect it."""
    after = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.LazyLinear(3))
    after(pictures(1))
    assert on(pictures(1), after).status == "warn"
    frozen = conv()
    frozen[0].requires_grad_(False)
    assert on(pictures(1), frozen).status == "warn"


@pytest.mark.parametrize(
    "x",
    [
        torch.rand(32, 6),
        nn.functional.one_hot(torch.arange(32) % 6, 6).float(),
        nn.functional.normalize(torch.rand(32, 2000) * (torch.rand(32, 2000) < 0.02), dim=1),
        torch.cat([torch.randn(31, 6), torch.full((1, 6), 90.0)]),
        torch.randn(64, 6) * torch.logspace(1, -4, 6),
        torch.zeros(32, 6),
    ],
    ids=["unit", "one-hot", "tf-idf", "one outlier", "principal components", "zeros"],
)
def test_silent_on_usual_scales(x: Tensor) -> None:
    """Values in [0, 1], sparse counts, decaying components and single outliers are healthy."""
    assert on(x, nn.Linear(x.shape[1], 3)).status == "pass"


def test_token_ids_are_no_quantities() -> None:
    """A model that embeds ids has no input to scale."""
    model = nn.Sequential(nn.Embedding(5000, 8), nn.Flatten(), nn.Linear(48, 3))
    assert on(torch.randint(5000, (16, 6)), model).status == "skip"


def test_a_constant_feature_is_a_warning_and_a_constant_pixel_nothing() -> None:
    """A column of one value is worth a look; border pixels are blank by nature."""
    x = torch.randn(64, 5)
    x[:, 2] = 0.7
    result = on(x, nn.Linear(5, 3))
    assert (result.status, result.where) == ("warn", "feature 2 of x")
    blank = torch.rand(64, 3, 8, 8)
    blank[:, :, 0] = 0
    assert on(blank, conv()).status == "pass"


def test_thresholds_are_the_users() -> None:
    """A user may allow larger inputs."""
    wide = {"input-scale": {"greatest": 5000, "large": 5000}}
    assert on(torch.full((16, 4), 900.0), nn.Linear(4, 3), thresholds=wide).status == "pass"


def test_no_weights_at_all_is_a_skip() -> None:
    """A model without parameters weighs nothing."""
    assert on(torch.randn(8, 3), nn.Flatten()).status == "skip"


@pytest.mark.parametrize(("mean", "std", "status"), [(123.7, 58.4, "fail"), (0.485, 0.229, "pass")])
def test_pixels_that_hardly_vary_about_a_number_fail(mean: float, std: float, status: str) -> None:
    """Pixels in [0, 1] normalised by the statistics of bytes fail, and pass by their own."""
    result = on((pictures(1 / 255) - mean) / std, conv())
    assert result.status == status
    assert "hardly vary" in result.title or status == "pass"


def test_a_constant_beside_what_varies_and_a_norm_behind_are_no_matter() -> None:
    """A varying feature beside constant ones passes, and so do pixels that a normalisation spreads out."""
    rows = torch.cat([torch.ones(32, 3), torch.randn(32, 1)], 1)
    assert on(rows, nn.Linear(4, 3)).status != "fail"
    body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    assert on((pictures(1 / 255) - 123.7) / 58.4, body).status == "pass"


@pytest.mark.parametrize(("mean", "std", "status"), [(123.7, 58.4, "fail"), (0.485, 0.229, "pass")])
def test_a_norm_that_spreads_out_the_border_alone_undoes_nothing(mean: float, std: float, status: str) -> None:
    """Behind a padded convolution of pixels that hardly vary, BatchNorm spreads out the border and not the samples."""
    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.LazyLinear(3))
    body(pictures(1))
    assert on((pictures(1 / 255) - mean) / std, body).status == status


class Windows(nn.Module):
    """Normalises what a linear layer makes of each time, with channels turned to axis 1 for that."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.norm(self.first(x).transpose(1, 2)).relu().mean(2))


def test_a_norm_of_turned_axes_undoes_the_scale_as_well() -> None:
    """Prices beside the first one hardly vary, and large ones are far from unit scale: neither fails before a norm."""
    x = 1 + 0.003 * torch.randn(32, 20, 2, generator=torch.Generator().manual_seed(0)).clamp(-3, 3)
    assert on(x, Windows()).status == "pass"
    assert on(200 * x, Windows()).status != "fail"


@pytest.mark.parametrize(("divisor", "status"), [(1, "fail"), (255, "pass"), (255**2, "fail")])
def test_what_the_training_step_makes_of_the_inputs_counts(divisor: int, status: str) -> None:
    """Bytes that a step of the user's divides are judged as they reach the network, once, twice or not at all."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[0] / divisor), batch[1])
        loss.backward()
        optimizer.step()
        return loss

    model = conv()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    assert on(pictures(1), model, train_step=train_step, optimizer=optimizer).status == status


@pytest.mark.parametrize(
    ("noise", "unit", "first", "status"),
    [
        (None, 255.0, (), "fail"),
        (None, 255.0, (nn.InstanceNorm2d(3, eps=1e-12),), "pass"),
        (None, 4.0, (), "pass"),  # contrast alone
        (0.0, 1.0, (), "pass"),  # blanks
        (1 / 255, 1.0, (), "pass"),  # blanks with noise
    ],
)
def test_pictures_in_two_units_fail(
    noise: float | None, unit: float, first: tuple[nn.Module, ...], status: str
) -> None:
    """A part that is divided by 255 again fails with its number, though the others are in [0, 1]; no weaker one."""
    torch.manual_seed(0)
    x = 0.5 + (torch.rand(120, 3, 8, 8) - 0.5) * torch.linspace(0.4, 1, 40).repeat_interleave(3)[:, None, None, None]
    x[::3] = x[::3] / unit if noise is None else 0.5 + noise * (torch.rand(40, 3, 8, 8) - 0.5)
    result = on((x - 0.45) / 0.25, conv(*first))
    assert result.status == status, result
    if status == "fail":
        assert result.title == "Samples in two units"
        assert result.summary.startswith("40 of 120 samples vary 25")


def test_what_a_training_step_draws_beside_the_batch_is_no_input() -> None:
    """A nudge of next to nothing, that a step learns beside the data, does not fail."""

    def train_step(model: nn.Module, batch: Any, optimizer: Any) -> Tensor:
        optimizer.zero_grad()
        nudge = model[1](1e-4 * torch.randn(len(batch[0]), 4))
        loss = nn.functional.cross_entropy(model[0](batch[0]) + nudge, batch[1])
        loss.backward()
        optimizer.step()
        return loss

    model = nn.Sequential(nn.Linear(4, 3), nn.Linear(4, 3))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    found = on(torch.randn(32, 4), model, train_step=train_step, optimizer=optimizer)
    assert found.status == "pass", found


class Slope(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        forward = super().forward
        return torch.vmap(torch.func.grad(lambda row: forward(row).square().sum()))(x)


def test_rows_inside_a_vmap_are_left_alone() -> None:
    """What `torch.vmap` handed to a layer cannot be read when it is over."""
    assert on(torch.randn(16, 3), Slope(3, 3)).status in ("pass", "skip")


class Beside(nn.Module):
    """Numbers as products with vectors, beside an embedded symbol; what is `done` to the products comes between."""

    def __init__(self, done: Any = None, *, looked_up: bool = False) -> None:
        super().__init__()
        self.symbol, self.vectors = nn.Embedding(6, 4), nn.Embedding(2, 4)
        self.weights = nn.Parameter(torch.randn(2, 4))
        self.head, self.done, self.looked_up = nn.Linear(12, 3), done or nn.Identity(), looked_up

    def forward(self, symbol: Tensor, numbers: Tensor) -> Tensor:
        vectors = self.vectors(torch.arange(2)) if self.looked_up else self.weights
        products = self.done(numbers[..., None] * vectors)
        return self.head(torch.cat([self.symbol(symbol), *products.unbind(1)], 1))


def beside(size: float, model: nn.Module) -> CheckResult:
    torch.manual_seed(0)
    numbers = torch.stack([size * (1 + torch.rand(32)), torch.rand(32)], 1)
    batch = (torch.randint(6, (32,)), numbers, torch.arange(32) % 3)
    return run_one(CHECK, model=model, loader=[batch], loss_fn=nn.CrossEntropyLoss())


@pytest.mark.parametrize("looked_up", [False, True])
def test_numbers_that_are_embedded_as_products_fail_where_they_are_large(looked_up: bool) -> None:
    """A clock in seconds times a vector fails at the layer that takes it beside symbols; numbers near 1 do not."""
    result = beside(1e9, Beside(looked_up=looked_up))
    assert (result.status, result.where) == ("fail", "head")
    assert beside(1.0, Beside(looked_up=looked_up)).status != "fail"


def test_vectors_that_are_large_by_themselves_are_silent() -> None:
    """Embeddings times the root of their width, where a mask leaves out some, say nothing of the scale of data."""
    for size in (0.0, 1.0):
        model = Beside()
        with torch.no_grad():
            model.weights.mul_(100)
        assert beside(size, model).status in ("pass", "skip")


class Bent(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


@pytest.mark.parametrize("done", [Bent(), nn.LayerNorm(4), nn.Tanh()])
def test_products_that_are_bounded_before_they_are_weighed_are_silent(done: nn.Module) -> None:
    """Waves of a time, and products that are normalised, have the scale of neither."""
    assert beside(1e6, Beside(done)).status != "fail"
