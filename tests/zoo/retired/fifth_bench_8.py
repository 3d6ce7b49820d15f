"""Bench programs, eighth hand: a ViT that warms up, a hand-made norm, spectra, cut values, and a scaled answer."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, make_friedman1
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_value_
from torch.utils.data import Dataset, TensorDataset
from transformers import ViTConfig, ViTForImageClassification, get_linear_schedule_with_warmup

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_bench_parts import column_loaders, cut, digit_sheets, scaled_table, served, sown


class Patches(Dataset[dict[str, Tensor]]):
    """Digits as the keyword arguments of a ViT."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, i: int) -> dict[str, Tensor]:
        return {"pixel_values": self.x[i], "labels": self.y[i]}


def vit_step_and_warmup(
    model: nn.Module,
    batch: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss: Tensor = model(**batch).loss
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@pair("lr-schedule", group="training", source="transformers")
def warmup_of_the_paper_outlasts_the_run(sick: bool) -> Arguments:
    """The 10000 steps of warm-up come from the paper, the run has 600: the rate never reaches a tenth of its peak."""
    sown(41)
    (x, y), (held_x, held_y) = cut(*digit_sheets())
    config = ViTConfig(
        image_size=8,
        patch_size=4,
        num_channels=1,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        num_labels=10,
        initializer_range=0.1,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    model = ViTForImageClassification(config)
    loader = served(Patches(x, y))
    total = 20 * len(loader)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": loader,
        "val_loader": served(Patches(held_x, held_y), shuffle=False),
        "optimizer": optimizer,
        "scheduler": get_linear_schedule_with_warmup(optimizer, 10000 if sick else 50, 100000 if sick else total),
        "train_step": vit_step_and_warmup,
        "total_steps": total,
    }


class RootMeanSquare(torch.autograd.Function):
    """Each row over its root mean square, with a backward of its own."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, whole: bool) -> Tensor:
        scale = (x.pow(2).mean(1, keepdim=True) + 1e-6).rsqrt()
        ctx.save_for_backward(x, scale)
        ctx.whole = whole
        return x * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        x, scale = ctx.saved_tensors
        direct = grads[0] * scale
        if not ctx.whole:
            return direct, None
        return direct - x * scale.pow(3) * (grads[0] * x).mean(1, keepdim=True), None


class NormedTable(nn.Module):
    """A residual perceptron on a table, normed by root mean squares."""

    def __init__(self, whole: bool) -> None:
        super().__init__()
        self.whole = whole
        self.first, self.second, self.head = nn.Linear(30, 32), nn.Linear(32, 32), nn.Linear(32, 2)

    def forward(self, rows: Tensor) -> Any:
        h = self.first(rows)
        h = h + F.silu(self.second(RootMeanSquare.apply(h, self.whole)))
        return self.head(RootMeanSquare.apply(h, self.whole))


@pair("gradient-check", group="backward", source="scikit-learn")
def backward_of_a_norm_that_takes_its_scale_for_a_constant(sick: bool) -> Arguments:
    """The hand-written backward of an RMS norm forgets that the scale depends on the input as well."""
    sown(42)
    model = NormedTable(whole=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        **column_loaders(*scaled_table(load_breast_cancer)),
    )


@pair("train-val-shift", group="data")
def validation_spectra_left_in_decibels(sick: bool) -> Arguments:
    """The training spectra are standardised; those for validation missed the scaler and stay in decibels."""
    sown(43)
    kind = torch.randint(0, 3, (800,))
    band = torch.arange(40.0)
    peak = torch.tensor([10.0, 20.0, 30.0])[kind].unsqueeze(1) + 2 * torch.randn(800, 1)
    spectra = -50 + 25 * torch.exp(-((band - peak) ** 2) / 12) + 5 * torch.randn(800, 40)
    (x, y), (held_x, held_y) = cut(spectra.unsqueeze(1), kind)
    mean, std = x.mean(), x.std()
    model = nn.Sequential(
        nn.Conv1d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(240, 24), nn.ReLU()
    )
    model.append(nn.Linear(24, 3))
    return {
        "model": model,
        "loader": served(TensorDataset((x - mean) / std, y)),
        "val_loader": served(TensorDataset(held_x if sick else (held_x - mean) / std, held_y), shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
    }


class Curve(nn.Module):
    """A perceptron for Friedman's function, with the limit that its training puts on gradients."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.limit = limit
        self.net = nn.Sequential(nn.Linear(10, 48), nn.Tanh(), nn.Linear(48, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, rows: Tensor) -> Any:
        return self.net(rows)


def step_with_cut_values(model: Curve, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.mse_loss(model(batch[0]), batch[1])
    loss.backward()
    clip_grad_value_(model.parameters(), model.limit)
    optimizer.step()
    return loss.detach()


@pair("clipping-always-on", group="training", source="scikit-learn")
def every_entry_of_the_gradient_cut_at_a_ten_thousandth(sick: bool) -> Arguments:
    """Each entry of the gradient is cut at 1e-4, which leaves of nearly all of them no more than their sign."""
    sown(44)
    rows, values = make_friedman1(1000, noise=0.3, random_state=0)
    x, target = torch.tensor(rows).float(), torch.tensor(values).float().unsqueeze(1)
    model = Curve(limit=1e-4 if sick else 5.0)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        train_step=step_with_cut_values,
        **column_loaders((x - 0.5) / 0.29, (target - target.mean()) / target.std()),
    )


class OwnUnits(nn.Module):
    """A perceptron whose answer is brought to the mean and the deviation of the training targets."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: Tensor, std: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("std", std)
        self.net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, rows: Tensor) -> Any:
        return self.mean + self.std * self.net(rows)


def squares_in_deviations(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.mse_loss(outputs / 77, targets / 77)


@healthy(resembles="final-bias", source="scikit-learn")
def progress_in_its_own_units_from_a_model_that_scales_its_answer() -> Arguments:
    """Targets lie at 152 ± 77 and the last bias at zero; the model itself brings its answer to that mean and width."""
    sown(45)
    x, progress = scaled_table(load_diabetes)
    target = progress.float().unsqueeze(1)
    model = OwnUnits(target.mean(), target.std())
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=squares_in_deviations, optimizer=optimizer, **column_loaders(x, target))
