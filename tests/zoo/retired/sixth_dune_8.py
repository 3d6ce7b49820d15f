"""Loudness, recurrences, decibels, norms and densities: five programs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, divided, seeded, table, waves


def loud_and_quiet_recordings(rows: int = 600) -> tuple[Tensor, Tensor, Tensor]:
    """Power spectrograms (rows, 1, 13, 8) of waves with a frequency and a loudness, and those two."""
    x, kind = waves(rows, 108)
    volume = torch.empty(rows).uniform_(0.5, 2.0)
    x = x * volume.unsqueeze(1)
    frames = x.unfold(1, 24, 12) * torch.hann_window(24)
    return torch.fft.rfft(frames).abs().square().transpose(1, 2).unsqueeze(1) / 24, kind, volume


class Loudness(nn.Module):
    """Scale spectrograms so that the loudest cell is one."""

    def __init__(self, each: bool) -> None:
        super().__init__()
        self.each = each

    def forward(self, x: Tensor) -> Tensor:
        return x / (x.amax(dim=(1, 2, 3), keepdim=True) if self.each else x.max())


def listener() -> list[nn.Module]:
    return [
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 6 * 4, 3),
    ]


@pair("batch-leak", group="wiring", source="published")
def scaled_by_the_loudest_of_the_batch(sick: bool) -> Arguments:
    """The model divides every spectrogram by the loudest cell of the whole batch instead of its own."""
    seeded()
    x, kind, _ = loud_and_quiet_recordings()
    model = nn.Sequential(Loudness(each=not sick), *listener())
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **batches(divided(x, kind, train=450)),
    )


class Recurrence(torch.autograd.Function):
    """A diagonal linear recurrence, h[t] = decay · h[t−1] + x[t], that keeps its states for the backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, decay: Tensor) -> Tensor:
        states = [x[:, 0]]
        for t in range(1, x.shape[1]):
            states.append(decay * states[-1] + x[:, t])
        h = torch.stack(states, 1)
        ctx.save_for_backward(h, decay)
        return h

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        h, decay = ctx.saved_tensors
        found = [grads[0][:, -1]]
        for t in range(h.shape[1] - 2, -1, -1):
            found.append(decay * found[-1] + grads[0][:, t])
        grad = torch.stack(found[::-1], 1)
        return grad, (grad[:, 1:] * h[:, :-1]).sum((0, 1))


class RecurrenceOfOneWay(Recurrence):
    """The same, with one kind of loop for both ways."""

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        h, decay = ctx.saved_tensors
        found = [grads[0][:, 0]]
        for t in range(1, h.shape[1]):
            found.append(decay * found[-1] + grads[0][:, t])
        grad = torch.stack(found, 1)
        return grad, (grad[:, 1:] * h[:, :-1]).sum((0, 1))


class StateSpace(nn.Module):
    """A layer of diagonal recurrences with learnt decays, read at every step."""

    def __init__(self, operation: type[Recurrence], width: int = 12) -> None:
        super().__init__()
        self.enter, self.gate, self.leave = nn.Linear(1, width), nn.Linear(width, width), nn.Linear(width, 1)
        self.decay = nn.Parameter(torch.linspace(-2.0, 1.0, width))
        self.operation = operation

    def forward(self, x: Tensor) -> Tensor:
        decay = torch.sigmoid(self.decay)
        h = self.operation.apply(self.enter(x) * (1 - decay), decay)  # type: ignore[no-untyped-call]
        out: Tensor = self.leave(F.silu(self.gate(h)))
        return out


@pair("gradient-check", group="backward", source="published")
def recurrence_whose_backward_runs_forwards(sick: bool) -> Arguments:
    """The hand-written backward of a recurrence goes from the first step to the last, as its forward does."""
    seeded()
    x = torch.randn(500, 24, 1)
    slow = [x[:, 0]]
    for t in range(1, 24):
        slow.append(0.93 * slow[-1] + 0.37 * x[:, t])
    y = torch.stack(slow, 1)
    y = y + 0.3 * y.square()
    model = StateSpace(RecurrenceOfOneWay if sick else Recurrence)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **batches(divided(x, (y - y.mean()) / y.std(), train=380)),
    )


def loudness(power: Tensor, decibels: bool = True) -> Tensor:
    """Power on a logarithmic scale."""
    return 10 * torch.log10(power + 1e-3) if decibels else torch.log(power + 1e-3)


@pair("train-val-shift", group="data", source="published")
def decibels_in_validation_alone(sick: bool) -> Arguments:
    """Training asks for natural logarithms, validation forgets to and gets decibels, four times as large."""
    seeded()
    power, _, volume = loud_and_quiet_recordings()
    kind = (volume > 1.0).long() + (volume > 1.5).long()
    (x1, y1), (x2, y2) = divided(power, kind, train=450)
    x1 = loudness(x1, decibels=False)
    x2 = loudness(x2) if sick else loudness(x2, decibels=False)
    mean, std = x1.mean(), x1.std()
    model = nn.Sequential(*listener())
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **batches((((x1 - mean) / std, y1), ((x2 - mean) / std, y2))),
    )


class WaveGRU(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(5, 32, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.gru(x)[1][-1])
        return out


SETTINGS = {"rate": 0.05, "momentum": 0.9, "norm": 2.0}


def step_clipped_at(entry: str) -> Any:
    """A training step that clips gradients at an entry of the settings."""

    def step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(model.parameters(), SETTINGS[entry])
        optimizer.step()
        return loss.detach()

    return step


@pair("clipping-always-on", group="training")
def clipped_at_the_rate(sick: bool) -> Arguments:
    """The gradient's norm is clipped at the learning rate, 0.05, instead of at the norm in the settings."""
    seeded()
    x, kind = waves(700)
    model = WaveGRU()
    optimizer = torch.optim.SGD(model.parameters(), lr=SETTINGS["rate"], momentum=SETTINGS["momentum"])
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=step_clipped_at("rate" if sick else "norm"),
        **batches(divided(x.view(-1, 10, 5), kind, train=500)),
    )


class Density(nn.Module):
    """The mean and the spread of a target."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(29, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, spread = self.body(x).chunk(2, 1)
        return mean, F.softplus(spread) + 0.01


def negative_log_density(outputs: tuple[Tensor, Tensor], targets: Tensor) -> Tensor:
    mean, spread = outputs
    return (0.5 * ((targets - mean) / spread).square() + spread.log() + 0.919).mean()


@healthy(resembles="loss-direction", source="scikit-learn")
def density_whose_loss_falls_below_zero() -> Arguments:
    """The negative log density of a target that is nearly determined falls below zero, as densities may exceed one."""
    seeded()
    (x1, _), (x2, _) = table("cancer")
    others = [column for column in range(30) if column != 2]
    (a1, b1), (a2, b2) = ((x[:, others], x[:, 2:3]) for x in (x1, x2))
    model = Density()
    return dict(
        model=model,
        loss_fn=negative_log_density,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **batches(((a1, b1), (a2, b2))),
    )
