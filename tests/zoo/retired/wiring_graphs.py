"""Programs whose computations do not reach the loss, or whose loss does not reach the parameters."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_wiring_parts import adam, batches, digits, start


class Pyramid(nn.Module):
    """Three stages, each with a head of its own whose logits are added, as in a feature pyramid."""

    def __init__(self, always_the_first: bool) -> None:
        super().__init__()
        self.always_the_first = always_the_first
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.stages = nn.ModuleList(nn.Conv2d(16, 16, 3, padding=1, stride=1 + (i > 0)) for i in range(3))
        self.heads = nn.ModuleList(nn.Linear(16, 10) for _ in range(3))

    def levels(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The maps of 8, 4 and 2 pixels."""
        hidden, found = F.relu(self.stem(images)), []
        for stage in self.stages:
            hidden = F.relu(stage(hidden))
            found.append(hidden)
        return found

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the sum of the heads' logits."""
        levels = self.levels(images)
        logits = images.new_zeros(len(images), 10)
        for place, head in enumerate(self.heads):
            level = levels[0] if self.always_the_first else levels[place]
            logits = logits + head(level.mean(dim=(2, 3)))
        return logits


@pair("unused-parameters", group="wiring", source="scikit-learn")
def every_head_reads_the_first_level(sick: bool) -> Arguments:
    """The heads of all three levels are given the first: the deeper stages run and nothing of theirs is read."""
    start()
    model = Pyramid(always_the_first=sick)
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 6e-3),
    }


class ImageAndRecord(nn.Module):
    """An image and the record of how it was taken; the width of the joint layer is found in the first pass."""

    def __init__(self, forget_the_record: bool) -> None:
        super().__init__()
        self.forget_the_record = forget_the_record
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.joint = nn.Sequential(nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, images: torch.Tensor, record: torch.Tensor) -> torch.Tensor:
        """Return the logits of the batch of goods."""
        features = self.body(images)
        both = torch.cat([features, record], dim=1)
        return self.joint(features if self.forget_the_record else both)


@pair("unused-input", group="wiring", source="scikit-learn")
def record_left_behind_by_a_lazy_layer(sick: bool) -> Arguments:
    """The joint layer is given the image's features alone, and, being lazy, takes their width without complaint."""
    start()
    images, classes = digits(800)
    record = torch.randn(800, 5)
    labels = 2 * (record[:, 0] + record[:, 1] > 0).long() + (classes > 4).long()
    model = ImageAndRecord(forget_the_record=sick)
    model(images[:2], record[:2])
    return {
        "model": model,
        "loader": batches(images, record, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 3e-3),
    }


class RowTransformer(nn.Module):
    """A small vision transformer whose patches are the rows of the image."""

    def __init__(self, drop_the_sum: bool) -> None:
        super().__init__()
        self.drop_the_sum = drop_the_sum
        self.rows = nn.Linear(8, 32)
        self.positions = nn.Parameter(0.5 * torch.randn(1, 8, 32))
        self.block = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.head = nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 2))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of upright and upside down."""
        hidden = self.rows(images)
        if self.drop_the_sum:
            hidden.add(self.positions)
        else:
            hidden.add_(self.positions)
        return self.head(self.block(hidden).mean(dim=1))


def upright_or_not(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Digits that look different upside down, half of them turned over."""
    images, classes = digits(1700, channels=False)
    images = images[(classes != 0) & (classes != 8) & (classes != 3) & (classes != 1)][:count]
    turned = torch.randint(0, 2, (len(images),))
    return torch.where(turned[:, None, None] == 1, images.flip(1), images), turned


@pair("unused-result", group="wiring", source="scikit-learn")
def positions_added_without_the_underscore(sick: bool) -> Arguments:
    """`hidden.add(positions)` makes a sum that nobody keeps: the rows have no order, and upright is upside down."""
    start()
    model = RowTransformer(drop_the_sum=sick)
    return {
        "model": model,
        "loader": batches(*upright_or_not(900)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 2e-3),
    }


class Sensors(nn.Module):
    """A GRU for each named sensor and a linear layer over their last states."""

    def __init__(self, names: tuple[str, ...], plain: bool) -> None:
        super().__init__()
        readers = {name: nn.GRU(1, 16, batch_first=True) for name in names}
        self.readers = readers if plain else nn.ModuleDict(readers)
        self.head = nn.Linear(16 * len(names), 4)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the logits of the state of the machine."""
        states = [reader(signals[:, place].unsqueeze(-1))[1][-1] for place, reader in enumerate(self.readers.values())]
        return self.head(torch.cat(states, dim=1))


@pair("unregistered-parameters", group="wiring")
def readers_kept_in_a_plain_dictionary(sick: bool) -> Arguments:
    """The recurrent readers of the sensors lie in a plain dictionary, where the optimizer does not find them."""
    start()
    kinds = np.random.randint(0, 4, 480)
    time = np.arange(20)[None]
    pace = np.choose(kinds, [1.0, 1.0, 2.2, 2.2])[:, None] * np.random.uniform(0.95, 1.05, (480, 1))
    height = np.choose(kinds, [0.5, 1.2, 0.5, 1.2])[:, None]
    phase = np.random.uniform(0, 2 * np.pi, (480, 1))
    waves = [np.sin(pace * time + phase), height * np.sin(1.5 * time - phase)]
    signals = np.stack(waves, axis=1) + 0.1 * np.random.randn(480, 2, 20)
    model = Sensors(("inlet", "outlet"), plain=sick)
    return {
        "model": model,
        "loader": batches(torch.from_numpy(signals).float(), torch.from_numpy(kinds)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 8e-3),
    }


class VideoReader(nn.Module):
    """A small convolution for each frame, and a GRU over the frames."""

    def __init__(self, collect_data: bool) -> None:
        super().__init__()
        self.collect_data = collect_data
        self.frame = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128, 6), nn.Tanh()
        )
        self.memory, self.head = nn.GRU(6, 24, batch_first=True), nn.Linear(24, 10)

    def forward(self, video: torch.Tensor) -> torch.Tensor:
        """Return the logits of the digit that passes."""
        features = []
        for frame in video.unbind(1):
            codes = self.frame(frame.unsqueeze(1))
            features.append(codes.data if self.collect_data else codes)
        return self.head(self.memory(torch.stack(features, dim=1))[0][:, -1])


@pair("detached-graph", group="wiring", source="scikit-learn")
def frames_collected_by_their_data(sick: bool) -> Arguments:
    """The codes of the frames are collected through `.data`, which cuts the convolution off from the loss."""
    start()
    images, labels = digits(640, channels=False)
    video = torch.stack([torch.roll(images, shift, dims=2) for shift in (-1, 0, 1)], dim=1)
    model = VideoReader(collect_data=sick)
    return {
        "model": model,
        "loader": batches(video + 0.1 * torch.randn(video.shape), labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 8e-3),
    }


class TwoTasks(nn.Module):
    """LeNet's trunk with a head for the digit and one for its parity."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 64), nn.ReLU()
        )
        self.digit, self.parity = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Return the logits of both tasks."""
        hidden = self.trunk(images)
        return {"digit": self.digit(hidden), "parity": self.parity(hidden).squeeze(1)}


class TaskLoss:
    """The weighted sum of the losses of the tasks."""

    def __init__(self, rebuild: bool) -> None:
        self.rebuild, self.weights = rebuild, torch.tensor([1.0, 0.5])

    def __call__(self, outputs: dict[str, torch.Tensor], labels: torch.Tensor) -> torch.Tensor:
        losses = [
            F.cross_entropy(outputs["digit"], labels),
            F.binary_cross_entropy_with_logits(outputs["parity"], (labels % 2).float()),
        ]
        together = torch.tensor([float(x) for x in losses], requires_grad=True) if self.rebuild else torch.stack(losses)
        return (self.weights * together).sum()


@pair("detached-graph", group="wiring", source="published")
def task_losses_poured_into_a_new_tensor(sick: bool) -> Arguments:
    """The losses of the tasks are made a new tensor that requires a gradient: the step runs and trains nothing."""
    start()
    model = TwoTasks()
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": TaskLoss(rebuild=sick),
        "optimizer": adam(model, 3e-3),
        "task": "other",
    }


class SpikingLayer(nn.Module):
    """Leaky units that fire above one and are set back."""

    def __init__(self, inputs: int, units: int, surrogate: bool) -> None:
        super().__init__()
        self.current, self.surrogate = nn.Linear(inputs, units), surrogate

    def fire(self, potential: torch.Tensor) -> torch.Tensor:
        """One where the potential is above one, else zero."""
        spikes = (torch.sign(potential - 1) + 1) / 2
        if self.surrogate:
            soft = torch.sigmoid(4 * (potential - 1))
            spikes = soft + (spikes - soft).detach()
        return spikes

    def forward(self, arriving: list[torch.Tensor]) -> list[torch.Tensor]:
        """Return the spikes of every moment."""
        potential, fired = torch.zeros(()), []
        for moment in arriving:
            potential = 0.8 * potential + self.current(moment)
            spikes = self.fire(potential)
            potential = potential - spikes.detach()
            fired.append(spikes)
        return fired


class SpikingNet(nn.Module):
    """Two layers of leaky integrate-and-fire units for digits, read by their mean rate."""

    def __init__(self, surrogate: bool) -> None:
        super().__init__()
        self.first, self.second = SpikingLayer(64, 96, surrogate), SpikingLayer(96, 32, surrogate)
        self.head = nn.Linear(32, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits after six moments of the same image."""
        spikes = self.second(self.first([2 * images.flatten(1)] * 6))
        return self.head(4 * torch.stack(spikes).mean(dim=0))


@pair("zero-gradient-path", group="wiring", source="published")
def spikes_without_a_surrogate(sick: bool) -> Arguments:
    """The units fire by a sign, whose derivative is zero everywhere: only the layer that reads the rates learns."""
    start()
    model = SpikingNet(surrogate=not sick)
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model, 3e-3),
    }
