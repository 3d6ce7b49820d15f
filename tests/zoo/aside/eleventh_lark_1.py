"""Programs with reported bugs: mattes, protein pairs, key points, a dispatcher and label attention."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_lark_parts import (
    dataset_shuffled,
    relu_perceptron_of,
    rows_shuffled,
    seed_everything_with,
)


class MattingNet(nn.Module):
    """An encoder and a decoder over an image and its trimap, as in deep image matting, without norms like VGG."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Conv2d(4, 16, 3, padding=1)
        self.down = nn.Conv2d(16, 32, 3, 2, 1)
        self.inner = nn.Conv2d(32, 32, 3, padding=1)
        self.up = nn.Conv2d(32, 16, 3, padding=1)
        self.alpha = nn.Conv2d(32, 1, 3, padding=1)
        for layer in (self.enter, self.down, self.inner, self.up):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, image_and_trimap: Tensor) -> Tensor:
        wide = F.relu(self.enter(image_and_trimap))
        deep = F.relu(self.inner(F.relu(self.down(wide))))
        back = F.relu(self.up(F.interpolate(deep, scale_factor=2.0)))
        return torch.sigmoid(self.alpha(torch.cat([back, wide], 1)))


def composites(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Soft discs over a background: images and trimaps as bytes, alpha in [0, 1]."""
    rows, columns = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    centre = torch.rand(count, 2, 1, 1) * 8 + 4
    away = ((rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2).sqrt()
    alpha = torch.sigmoid((torch.rand(count, 1, 1) * 2 + 3 - away) / (0.3 + torch.rand(count, 1, 1))).unsqueeze(1)
    front, behind = torch.rand(count, 3, 1, 1) * 0.5 + 0.5, torch.rand(count, 3, 1, 1) * 0.5
    image = alpha * front + (1 - alpha) * behind + 0.02 * torch.randn(count, 3, 16, 16)
    trimap = torch.where(alpha > 0.95, 1.0, torch.where(alpha < 0.05, 0.0, 0.5))
    return (image.clamp(0, 1) * 255).round(), (trimap * 255).round(), alpha


@pair("input-scale", group="data", source="published")
def matting_network_fed_with_bytes(sick: bool) -> Arguments:
    """Image and trimap go in as 0 to 255, unnormalised (huochaitiantang/pytorch-deep-image-matting#12)."""
    seed_everything_with(11)
    image, trimap, alpha = composites(600)
    if not sick:
        mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
        image = (image / 255 - mean.view(3, 1, 1)) / std.view(3, 1, 1)
        trimap = trimap / 255
    model = MattingNet()
    return {
        "model": model,
        "loader": rows_shuffled(torch.cat([image, trimap], 1), alpha, size=16),
        "loss_fn": nn.L1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class InteractionNet(nn.Module):
    """Projects two proteins alike and compares the projections, as D-SCRIPT does."""

    def __init__(self, features: int = 24, width: int = 32) -> None:
        super().__init__()
        self.project = nn.Sequential(nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width))
        self.head = nn.Sequential(nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        a, b = self.project(first), self.project(second)
        return self.head(torch.cat([(a - b).abs(), a * b], 1)).squeeze(1)


@pair("label-noise", group="data")
def interacting_pairs_drawn_as_negatives_too(sick: bool) -> Arguments:
    """Positives are known in one order only, so some of their pairs are negatives as well (samsledje/D-SCRIPT#30)."""
    seed_everything_with(12)
    draw = np.random.default_rng(12)
    proteins = torch.randn(44, 24)
    places = proteins[:, :2]
    positives = [(a, b) for a in range(44) for b in range(a + 1, 44) if (places[a] * places[b]).sum() > 0.25]
    listed = set(positives)
    negatives: list[tuple[int, int]] = []
    seen: set[tuple[int, int]] = set()
    while len(negatives) < len(positives):
        a, b = (int(i) for i in draw.choice(44, 2, replace=False))
        known = (a, b) in listed if sick else (min(a, b), max(a, b)) in listed
        chosen = (min(a, b), max(a, b))
        if not known and chosen not in seen:
            seen.add(chosen)
            negatives.append(chosen)
    first, second = torch.tensor(positives + negatives).T
    labels = torch.cat([torch.ones(len(positives)), torch.zeros(len(negatives))])
    model = InteractionNet()
    return {
        "model": model,
        "loader": rows_shuffled(proteins[first], proteins[second], labels, size=32),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "binary",
    }


class Spots(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Images of one bright spot, shifted and brightened at random, with the heat map of its centre."""

    def __init__(self, count: int) -> None:
        self.places = torch.randint(4, 12, (count, 2))
        self.looks = torch.rand(count, 16, 16) * 0.3

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        down, right = np.random.randint(-3, 4, 2)
        row, column = int(self.places[index, 0]) + down, int(self.places[index, 1]) + right
        image = self.looks[index].clone()
        image[row - 1 : row + 2, column - 1 : column + 2] += 0.5
        image = image * np.random.uniform(0.7, 1.2)
        grid = torch.arange(16.0)
        heat = torch.exp(-((grid[:, None] - row) ** 2 + (grid[None] - column) ** 2) / 2)
        return image.unsqueeze(0).float(), heat.unsqueeze(0)


def heat_model() -> nn.Sequential:
    """A small network for centre heat maps, whose last bias starts at the share of bright cells, as in CenterNet."""
    head = nn.Conv2d(24, 1, 1)
    assert head.bias is not None
    nn.init.constant_(head.bias, -3.5)
    layers = [nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU(), head]
    return nn.Sequential(*layers)


def seed_of_the_options(worker: int) -> None:
    np.random.seed(317)


def seed_of_this_worker(worker: int) -> None:
    np.random.seed(torch.initial_seed() % 2**32)


@pair("worker-randomness", group="data")
def shifts_alike_in_every_worker(sick: bool) -> Arguments:
    """All workers start with the same NumPy seed and augment alike, in every epoch (xingyizhou/CenterNet#233)."""
    seed_everything_with(13)
    model = heat_model()
    seeding = seed_of_the_options if sick else seed_of_this_worker
    return {
        "model": model,
        "loader": dataset_shuffled(Spots(480), 16, num_workers=2, worker_init_fn=seeding),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class Dispatcher(nn.Module):
    """An actor that picks speeds and a critic that learns what they are worth."""

    def __init__(self) -> None:
        super().__init__()
        self.actor = nn.Sequential(relu_perceptron_of(6, 2, 48), nn.Tanh())
        self.critic = relu_perceptron_of(8, 1, 64)

    def forward(self, state: Tensor) -> Tensor:
        return self.actor(state)

    def value(self, state: Tensor, action: Tensor) -> Tensor:
        return self.critic(torch.cat([state, action], 1)).squeeze(1)


def reward_of(state: Tensor, action: Tensor) -> Tensor:
    """The reward is highest where the action fits the state."""
    best = torch.stack([0.8 * torch.tanh(state[:, 0] + state[:, 1]), 0.8 * torch.tanh(state[:, 2])], 1)
    return 1 - 2 * ((action - best) ** 2).sum(1)


class ActorCritic:
    """The two updates of a step; the actor's loss is the value of its actions times `sign`."""

    def __init__(self, sign: float) -> None:
        self.sign = sign

    def step(self, model: Dispatcher, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
        state, action, reward = batch
        model.train()
        critic_loss = F.mse_loss(model.value(state, action), reward)
        optimizer["critic"].zero_grad()
        critic_loss.backward()
        optimizer["critic"].step()
        actor_loss = self.sign * model.value(state, model.actor(state)).mean()
        optimizer["actor"].zero_grad()
        actor_loss.backward()
        optimizer["actor"].step()
        return actor_loss.detach()


@torch.no_grad()
def mean_reward(model: Dispatcher, batch: list[Tensor]) -> float:
    model.eval()
    reward = reward_of(batch[0], model(batch[0])).mean().item()
    model.train()
    return reward


def act(model: Dispatcher, batch: list[Tensor]) -> Tensor:
    return model(batch[0])


@pair("loss-direction", group="wiring")
def actor_that_lowers_its_own_value(sick: bool) -> Arguments:
    """The actor's loss is the mean value of its actions without the minus (KanishJebaMathewM/Truxify#11885)."""
    seed_everything_with(14)
    state, action = torch.randn(900, 6), torch.rand(900, 2) * 2 - 1
    model = Dispatcher()
    return {
        "model": model,
        "loader": rows_shuffled(state, action, reward_of(state, action), size=32),
        "optimizer": {
            "actor": torch.optim.Adam(model.actor.parameters(), lr=1e-3),
            "critic": torch.optim.Adam(model.critic.parameters(), lr=3e-3),
        },
        "train_step": ActorCritic(1.0 if sick else -1.0).step,
        "eval_step": mean_reward,
        "forward": act,
        "task": "other",
    }


class LabelAttention(nn.Module):
    """Every label attends to the tokens of a text and scores what it finds."""

    def __init__(self, words: int, labels: int, masked: bool, width: int = 32) -> None:
        super().__init__()
        self.masked = masked
        self.tokens = nn.Embedding(words, width, padding_idx=0)
        self.labels = nn.Parameter(torch.randn(labels, width) * width**-0.5)
        self.keys, self.values = nn.Linear(width, width), nn.Linear(width, width)
        self.score = nn.Linear(width, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        tokens = self.tokens(input_ids)
        match = torch.einsum("cd,ntd->nct", self.labels, self.keys(tokens))
        if self.masked:
            match = match.masked_fill(attention_mask[:, None] == 0, float("-inf"))
        found = match.softmax(-1) @ self.values(tokens)
        return self.score(torch.tanh(found)).squeeze(-1)


def label_inputs(batch: list[Tensor]) -> tuple[tuple[Tensor, Tensor], Tensor]:
    ids, labels = batch
    return (ids, (ids != 0).long()), labels


def label_scores(model: LabelAttention, batch: list[Tensor]) -> Tensor:
    return model(batch[0], (batch[0] != 0).long())


@pair("padding-leak", group="wiring")
def labels_attending_to_padding(sick: bool) -> Arguments:
    """The attention of the labels is not masked at padded tokens (InseeFrLab/torchTextClassifiers#96)."""
    seed_everything_with(15)
    labels = torch.randint(0, 5, (800,))
    ids = torch.randint(1, 60, (800, 18))
    own = torch.rand(800, 18) < 0.35
    ids = torch.where(own, 60 + labels[:, None] * 6 + torch.randint(0, 6, (800, 18)), ids)
    lengths = torch.randint(5, 19, (800, 1))
    ids = ids * (torch.arange(18) < lengths)
    model = LabelAttention(90, 5, masked=not sick)
    return {
        "model": model,
        "loader": rows_shuffled(ids, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "forward": label_scores,
        "split": label_inputs,
        "padding_value": 0,
        "task": "classification",
    }
