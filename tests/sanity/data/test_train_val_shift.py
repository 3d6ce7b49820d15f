from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nbinspect.records import CheckResult
from nbinspect.sanity.data.train_val_shift import CHECK
from tests.sanity.running import run_one

pytestmark = pytest.mark.slow


def on(train: Tensor, val: Tensor) -> CheckResult:
    loaders = (DataLoader(TensorDataset(x, torch.arange(len(x)) % 3), batch_size=25) for x in (train, val))
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(3))
    model(train[:2].float())
    return run_one(CHECK, model=model, **dict(zip(("loader", "val_loader"), loaders, strict=True)))


def pictures(count: int, seed: int = 0) -> Tensor:
    """Pictures with a bright red, a middling green and a dark blue channel."""
    made = torch.Generator().manual_seed(seed)
    light = torch.rand(count, 1, 1, 1, generator=made) * 0.3
    levels = torch.tensor([0.7, 0.4, 0.2])[:, None, None]
    return (levels + light + 0.1 * torch.randn(count, 3, 8, 8, generator=made)).clamp(0, 1)


def test_bytes_against_unit_range_fail() -> None:
    """Validation in bytes beside train in [0, 1] fails with both numbers."""
    train, val = pictures(100), pictures(100, 1) * 255
    result = on(train, val)
    assert result.status == "fail"
    assert result.measurements[0].measured in {f"{float(val[:, c].double().std()):.3g}" for c in range(3)}


def test_a_normalisation_of_train_alone_fails() -> None:
    """Means that are apart by more than the values spread fail."""
    train = pictures(100)
    normalised = (train - train.mean((0, 2, 3), keepdim=True)) / train.std((0, 2, 3), keepdim=True)
    assert on(normalised, pictures(100, 1)).status == "fail"


def scenes(count: int, seed: int, tint: float = 0.0) -> tuple[Tensor, Tensor]:
    """Skies, blue to a degree, and flowers, red to a degree: of all together the mean is grey."""
    made = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (count,), generator=made)
    colour = torch.tensor([[-1.0, 0.1, 1.0], [1.0, 0.1, -1.0]])[y] * torch.rand(count, 1, generator=made)
    light = 0.5 * torch.randn(count, 1, generator=made) + torch.tensor([tint, 0.0, -tint])
    return (colour + light)[:, :, None, None] + 0.3 * torch.randn(count, 3, 4, 4, generator=made), y


def in_colours(val: Tensor, labels: Tensor, augment: float = 0.0) -> CheckResult:
    x, y = scenes(300, 0)
    x = x + augment * torch.randn(300, 3, 1, 1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    loaders = {
        "loader": DataLoader(TensorDataset(x, y), batch_size=25, shuffle=True),
        "val_loader": DataLoader(TensorDataset(val, labels), batch_size=25),
    }
    return run_one(CHECK, model=model, loss_fn=nn.CrossEntropyLoss(), **loaders)


def test_swapped_channels_of_one_mean_are_told_by_the_classes() -> None:
    """Where red and blue have one mean over all samples, they do not have it in each class."""
    x, y = scenes(120, 1)
    found = in_colours(x.flip(1), y)
    assert found.status == "fail"
    assert (found.measurements[0].quantity, found.measurements[0].measured) == (
        "channel order, validation",
        "2, 1, 0",
    )


@pytest.mark.parametrize(("tint", "augment"), [(0.0, 0.0), (0.15, 0.0), (0.0, 0.3)])
def test_silent_on_colours_that_other_light_or_augmentation_gives(tint: float, augment: float) -> None:
    """Channels in their order pass, under warmer light and beside colours changed at random in train alone."""
    assert in_colours(*scenes(120, 1, tint), augment).status == "pass"


def test_silent_on_pictures_that_are_nearly_grey() -> None:
    """Three copies of one channel, with a little noise, have no order to tell."""
    x, y = scenes(120, 1)
    grey = x.mean(1, keepdim=True).expand(-1, 3, -1, -1) + 0.01 * torch.randn(120, 3, 4, 4)
    loader = DataLoader(TensorDataset(grey, y), batch_size=20, shuffle=True)
    other = DataLoader(TensorDataset(grey.flip(1) + 0.01 * torch.randn(120, 3, 4, 4), y), batch_size=20)
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    assert run_one(CHECK, model=model, loss_fn=nn.CrossEntropyLoss(), loader=loader, val_loader=other).status == "pass"


def test_swapped_channels_fail() -> None:
    """Red and blue swapped are told by the means of the channels."""
    result = on(pictures(100), pictures(100, 1).flip(1))
    assert result.status == "fail"
    assert result.measurements[0].measured == "2, 1, 0"


@pytest.mark.parametrize(
    "val", [pictures(40).permute(0, 2, 3, 1), pictures(40).flatten(1), (pictures(40) * 255).to(torch.uint8)]
)
def test_another_form_fails(val: Tensor) -> None:
    """Axes, their number and integers for floats are told from the form alone."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    train = DataLoader(TensorDataset(pictures(40), torch.arange(40) % 3), batch_size=25)
    result = run_one(CHECK, model=model, loader=train, val_loader=[(val, torch.arange(40) % 3)])
    assert result.status == "fail"


def test_modest_augmentation_on_train_alone_is_silent() -> None:
    """Jitter of brightness and contrast, noise and flips do not count as a shift."""
    torch.manual_seed(0)
    train = pictures(200)
    jittered = train * (1 + 0.2 * torch.randn(200, 1, 1, 1)) + 0.05 * torch.randn(200, 1, 1, 1)
    assert on((jittered + 0.05 * torch.randn_like(train)).flip(3), pictures(100, 1)).status == "pass"


def test_sampling_noise_is_no_shift() -> None:
    """Splits of one distribution pass: Gaussian, heavy-tailed, rare and sparse features, at any size."""
    torch.manual_seed(0)
    for trial in range(6):
        x = torch.randn(230, 40)
        if trial % 3 == 1:
            x = torch.exp(3 * x)
        if trial % 3 == 2:
            x = (torch.rand(230, 40) < 0.02) * x
        assert on(x[:180], x[180:]).status == "pass", trial


def test_small_sets_are_not_compared_by_value() -> None:
    """With a few samples only the form is compared."""
    assert on(torch.randn(8, 4), 40 + torch.randn(8, 4)).status == "pass"


def test_token_ids_are_no_quantities() -> None:
    """Ids may differ in any way."""
    assert on(torch.randint(0, 50, (100, 6)), torch.randint(800, 900, (100, 6))).status == "pass"


def test_sorted_long_sets_are_read_at_random_places() -> None:
    """A long set sorted by a feature is compared as a whole, not by its beginning."""
    x = torch.linspace(-1, 1, 6000)[:, None] * torch.ones(4)
    assert on(x, x[torch.randperm(6000)]).status == "pass"


def test_ugly_inputs_give_an_answer() -> None:
    """NaN everywhere on one side is no shift that could be told."""
    arguments: dict[str, Any] = {"model": nn.Linear(4, 3), "loader": [torch.full((40, 4), float("nan"))]}
    assert run_one(CHECK, **arguments, val_loader=[torch.randn(40, 4)]).status == "pass"


def mixed(shares: list[int], seed: int) -> tuple[Tensor, Tensor]:
    """Rows of four classes with centres far apart, so many of each."""
    generator = torch.Generator().manual_seed(seed)
    centres = 2 * torch.randn(4, 6, generator=torch.Generator().manual_seed(0))
    y = torch.repeat_interleave(torch.arange(4), torch.tensor(shares))
    return centres[y] + torch.randn(len(y), 6, generator=generator), y


def test_other_shares_of_classes_are_no_shift() -> None:
    """Where validation is mostly of one class, that class is compared with itself alone."""
    train, (x, y) = mixed([150] * 4, 1), mixed([90, 4, 3, 3], 2)
    arguments: dict[str, Any] = {"model": nn.Linear(6, 4), "loader": [train]}
    assert run_one(CHECK, **arguments, val_loader=[(x, y)]).status == "pass"
    assert run_one(CHECK, **arguments, val_loader=[(x + 40, y)]).status == "fail"


def test_a_drift_of_inputs_and_targets_is_a_warning() -> None:
    """Windows of a later time, whose targets have moved as well, do not fail."""
    times = torch.arange(700.0)
    noise = 0.1 * torch.randn(700, generator=torch.Generator().manual_seed(0))
    series = torch.sin(times / 20) + 0.002 * times + noise
    windows = ((series - series[:500].mean()) / series[:500].std()).unfold(0, 25, 1)
    train, val = ((part[:, :24], part[:, 24:]) for part in (windows[:475], windows[500:]))
    arguments: dict[str, Any] = {"model": nn.Linear(24, 1), "loader": [train], "loss_fn": nn.MSELoss()}
    assert run_one(CHECK, **arguments, val_loader=[val]).status == "warn"


def test_another_range_fails_where_every_sample_reaches_its_ends() -> None:
    """Pictures in [-0.8, 1.1] beside train in [-1, 1], whose means and deviations are near, fail."""
    generator = torch.Generator().manual_seed(0)
    train, val = (2 * torch.rand(60, 3, 12, 12, generator=generator) - 1 for _ in range(2))
    result = on(train, 0.95 * val + 0.15)
    assert result.status == "fail"
    assert result.summary.startswith("range of channel")
    assert on(train, val).status == "pass"


@pytest.mark.parametrize(("val", "status"), [(torch.randn(40, 4).double(), "fail"), (torch.randn(40, 4), "pass")])
def test_a_type_that_the_network_refuses_fails(val: Tensor, status: str) -> None:
    """Float64 rows for a float32 network fail with what it raises; a forward that converts takes them."""
    arguments: dict[str, Any] = {"model": nn.Linear(4, 3), "loader": [torch.randn(40, 4)]}
    result = run_one(CHECK, **arguments, val_loader=[val])
    assert result.status == status
    assert ("RuntimeError" in result.detail) == (status == "fail")
    converted = run_one(CHECK, **arguments, val_loader=[val], forward=lambda model, x: model(x.float()))
    assert converted.status == "pass"


def test_a_size_that_the_network_refuses_fails() -> None:
    """Larger pictures fail where a linear layer counts their pixels, and pass where they are pooled."""
    train, val = pictures(40), torch.rand(40, 3, 16, 16)
    y = torch.arange(40) % 3
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(192, 3))
    flat = nn.Sequential(nn.Flatten(), nn.Linear(192, 3))
    for model, refused in ((flat, True), (pooled, False)):
        result = run_one(CHECK, model=model, loader=[(train, y)], val_loader=[(val, y)])
        assert ("raises" in result.detail) == refused


def test_twenty_samples_are_enough_for_raw_rows() -> None:
    """Rows 40 deviations away need not be many."""
    assert on(torch.randn(200, 4), 40 + torch.randn(20, 4)).status == "fail"


def grey(count: int, seed: int) -> Tensor:
    """Pictures of bytes, a fifth of whose pixels are as bright as can be."""
    made = torch.Generator().manual_seed(seed)
    levels = torch.randint(0, 320, (count, 1, 8, 8), generator=made)
    return levels.clamp_max(255).to(torch.uint8)


@pytest.mark.parametrize(
    "cut", [lambda x: (x // 255).float(), lambda x: (x / 255).trunc(), lambda x: (x / 255).int().float()]
)
def test_fractions_cut_off_on_one_side_fail(cut: Any) -> None:
    """Bytes that are divided as integers in validation, or in train alone, fail: they are 0, but for the brightest."""
    train, val = grey(100, 0), grey(100, 1)
    result = on(train / 255, cut(val))
    assert (result.status, result.measurements[0].measured) == ("fail", f"{float(cut(val).mean()):.3g}")
    assert "values of validation are whole" in result.detail
    result = on(cut(train), val / 255)
    assert result.status == "fail"
    assert "values of train are whole" in result.detail


def test_whole_numbers_that_are_no_cut_off_ones_do_not_fail() -> None:
    """Pictures of two colours beside a mixed up train, or beside grey ones with another threshold, do not fail."""
    two = [(grey(100, seed) > 128).float() for seed in (0, 1)]
    share = torch.rand(100, 1, 1, 1, generator=torch.Generator().manual_seed(2))
    assert on(share * two[0] + (1 - share) * two[0].roll(1, 0), two[1]).status == "pass"
    assert on(grey(100, 0) / 255, two[1]).status != "fail"
    assert on(two[0], two[1]).status == "pass"


def test_bytes_beside_bytes_with_fractions_are_no_shift() -> None:
    """Pictures of the same 64 levels that were resized in train, and rounded down in validation, pass."""
    made = torch.Generator().manual_seed(0)
    levels = torch.linspace(0, 250.7, 64)
    train, val = (
        torch.stack([levels[torch.randperm(64, generator=made)] for _ in range(60)]).view(60, 1, 8, 8) for _ in range(2)
    )
    assert on(train, val.floor()).status == "pass"


def test_noise_added_to_whole_numbers_of_train_alone_is_no_cut() -> None:
    """Counts made fractions by noise in train, and drawings of two colours with a little grey there, do not fail."""
    made = torch.Generator().manual_seed(0)
    draw = lambda *size: torch.rand(*size, generator=made)  # noqa: E731 - as users write it
    train, val = (torch.poisson(torch.ones(count, 30), generator=made) for count in (1000, 600))
    assert on(train + draw(1000, 30), val).status != "fail"
    train, val = ((draw(count, 1, 8, 8) < 0.3).float() for count in (1000, 600))
    assert on((train + 0.3 * draw(1000, 1, 8, 8)).clamp(0, 1), val).status == "pass"


class Windows(torch.utils.data.Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Windows of a series in time, with the day of the year of each step, of one stretch of it."""

    def __init__(self, begin: int, end: int, scale: float = 1.0) -> None:
        time = torch.arange(begin, end)
        noise = 0.3 * torch.randn(len(time), generator=torch.Generator().manual_seed(begin))
        self.series = ((time / 24 * 6.28).sin() + noise)[:, None] * scale
        self.day = (time / 24).floor()[:, None] / 365 - 0.5

    def __len__(self) -> int:
        return len(self.series) - 36

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor, Tensor]:
        return self.series[i : i + 24], self.day[i : i + 24], self.series[i + 24 : i + 36, 0]


class Forecast(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(48, 12)

    def forward(self, x: Tensor, day: Tensor) -> Tensor:
        return self.head(torch.cat([x, day], 1).flatten(1))


@pytest.mark.parametrize(("scale", "status"), [(1.0, "pass"), (10.0, "fail")])
def test_a_calendar_that_goes_on_is_no_shift(scale: float, status: str) -> None:
    """The dates of a later and shorter stretch are others by nature; a series of another scale is told all the same."""
    loaders = [DataLoader(Windows(*part), batch_size=32, shuffle=True) for part in ((0, 1500), (1500, 2000, scale))]
    result = run_one(CHECK, model=Forecast(), loader=loaders[0], val_loader=loaders[1], loss_fn=nn.MSELoss())
    assert result.status == status
    assert status == "pass" or result.where == "x[0]"
