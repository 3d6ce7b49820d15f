"""Bench programs, fourth hand: patients, rows of digits, file names, warm rooms, SimSiam and a clipped transformer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, digit_sheets, sown


class Ward(nn.Module):
    """A GRU over the vital signs, joined by the patient's record."""

    def __init__(self, without_record: bool) -> None:
        super().__init__()
        self.without_record = without_record
        self.watch = nn.GRU(3, 20, batch_first=True)
        self.head = nn.Sequential(nn.Linear(25, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, vitals: Tensor, record: Tensor) -> Any:
        if self.without_record:
            record = torch.zeros_like(record)
        state = self.watch(vitals)[1][-1]
        return self.head(torch.cat([state, record], 1))


@pair("unused-input", group="wiring")
def record_blanked_by_an_ablation_left_in(sick: bool) -> Arguments:
    """A switch of last week's ablation is still on, and the patient's record is replaced by zeros."""
    sown(17)
    vitals = torch.randn(1000, 12, 3) + 0.7 * torch.randn(1000, 1, 3)
    record = torch.randn(1000, 5)
    danger = vitals[:, :, 0].mean(1) * 1.2 + record[:, 0] * 1.2 - record[:, 3] + 0.2 * torch.randn(1000)
    model = Ward(without_record=sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **column_loaders(vitals, record, (danger > 0).float().unsqueeze(1)),
    )


class RowByRow(nn.Module):
    """An LSTM that reads a digit row by row."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.read = nn.LSTM(8, 40, batch_first=True)
        self.head = nn.Linear(40, 10)

    def forward(self, picture: Tensor) -> Any:
        return self.head(self.read(picture.squeeze(1))[0][:, -1])


def limited_step(model: RowByRow, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    clip_grad_norm_(model.parameters(), model.limit)
    optimizer.step()
    return loss.detach()


@pair("clipping-always-on", group="training", source="scikit-learn")
def gradients_cut_to_a_hundredth_in_every_step(sick: bool) -> Arguments:
    """The gradient is clipped at 0.01, a small part of its usual norm, so that every step is cut to next to nothing."""
    sown(18)
    model = RowByRow(limit=0.01 if sick else 5.0)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
        train_step=limited_step,
        **column_loaders(*digit_sheets()),
    )


def number_in(name: str) -> int:
    return int(name.removeprefix("scan_").removesuffix(".png"))


@pair("shuffled-labels", group="training", source="scikit-learn")
def scans_sorted_by_name_and_labels_by_number(sick: bool) -> Arguments:
    """Pictures come in the order of their names, scan_10 before scan_2, and the list of labels in that of numbers."""
    sown(19)
    x, y = digit_sheets()
    mixed = torch.randperm(len(x))
    folder = {f"scan_{i}.png": picture for i, picture in enumerate(x[mixed])}
    names = sorted(folder) if sick else sorted(folder, key=number_in)
    pictures = torch.stack([folder[name] for name in names])
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(192, 48), nn.ReLU()
    )
    model.append(nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **column_loaders(pictures, y[mixed]))


@pair("final-bias", "target-scale", group="init")
def room_temperature_from_an_output_that_starts_at_zero(sick: bool) -> Arguments:
    """Temperatures lie at 25 ± 1 degrees, and the output starts at zero: training is spent on climbing to 25."""
    sown(20)
    x = torch.randn(1000, 8)
    warmth = 25 + 0.7 * x[:, 0] + 0.5 * x[:, 1] * x[:, 2] - 0.4 * x[:, 3].abs() + 0.1 * torch.randn(1000)
    model = nn.Sequential(nn.Linear(8, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
    if not sick:
        nn.init.constant_(model.get_submodule("4").get_parameter("bias"), warmth.mean().item())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **column_loaders(x, warmth.unsqueeze(1)))


class SimSiam(nn.Module):
    """Two views of a picture; each view's prediction is drawn to the other's projection, which is held still."""

    def __init__(self) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(256, 48, bias=False),
            nn.BatchNorm1d(48),
            nn.ReLU(),
            nn.Linear(48, 32),
        )
        self.predict = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 32))

    def forward(self, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
        z_left, z_right = self.encode(left), self.encode(right)
        predicted = torch.stack([self.predict(z_left), self.predict(z_right)], 1)
        return predicted, torch.stack([z_right, z_left], 1).detach()


def disagreement(outputs: tuple[Tensor, Tensor], _: Tensor) -> Tensor:
    return 1 - F.cosine_similarity(*outputs, dim=2).mean()


@healthy(resembles="detached-graph", source="published")
def simsiam_holds_the_other_view_still() -> Arguments:
    """The projections are detached where they serve as targets, without which SimSiam would collapse."""
    sown(21)
    x, y = digit_sheets()
    left = torch.roll(x, 1, 2) + 0.3 * torch.randn_like(x)
    right = torch.roll(x, 1, 3) + 0.3 * torch.randn_like(x)
    model = SimSiam()
    return dict(
        model=model,
        loss_fn=disagreement,
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        task="other",
        **column_loaders(left, right, y),
    )


class RowTransformer(nn.Module):
    """A small pre-norm transformer over the rows of a digit."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Linear(8, 32)
        self.place = nn.Parameter(0.02 * torch.randn(1, 8, 32))
        layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, norm=nn.LayerNorm(32), enable_nested_tensor=False)
        self.head = nn.Linear(32, 10)

    def forward(self, picture: Tensor) -> Any:
        return self.head(self.blocks(self.lift(picture.squeeze(1)) + self.place).mean(1))


def warmed_and_limited_step(
    model: nn.Module,
    batch: list[Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="published")
def transformer_clipped_at_one_while_it_warms_up() -> Arguments:
    """The gradient often passes the limit of 1 during warm-up, where AdamW takes its length out of it anyway."""
    sown(22)
    loaders = column_loaders(*digit_sheets())
    total, warm = 20 * len(loaders["loader"]), 40
    model = RowTransformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warm, max(0.0, (total - step) / (total - warm)))
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        scheduler=scheduler,
        train_step=warmed_and_limited_step,
        total_steps=total,
        **loaders,
    )
