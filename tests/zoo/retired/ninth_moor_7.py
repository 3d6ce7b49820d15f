"""Programs after reported bugs: two shuffles, a list of layers, portraits, a policy, a recurrent critic, patches."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_moor_parts import (
    all_digits,
    loader_over_tensors,
    seed_all_generators,
    standardised_columns,
)


class RecurrentCritic(nn.Module):
    """The values of the actions in a state, from convolutions whose channels a recurrent layer reads one by one."""

    def __init__(self, actions: int, *, batch_first: bool) -> None:
        super().__init__()
        self.see = nn.Sequential(nn.Conv2d(2, 12, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1))
        self.remember = nn.LSTM(16, 16, 1, batch_first=batch_first)
        self.value = nn.Linear(12 * 16, actions)

    def forward(self, frames: Tensor) -> Tensor:
        seen = F.relu(self.see(frames)).flatten(2)
        remembered, _ = self.remember(seen)
        return self.value(remembered.flatten(1))


def flights(samples: int, size: int = 8) -> tuple[Tensor, Tensor]:
    """Two frames of a ball and a bat below it, and what it is worth to go left, to stay and to go right."""
    ball, move, bat = (torch.rand(samples) * (size - 1) for _ in range(3))
    move = (move - 3.5) / 3.5
    where = torch.arange(float(size))
    frames = torch.zeros(samples, 2, size, size)
    for frame, at in enumerate((ball, ball + move)):
        frames[:, frame, 2 + frame] = torch.exp(-((where - at[:, None]) ** 2))
        frames[:, frame, -1] = torch.exp(-((where - bat[:, None]) ** 2))
    landing = ball + 3 * move
    values = torch.stack([-((bat + step - landing) / 4).abs() for step in (-1.5, 0.0, 1.5)], 1)
    frames = (frames - frames.mean()) / frames.std()
    return frames + 0.02 * torch.randn_like(frames), (values - values.mean()) / values.std()


@pair("batch-leak", group="wiring")
def recurrent_layer_over_the_batch(sick: bool) -> Arguments:
    """A critic gives its recurrent layer batch, sequence, features without `batch_first` (AndersonJo/dqn-pytorch#1)."""
    seed_all_generators()
    model = RecurrentCritic(3, batch_first=not sick)
    return {
        "model": model,
        "loader": loader_over_tensors(*flights(1000)),
        "loss_fn": nn.SmoothL1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "regression",
    }


class NetOfSeveralLayers(nn.Module):
    """As many hidden layers as are asked for."""

    def __init__(self, layers: int, *, registered: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(10, 32)
        hidden = [nn.Linear(32, 32) for _ in range(layers)]
        self.list_of_layers: Any = nn.ModuleList(hidden) if registered else hidden
        self.last = nn.Linear(32, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.layer(x))
        for layer in self.list_of_layers:
            x = F.relu(layer(x))
        return self.last(x)


@pair("unregistered-parameters", group="wiring", source="scikit-learn")
def number_of_layers_as_an_argument(sick: bool) -> Arguments:
    """A network takes its number of hidden layers as an argument and keeps them in a plain list.

    (pytorch/pytorch#666)
    """
    seed_all_generators()
    x, y = load_diabetes(return_X_y=True)
    inputs = standardised_columns(torch.tensor(x, dtype=torch.float32))
    targets = standardised_columns(torch.tensor(y, dtype=torch.float32).unsqueeze(1))
    order = torch.randperm(len(targets))
    model = NetOfSeveralLayers(3, registered=not sick)
    return {
        "model": model,
        "loader": loader_over_tensors(inputs[order], targets[order], batch_size=16),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class MaskedAttention(nn.Module):
    """Attention of patches to those patches that are there."""

    def __init__(self, size: int, heads: int, *, mask_first: bool) -> None:
        super().__init__()
        self.heads, self.mask_first = heads, mask_first
        self.qkv, self.project = nn.Linear(size, 3 * size), nn.Linear(size, size)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        samples, patches, size = x.shape
        qkv = self.qkv(x).view(samples, patches, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key, value = qkv.unbind(0)
        attention = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
        absent = ~there[:, None, None, :].bool()
        if self.mask_first:
            attention = attention.masked_fill(absent, float("-inf")).softmax(-1)
        else:
            attention = attention.softmax(-1).masked_fill(absent, float("-inf"))
        return self.project((attention @ value).transpose(1, 2).reshape(samples, patches, size))


class PatchTransformer(nn.Module):
    """Two blocks over the rows of a picture, of which some may be missing, and a classifier of their mean."""

    def __init__(self, size: int = 32, *, mask_first: bool) -> None:
        super().__init__()
        self.embed = nn.Linear(8, size)
        self.place = nn.Parameter(0.02 * torch.randn(1, 8, size))
        self.norms = nn.ModuleList([nn.LayerNorm(size) for _ in range(4)])
        self.attend = nn.ModuleList([MaskedAttention(size, 4, mask_first=mask_first) for _ in range(2)])
        self.think = nn.ModuleList(
            [nn.Sequential(nn.Linear(size, 64), nn.GELU(), nn.Linear(64, size)) for _ in range(2)]
        )
        self.classify = nn.Linear(size, 10)

    def forward(self, rows: Tensor, there: Tensor) -> Tensor:
        x = self.embed(rows) + self.place
        for block in range(2):
            x = x + self.attend[block](self.norms[2 * block](x), there)
            x = x + self.think[block](self.norms[2 * block + 1](x))
        mask = there.unsqueeze(-1)
        return self.classify((x * mask).sum(1) / mask.sum(1))


@pair("nonfinite-forward", group="backward", source="published")
def minus_infinity_after_the_softmax(sick: bool) -> Arguments:
    """Missing patches get minus infinity after the softmax, not before it (huggingface/pytorch-image-models#2236)."""
    seed_all_generators()
    images, labels = all_digits()
    count = torch.randint(6, 9, (len(labels), 1))
    there = (torch.arange(8) < count).float()
    model = PatchTransformer(mask_first=not sick)
    return {
        "model": model,
        "loader": loader_over_tensors(images.squeeze(1)[:1300] * there[:1300, :, None], there[:1300], labels[:1300]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01),
        "task": "classification",
    }


@healthy(resembles="shuffled-labels", source="scikit-learn")
def images_and_labels_shuffled_one_after_the_other() -> Arguments:
    """Two shuffles, of images and of labels, with the generator's state put back in between: the same order.

    (caicloud/tensorflow-tutorial#114)
    """
    seed_all_generators()
    images, labels = load_digits(return_X_y=True)
    images = ((images - images.mean()) / images.std()).astype(np.float32)
    state = np.random.get_state()
    np.random.shuffle(images)
    np.random.set_state(state)
    np.random.shuffle(labels)
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    return {
        "model": model,
        "loader": loader_over_tensors(torch.from_numpy(images[:1400]), torch.from_numpy(labels[:1400])),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "val_loader": loader_over_tensors(
            torch.from_numpy(images[1400:]), torch.from_numpy(labels[1400:]), shuffle=False
        ),
    }


class GaussianPolicy(nn.Module):
    """The mean of the actions for a state, squashed into the range of the actions."""

    def __init__(self, states: int, actions: int, *, squashed_by_the_net: bool) -> None:
        super().__init__()
        self.squashed_by_the_net = squashed_by_the_net
        self.net = nn.Sequential(nn.Linear(states, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, actions))

    def squash(self, mean: Tensor) -> Tensor:
        """From all numbers into the range from -1 to 1."""
        return torch.tanh(mean)

    def forward(self, state: Tensor) -> Tensor:
        mean = self.net(state)
        if self.squashed_by_the_net:
            mean = torch.tanh(mean)
        return self.squash(mean)


@pair("output-range", group="wiring")
def actions_squashed_and_squashed_again(sick: bool) -> Arguments:
    """A policy takes tanh of its mean and then squashes it by tanh again (cpnota/autonomous-learning-library#154)."""
    seed_all_generators()
    states = torch.randn(1000, 6)
    actions = torch.tanh(1.5 * states @ torch.randn(6, 2)) * 0.98
    model = GaussianPolicy(6, 2, squashed_by_the_net=sick)
    return {
        "model": model,
        "loader": loader_over_tensors(states, actions),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "regression",
    }


class Portraits(Dataset[tuple[Tensor, Tensor]]):
    """Pictures out of a folder, each with one attribute out of a table that is in the order of the names."""

    def __init__(self, folder: dict[str, Tensor], attributes: Tensor, *, by_name: bool) -> None:
        names = sorted(folder) if by_name else list(folder)
        self.pictures = [folder[name] for name in names]
        self.attributes = attributes

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.pictures[index], self.attributes[index]


@pair("shuffled-labels", group="training", source="scikit-learn")
def pictures_in_the_order_of_the_folder(sick: bool) -> Arguments:
    """Pictures come in the folder's order, attributes in that of the names.

    (NoahVl/Explaining-In-Style-Reproducibility-Study#9)
    """
    seed_all_generators()
    images, labels = all_digits()
    listed = torch.randperm(1400).tolist()
    folder = {f"{index:06d}.jpg": images[index] for index in listed}
    data = Portraits(folder, (labels[:1400] % 2).float(), by_name=not sick)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 1), nn.Flatten(0)
    )
    return {
        "model": model,
        "loader": DataLoader(data, batch_size=32, shuffle=True, drop_last=True),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "binary",
    }
