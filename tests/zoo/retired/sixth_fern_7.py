"""Programs about clocks, levels in decibel, side outputs, stacks of blocks, double precision, and ratings."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_loaders, fern_seeds, fern_table


class DemandNet(nn.Module):
    """Demand from the weather and from the hour and the weekday, which are put on circles."""

    def __init__(self, like_hours: bool) -> None:
        super().__init__()
        self.like_hours = like_hours
        self.net = nn.Sequential(nn.Linear(7, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def circles(self, hour: Tensor, weekday: Tensor) -> Tensor:
        circles = hour.new_zeros(len(hour), 4) if self.like_hours else torch.zeros(len(hour), 4)
        for i, angle in enumerate((6.2832 * hour / 24, 6.2832 * weekday / 7)):
            circles[:, 2 * i] = angle.sin()
            circles[:, 2 * i + 1] = angle.cos()
        return circles

    def forward(self, weather: Tensor, hour: Tensor, weekday: Tensor) -> Any:
        return self.net(torch.cat([weather, self.circles(hour, weekday)], 1))


@pair("dtype", group="wiring")
def circles_filled_into_whole_numbers(sick: bool) -> Arguments:
    """Sines and cosines are written into a tensor made with the integer type of the hours: all are −1, 0 or 1."""
    fern_seeds()
    weather, hour, weekday = torch.randn(1000, 3), torch.randint(24, (1000,)), torch.randint(7, (1000,))
    demand = (6.2832 * (hour - 4) / 24).sin() + 0.6 * (6.2832 * weekday / 7).cos() + 0.4 * weather[:, 0] * (hour > 11)
    demand = ((demand - demand.mean()) / demand.std())[:, None]
    model = DemandNet(like_hours=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loaders = fern_loaders(weather, hour, weekday, demand)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)


def kaiming_everywhere(module: nn.Module) -> None:
    if isinstance(module, (nn.Conv1d, nn.Linear)):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        nn.init.zeros_(module.bias)  # type: ignore[arg-type]


class LevelMeter(nn.Module):
    """Estimates the level of a tone in decibel; the last bias starts at the level that is usual."""

    def __init__(self, usual: float) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(1, 24, 9, stride=2), nn.ReLU(), nn.Conv1d(24, 24, 5, stride=2), nn.ReLU())
        self.head = nn.Linear(24, 1)
        self.usual = usual

    def with_usual_level(self) -> None:
        nn.init.constant_(self.head.bias, self.usual)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.body(x).mean(2))


@pair("final-bias", "target-scale", group="init")
def usual_level_set_before_the_weights(sick: bool) -> Arguments:
    """The last bias is set to the usual level, and the initialisation then puts it back to zero, 38 dB off."""
    fern_seeds()
    louder, pitch = 2 * torch.rand(600, 1) - 1, 0.3 + 0.5 * torch.rand(600, 1)
    phase = 6.28 * torch.rand(600, 1)
    tone = 1.3 * 2**louder * torch.sin(pitch * torch.arange(48) + phase) + 0.03 * torch.randn(600, 48)
    model = LevelMeter(-38.0)
    if sick:
        model.with_usual_level()
        model.apply(kaiming_everywhere)
    else:
        model.apply(kaiming_everywhere)
        model.with_usual_level()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = fern_loaders(tone[:, None], 1.7 * louder - 38)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)


class SideUNet(nn.Module):
    """A U-Net that gives a mask at each of its three scales, the finest first."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.down = nn.ModuleList([nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)])
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.ModuleList([nn.Conv2d(2 * width, width, 3, padding=1), nn.Conv2d(2 * width, width, 3, padding=1)])
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in range(3))

    def forward(self, x: Tensor) -> list[Tensor]:
        first = F.relu(self.down[0](x))
        second = F.relu(self.down[1](F.max_pool2d(first, 2)))
        third = F.relu(self.middle(F.max_pool2d(second, 2)))
        fourth = F.relu(self.up[0](torch.cat([second, F.interpolate(third, scale_factor=2)], 1)))
        fifth = F.relu(self.up[1](torch.cat([first, F.interpolate(fourth, scale_factor=2)], 1)))
        return [head(h) for head, h in zip(self.heads, (fifth, fourth, third), strict=True)]


class SideLosses:
    """The weighted sum of the losses of the masks, each against the target at its scale."""

    def __init__(self, *weights: float) -> None:
        self.weights = weights

    def __call__(self, masks: list[Tensor], target: Tensor) -> Tensor:
        total = torch.zeros(())
        for weight, mask in zip(self.weights, masks):  # noqa: B905
            coarse = F.adaptive_max_pool2d(target, list(mask.shape[2:]))
            total = total + weight * F.binary_cross_entropy_with_logits(mask, coarse)
        return total


@pair("unused-parameters", group="wiring", source="published")
def side_head_without_a_weight(sick: bool) -> Arguments:
    """There are three side outputs and two weights, and zip ends with the shorter: one head is never trained."""
    fern_seeds()
    corner = torch.randint(1, 8, (240, 2, 1, 1))
    grid, extent = torch.arange(16), torch.randint(4, 8, (240, 1, 1))
    rows, columns = grid[:, None] - corner[:, 0], grid - corner[:, 1]
    inside = (rows >= 0) & (rows < extent) & (columns >= 0) & (columns < extent)
    mask = inside.float()[:, None]
    x = 1.6 * mask - 0.4 + 0.5 * torch.randn(240, 1, 16, 16)
    model = SideUNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = SideLosses(1.0, 0.5) if sick else SideLosses(1.0, 0.5, 0.25)
    return dict(
        model=model, loss_fn=loss_fn, optimizer=optimizer, task="segmentation", **fern_loaders(x, mask, batch=16)
    )


class GatedBlock(nn.Module):
    """A gated layer with a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.gate, self.value = nn.LayerNorm(width), nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm(x)
        return x + torch.sigmoid(self.gate(h)) * F.silu(self.value(h))


class GatedStack(nn.Module):
    """Blocks that follow each other."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.enter = nn.Linear(30, width)
        self.blocks = nn.ModuleList(GatedBlock(width) for _ in range(4))
        self.leave = nn.Linear(width, 2)

    def forward(self, x: Tensor) -> Any:
        h = self.enter(x)
        for block in self.blocks:
            h = block(h)
        return self.leave(h)


class GatedFan(GatedStack):
    def forward(self, x: Tensor) -> Any:
        h = self.enter(x)
        for block in self.blocks:
            out = block(h)
        return self.leave(out)


@pair("unused-result", "unused-parameters", group="wiring", source="scikit-learn")
def only_the_last_block_counts(sick: bool) -> Arguments:
    """Each block reads the same input and overwrites the result of the one before: only the last block counts."""
    fern_seeds()
    x, y = fern_table("cancer")
    model = (GatedFan if sick else GatedStack)()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


@healthy(resembles="dtype", source="scikit-learn")
def patients_in_double_precision() -> Arguments:
    """Table, targets and network are all in double precision, on purpose."""
    fern_seeds()
    x, y = fern_table("diabetes")
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1)).double()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = fern_loaders(x.double(), y[:, None].double())
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)


class StarsNet(nn.Module):
    """Stars from one to five as a sigmoid stretched over 0.5 to 5.5."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.users, self.items = nn.Embedding(50, width), nn.Embedding(60, width)
        self.tables = nn.ModuleList([nn.Embedding(50, 1), nn.Embedding(60, 1)])
        for table in (self.users, self.items, *self.tables):
            nn.init.normal_(table.weight, std=0.2)

    def forward(self, ids: Tensor) -> Tensor:
        match = (self.users(ids[:, 0]) * self.items(ids[:, 1])).sum(1, keepdim=True)
        score: Tensor = match + self.tables[0](ids[:, 0]) + self.tables[1](ids[:, 1])
        return 0.5 + 5 * score.sigmoid()


@healthy(resembles="output-range", source="published")
def stars_within_a_stretched_sigmoid() -> Arguments:
    """The output is a sigmoid, but one from 0.5 to 5.5, which holds all ratings from one to five."""
    fern_seeds()
    cells = torch.randperm(50 * 60)[:1200]
    ids = torch.stack([cells // 60, cells % 60], 1)
    liking = torch.randn(50)[ids[:, 0]] + torch.randn(60)[ids[:, 1]] + 0.2 * torch.randn(1200)
    stars = (3 + 0.8 * liking).round().clamp(1, 5)[:, None]
    model = StarsNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **fern_loaders(ids, stars))
