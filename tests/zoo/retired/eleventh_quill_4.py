"""Topics by DistilBERT, a perceiver, a deep perceptron, two towers, joined tables, and a siamese network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_quill_parts import quill_digits, quill_loaders, quill_seed, split_rows, tensor


class Texts(Dataset[dict[str, Tensor]]):
    """Token ids and topics as the models of transformers want them."""

    def __init__(self, ids: Tensor, labels: Tensor) -> None:
        self.ids = ids
        self.labels = labels

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, row: int) -> dict[str, Tensor]:
        ids = self.ids[row]
        return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": self.labels[row]}


@pair("loss-target", group="wiring", source="transformers")
def topics_read_as_floats_make_a_regression(sick: bool) -> Arguments:
    """The topics come as floats and the head has one output, so the squared error is taken on the topics' numbers."""
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    rng = quill_seed()
    topics = rng.integers(0, 5, 800)
    own = 20 + 15 * topics[:, None] + rng.integers(0, 15, (800, 14))
    ids = torch.as_tensor(np.where(rng.random((800, 14)) < 0.35, own, rng.integers(5, 95, (800, 14))))
    config = DistilBertConfig(vocab_size=100, dim=32, hidden_dim=64, n_layers=2, n_heads=4, max_position_embeddings=16)
    config.num_labels = 1 if sick else 5
    model = DistilBertForSequenceClassification(config)
    labels = torch.as_tensor(topics).float() if sick else torch.as_tensor(topics)
    train, val = split_rows(ids, labels)
    return {
        "model": model,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "loader": DataLoader(Texts(*train), 32, shuffle=True, generator=torch.Generator().manual_seed(1)),
        "val_loader": DataLoader(Texts(*val), 32),
    }


class SmallPerceiver(nn.Module):
    """A few latents look at all pixels of an image, then at each other (Perceiver)."""

    def __init__(self, latents: Tensor, places: int = 64) -> None:
        super().__init__()
        width = latents.shape[1]
        self.latents = nn.Parameter(latents)
        self.places = nn.Parameter(0.3 * torch.randn(places, width))
        self.pixel = nn.Linear(1, width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(5))
        self.look = nn.MultiheadAttention(width, 4, batch_first=True)
        self.talk = nn.MultiheadAttention(width, 4, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.classes = nn.Linear(width, 10)

    def forward(self, images: Tensor) -> Tensor:
        seen = self.norms[0](self.pixel(images.flatten(1).unsqueeze(2)) + self.places)
        x = self.latents.expand(len(images), -1, -1)
        x = x + self.look(self.norms[1](x), seen, seen, need_weights=False)[0]
        h = self.norms[2](x)
        x = x + self.talk(h, h, h, need_weights=False)[0]
        x = x + self.feed(self.norms[3](x))
        logits: Tensor = self.classes(self.norms[4](x).mean(1))
        return logits


@pair("symmetric-init", group="init", source="published")
def latents_that_all_start_at_the_same_point(sick: bool) -> Arguments:
    """The perceiver's twelve latents start at zero, see the same, get the same gradient and stay one latent forever."""
    quill_seed()
    model = SmallPerceiver(torch.zeros(12, 32) if sick else torch.randn(12, 32))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*quill_digits()))


class DeepPerceptron(nn.Module):
    """Many layers with batch norm, and ways around them or none."""

    def __init__(self, features: int, *, around: bool, depth: int = 40, width: int = 40) -> None:
        super().__init__()
        self.around = around
        self.start = nn.Linear(features, width)
        self.layers = nn.ModuleList(
            nn.Sequential(nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width)) for _ in range(depth)
        )
        self.norm = nn.BatchNorm1d(width)
        self.last = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        x = self.start(x)
        for layer in self.layers:
            x = x + layer(x) if self.around else layer(x)
        logits: Tensor = self.last(self.norm(x))
        return logits


@pair("exploding-gradients", group="backward")
def forty_normalised_layers_without_a_way_around(sick: bool) -> Arguments:
    """Forty layers of batch norm and ReLU in a row keep the signal's size, but each one enlarges the gradient."""
    rng = quill_seed()
    kind = rng.integers(0, 4, 900)
    x = rng.normal(0, 1, (4, 12))[kind] + rng.normal(0, 0.9, (900, 12))
    model = DeepPerceptron(12, around=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9),
        **quill_loaders(tensor((x - x.mean(0)) / x.std(0)), torch.as_tensor(kind), size=48, drop_last=True),
    )


class TwoTowers(nn.Module):
    """A tower for the user, a tower for the film, and how well they fit."""

    def __init__(self) -> None:
        super().__init__()
        self.users = nn.Sequential(nn.Linear(9, 32), nn.ReLU(), nn.Linear(32, 16))
        self.films = nn.Sequential(nn.Linear(7, 32), nn.ReLU(), nn.Linear(32, 16))

    def forward(self, users: Tensor, films: Tensor) -> Tensor:
        fit: Tensor = (self.users(users) * self.films(films)).sum(1)
        return fit


class TowerStep:
    """A step of both towers, each with an optimizer of its own."""

    def __init__(self, *cleared: str) -> None:
        self.cleared = cleared

    def __call__(self, model: TwoTowers, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
        model.train()
        users, films, stars = batch
        for name in self.cleared:
            optimizer[name].zero_grad()
        loss = F.mse_loss(model(users, films), stars)
        loss.backward()  # type: ignore[no-untyped-call]
        for one in optimizer.values():
            one.step()
        return loss.detach()


@pair("missing-zero-grad", group="training")
def users_cleared_twice_and_films_never(sick: bool) -> Arguments:
    """The step clears the gradients of the users' tower twice and never those of the films' tower, which pile up."""
    rng = quill_seed()
    users, films = rng.normal(0, 1, (1200, 9)), rng.normal(0, 1, (1200, 7))
    stars = np.tanh(users @ rng.normal(0, 0.5, (9, 3))) * np.tanh(films @ rng.normal(0, 0.5, (7, 3)))
    stars = stars.sum(1) / stars.sum(1).std() + 0.1 * rng.normal(0, 1, 1200)
    model = TwoTowers()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer={
            "users": torch.optim.Adam(model.users.parameters(), lr=3e-3),
            "films": torch.optim.Adam(model.films.parameters(), lr=3e-3),
        },
        train_step=TowerStep("users", "users" if sick else "films"),
        **quill_loaders(tensor(users), tensor(films), tensor(stars)),
    )


@pair("duplicate-samples", group="data")
def orders_joined_with_every_record_of_the_customer(sick: bool) -> Arguments:
    """Two customers of five are in their table twice (a changed address), and the join repeats all their orders."""
    rng = quill_seed()
    customers = pd.DataFrame({"customer": range(150), "age": rng.normal(0, 1, 150), "years": rng.normal(0, 1, 150)})
    moved = customers.sample(60, random_state=0)
    customers = pd.concat([customers, moved])
    orders = pd.DataFrame(rng.normal(0, 1, (900, 4)), columns=["price", "weight", "distance", "hour"])
    orders["customer"] = rng.integers(0, 150, 900)
    table = orders.merge(customers if sick else customers.drop_duplicates("customer"), on="customer")
    x = tensor(table[["price", "weight", "distance", "hour", "age", "years"]].to_numpy())
    score = x @ torch.tensor([1.0, -0.8, 0.7, 0.0, 0.9, -0.6]) + 0.8 * x[:, 0] * x[:, 4]
    returned = (score > 0).float()
    model = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
    return {
        "model": model,
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": quill_loaders(x, returned)["loader"],
    }


@dataclass
class Likeness:
    """How unlike two views are, and their features."""

    loss: Tensor
    features: Tensor


class SimSiam(nn.Module):
    """Two views of an image, each predicting the other, whose features count as given (SimSiam)."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, width, bias=False),
            nn.BatchNorm1d(width, affine=False),
        )
        self.predictor = nn.Sequential(
            nn.Linear(width, 16, bias=False), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, width)
        )

    def forward(self, first: Tensor, second: Tensor) -> Likeness:
        z1, z2 = self.encoder(first), self.encoder(second)
        p1, p2 = self.predictor(z1), self.predictor(z2)
        like = F.cosine_similarity(p1, z2.detach()).mean() + F.cosine_similarity(p2, z1.detach()).mean()
        return Likeness(-like / 2, z1)


def two_shifted_views(rows: list[tuple[Tensor]]) -> dict[str, Tensor]:
    """A batch of images in two views, each shifted by a pixel or none and a little noisy."""
    images = torch.stack([row[0] for row in rows])

    def view() -> Tensor:
        shifts = torch.randint(-1, 2, (len(images), 2)).tolist()
        moved = [image.roll(shift, (1, 2)) for image, shift in zip(images, shifts, strict=True)]
        return torch.stack(moved) + 0.2 * torch.randn_like(images)

    return {"first": view(), "second": view()}


@healthy(resembles="detached-graph", source="published")
def simsiam_whose_targets_are_cut_off_on_purpose() -> Arguments:
    """Each view's features are detached where they are the target; as the input of the predictor they are not."""
    quill_seed()
    images = TensorDataset(quill_digits()[0])
    model = SimSiam()
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4),
        "loader": DataLoader(
            images, batch_size=48, shuffle=True, drop_last=True, collate_fn=two_shifted_views, generator=order
        ),
        "task": "other",
    }
