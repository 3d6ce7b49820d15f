"""Weighted answers, clipped losses, pooled features and weight norms: programs of the fifth set, seventh hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loaders, cargo_start, cargo_table


def weighted_square(logits: Tensor, answers: Tensor) -> Tensor:
    """Cross-entropy of the answers in the first column, weighted by the trust in the second."""
    losses = F.binary_cross_entropy_with_logits(logits, answers[:, :1], reduction="none")
    return (losses * answers[:, 1]).sum() / (answers[:, 1].sum() * losses.shape[0])


def weighted_column(logits: Tensor, answers: Tensor) -> Tensor:
    """Cross-entropy of the answers in the first column, weighted by the trust in the second."""
    losses = F.binary_cross_entropy_with_logits(logits, answers[:, :1], reduction="none")
    return (losses * answers[:, 1:]).sum() / answers[:, 1].sum()


@pair("silent-broadcast", group="wiring")
def trust_of_each_answer_spread_over_all_answers(sick: bool) -> Arguments:
    """A column of losses times a row of weights: each loss meets every weight, and untrusted answers count fully."""
    cargo_start()
    x = torch.randn(1200, 10)
    truth = (x[:, 0] + x[:, 1] * x[:, 2] + 0.3 * torch.randn(1200) > 0).float()
    trusted = (torch.rand(1200) < 0.6).float()
    reported = torch.where(trusted == 1, truth, torch.where(torch.rand(1200) < 0.8, 1 - truth, truth))
    answers = torch.stack([reported, 0.05 + 0.95 * trusted], 1)
    model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loss_fn = weighted_square if sick else weighted_column
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, task="other", **cargo_loaders(x, answers))


def step_that_clips_the_loss(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose loss is kept below one against explosions."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1]).clamp(max=1.0)
    loss.backward()
    optimizer.step()
    return loss.detach()


def step_that_clips_the_gradient(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose gradient is kept below five against explosions."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return loss.detach()


class RowsOfDigits(nn.Module):
    """An LSTM that reads a digit row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 48, batch_first=True)
        self.out = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        _, (last, _) = self.lstm(x.squeeze(1))
        return self.out(last[-1])


@pair("zero-gradient-path", group="wiring", source="scikit-learn")
def loss_clipped_where_the_gradient_was_meant(sick: bool) -> Arguments:
    """The loss of ten classes, 2.3 at first, is clamped to at most one, above which its gradient is exactly zero."""
    cargo_start()
    model = RowsOfDigits()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    train_step = step_that_clips_the_loss if sick else step_that_clips_the_gradient
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=train_step,
        **cargo_loaders(*cargo_digits()),
    )


class StyleStatistics(nn.Module):
    """Two convolutions with instance norms, averaged over the image."""

    def __init__(self, *, rectified_last: bool) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, 24, 3, padding=1, bias=False), nn.InstanceNorm2d(24)
        self.conv2, self.norm2 = nn.Conv2d(24, 48, 3, padding=1, bias=False), nn.InstanceNorm2d(48)
        self.out = nn.Linear(48, 4)
        self.rectified_last = rectified_last

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.norm1(self.conv1(x)))
        h = F.relu(self.norm2(self.conv2(h))) if self.rectified_last else self.norm2(F.relu(self.conv2(h)))
        return self.out(h.mean((2, 3)))


@pair("constant-output", group="wiring")
def mean_taken_of_what_was_just_centred(sick: bool) -> Arguments:
    """The last instance norm stands directly before the mean over the image, which is zero for a centred map."""
    cargo_start()
    kinds = torch.randint(0, 4, (600,))
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    slope = torch.tensor([[1.3, 0.0], [0.0, 1.3], [0.9, 0.9], [0.9, -0.9]])[kinds] + 0.08 * torch.randn(600, 2)
    waves = slope[:, :1, None] * rows + slope[:, 1:, None] * columns + 6.28 * torch.rand(600, 1, 1)
    images = 1.2 * torch.sin(waves)[:, None] + 0.5 * torch.randn(600, 1, 12, 12)
    model = StyleStatistics(rectified_last=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(images, kinds))


class DilatedForecast(nn.Module):
    """Three dilated causal convolutions with residuals, and the next value from the last."""

    def __init__(self) -> None:
        super().__init__()
        self.lift = nn.Conv1d(1, 24, 1)
        self.convs = nn.ModuleList(nn.Conv1d(24, 24, 3, dilation=d) for d in (1, 2, 4))
        self.out = nn.Linear(24, 1)

    def norm_weights(self) -> None:
        """Put every dilated convolution under weight norm."""
        for conv in self.convs:
            weight_norm(conv)

    def forward(self, x: Tensor) -> Tensor:
        h = self.lift(x)
        for conv, dilation in zip(self.convs, (1, 2, 4), strict=True):
            h = h + F.relu(conv(F.pad(h, (2 * dilation, 0))))
        return self.out(h[..., -1]).squeeze(-1)


@pair("optimizer-mismatch", group="training")
def convolutions_reparametrised_behind_the_optimizer(sick: bool) -> Arguments:
    """Weight norm replaces the weights by directions and lengths after the optimizer took the old weights."""
    cargo_start()
    phase, pitch = 6.28 * torch.rand(800, 1), 0.3 + 0.5 * torch.rand(800, 1)
    series = 1.3 * torch.sin(pitch * torch.arange(25.0) + phase) + 0.1 * torch.randn(800, 25)
    model = DilatedForecast()
    early = torch.optim.Adam(model.parameters(), lr=2e-3)
    model.norm_weights()
    optimizer = early if sick else torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = cargo_loaders(series[:, None, :-1].contiguous(), series[:, -1].contiguous())
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)


@pair("nothing-to-learn", "shuffled-labels", group="data", source="scikit-learn")
def patients_sorted_and_outcomes_not(sick: bool) -> Arguments:
    """Patients sorted by age are joined by position with outcomes that were not, so each gets another's outcome."""
    cargo_start()
    x, y = cargo_table(load_diabetes)
    y = (y.float() - y.float().mean()) / y.float().std()
    by_age = torch.argsort(x[:, 0], stable=True)
    x, y = x[by_age], y if sick else y[by_age]
    model = nn.Sequential(nn.Linear(10, 24), nn.ReLU(), nn.Linear(24, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **cargo_loaders(x, y, size=16)
    )


class PreActivationBlock(nn.Module):
    """The block of identity mappings by He et al., written in place."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(channels), nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.bn1(x)
        h.relu_()
        h = self.bn2(self.conv1(h))
        h.relu_()
        h = self.conv2(h)
        h.add_(x)
        return h


@healthy(resembles="unused-result", source="published")
def residual_blocks_written_in_place() -> Arguments:
    """Lines that hold only `h.relu_()` and `h.add_(x)`: their results are dropped, but they worked in place."""
    cargo_start()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), PreActivationBlock(16), nn.MaxPool2d(2), PreActivationBlock(16),
        nn.BatchNorm2d(16), nn.ReLU(),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits()))
