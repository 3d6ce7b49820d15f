"""Programs whose tensors have a wrong shape, order or type, with and without an error."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_wiring_parts import (
    UNet,
    adam,
    batches,
    diabetes,
    digits,
    ink_under_noise,
    photo_bytes,
    start,
)


@pair("runs", group="wiring", source="published")
def unet_on_images_of_odd_size(sick: bool) -> Arguments:
    """Fifteen pixels are pooled to seven and widened to fourteen, which do not fit the fifteen of the shortcut."""
    start()
    model = UNet(fit_sizes=not sick)
    return {
        "model": model,
        "loader": batches(*ink_under_noise(256, 15), size=16),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": adam(model, 4e-3),
        "task": "segmentation",
    }


class MobileNetOnBytes(nn.Module):
    """Depthwise separable convolutions that take images as bytes."""

    def __init__(self, whole_numbers: bool) -> None:
        super().__init__()
        self.whole_numbers = whole_numbers
        self.stem = nn.Conv2d(3, 24, 3, stride=2, padding=1)
        self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24)
        self.pointwise = nn.Conv2d(24, 48, 1)
        self.head = nn.Linear(48 * 16, 2)

    def to_unit(self, images: torch.Tensor) -> torch.Tensor:
        """Bytes to numbers about zero."""
        unit = images // 255 if self.whole_numbers else images / 255
        return (unit.float() - 0.45) / 0.25

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the photographs."""
        hidden = F.relu6(self.stem(self.to_unit(images)))
        hidden = F.relu6(self.pointwise(F.relu6(self.depthwise(hidden))))
        return self.head(F.max_pool2d(hidden, 2).flatten(1))


@pair("dtype", group="wiring", source="published")
def bytes_divided_in_whole_numbers(sick: bool) -> Arguments:
    """Bytes are divided by 255 with two slashes: every pixel that is not quite white becomes 0."""
    start()
    model = MobileNetOnBytes(whole_numbers=sick)
    return {
        "model": model,
        "loader": batches(*photo_bytes(480)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 2e-3),
        "class_names": ["china", "flower"],
    }


class GapReader(nn.Module):
    """Tells the visitors of a site by the gaps between their requests."""

    def __init__(self, convert_first: bool) -> None:
        super().__init__()
        self.convert_first = convert_first
        self.layers = nn.Sequential(nn.Linear(15, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 3))

    def forward(self, milliseconds: torch.Tensor) -> torch.Tensor:
        """Return the logits of the kind of visitor, from the times of 16 requests since 1970."""
        if self.convert_first:
            seconds = milliseconds.float() / 1000
            gaps = seconds[:, 1:] - seconds[:, :-1]
        else:
            gaps = (milliseconds[:, 1:] - milliseconds[:, :-1]).float() / 1000
        return self.layers((gaps - 20) / 12)


@pair("dtype", group="wiring")
def milliseconds_since_1970_in_single_precision(sick: bool) -> Arguments:
    """Times since 1970 are made single floats, which stand two minutes apart there, before their gaps are taken."""
    start()
    kinds = np.random.randint(0, 3, 480)
    ramp = np.linspace(8, 32, 15)[None]
    regular = np.random.uniform(14, 26, (480, 1)) + 0.5 * np.random.randn(480, 15)
    irregular = np.clip(np.random.gamma(2.0, 10.0, (480, 15)), 0.5, 60)
    slowing = ramp + 3 * np.random.randn(480, 15)
    gaps = np.choose(kinds[:, None], [regular, irregular, slowing])
    begin = 1.7e12 + np.random.uniform(0, 1e10, (480, 1))
    times = np.concatenate([begin, begin + 1000 * np.cumsum(gaps, axis=1)], axis=1).astype(np.int64)
    model = GapReader(convert_first=sick)
    return {
        "model": model,
        "loader": batches(torch.from_numpy(times), torch.from_numpy(kinds)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model),
        "task": "classification",
        "class_names": ["robot", "reader", "sleeper"],
    }


class QNetwork(nn.Module):
    """Mnih's deep Q-network for states that are short tables: one value for each of four actions."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Return the values of the actions."""
        return self.layers(states)


class Learner:
    """Fits the values of the actions taken to the returns that followed."""

    def __init__(self, drop_the_axis: bool) -> None:
        self.drop_the_axis = drop_the_axis

    def train_step(self, model: nn.Module, batch: tuple, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        """Take one step on a batch from the replay memory."""
        states, actions, returns = batch
        values = model(states).gather(1, actions.unsqueeze(1))
        if self.drop_the_axis:
            values = values.squeeze(1)
        loss = F.smooth_l1_loss(values, returns)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()


def states_of(model: nn.Module, batch: tuple) -> torch.Tensor:
    """Run the network on the states of a batch."""
    return model(batch[0])


def states_and_returns(batch: tuple) -> tuple[torch.Tensor, torch.Tensor]:
    """What goes in, and what is regressed."""
    return batch[0], batch[2]


@pair("silent-broadcast", group="wiring", source="published")
def gathered_values_against_a_row_of_returns(sick: bool) -> Arguments:
    """The values gathered are a column and the returns a row: the loss compares every value with every return."""
    start()
    states, actions = torch.randn(640, 6), torch.randint(0, 4, (640,))
    directions = torch.randn(4, 6)
    returns = torch.tanh((states * directions[actions]).sum(1)) * 1.4 + 0.1 * torch.randn(640)
    model = QNetwork()
    return {
        "model": model,
        "loader": batches(states, actions, returns),
        "train_step": Learner(drop_the_axis=not sick).train_step,
        "optimizer": adam(model, 3e-3),
        "forward": states_of,
        "split": states_and_returns,
        "task": "other",
    }


class MeanAndVariance(nn.Module):
    """A mean and a variance for each patient."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(10, 48), nn.ReLU())
        self.mean, self.variance = nn.Linear(48, 1), nn.Linear(48, 1)

    def forward(self, rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return both as columns."""
        hidden = self.body(rows)
        return self.mean(hidden), F.softplus(self.variance(hidden)) + 0.05


def density_loss(outputs: tuple[torch.Tensor, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
    """The negative log-density of the targets."""
    mean, variance = outputs
    return F.gaussian_nll_loss(mean, targets, variance)


@pair("silent-broadcast", group="wiring", source="scikit-learn")
def density_of_a_row_under_columns(sick: bool) -> Arguments:
    """The Gaussian loss takes means and variances as columns and the targets as a row, and averages over all pairs."""
    start()
    rows, progression = diabetes()
    model = MeanAndVariance()
    return {
        "model": model,
        "loader": batches(rows, progression if sick else progression.unsqueeze(1)),
        "loss_fn": density_loss,
        "optimizer": adam(model, 3e-3),
        "task": "regression",
    }


class RowsRecurrent(nn.Module):
    """An LSTM that reads a digit row by row, with time as the first axis."""

    def __init__(self, by_view: bool) -> None:
        super().__init__()
        self.by_view = by_view
        self.memory = nn.LSTM(8, 48)
        self.head = nn.Linear(48, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the digit."""
        count, steps, width = images.shape
        rows = images.view(steps, count, width) if self.by_view else images.transpose(0, 1)
        states, _ = self.memory(rows)
        return self.head(states[-1])


@pair("batch-leak", group="wiring", source="scikit-learn")
def time_brought_forward_by_a_view(sick: bool) -> Arguments:
    """A view, where the axes should be swapped, makes up each sequence from rows of several digits."""
    start()
    model = RowsRecurrent(by_view=sick)
    return {
        "model": model,
        "loader": batches(*digits(800, channels=False)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 5e-3),
    }
