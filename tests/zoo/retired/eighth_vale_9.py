"""Healthy programs that somebody took for broken, and one with a reported bug in shapes and its mended twin."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from transformers import DistilBertConfig, DistilBertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    one_after_another,
    padded_topics,
    relu_stack,
    seed_all_three,
    train_and_validation,
)


class TwoViews(Dataset[tuple[Tensor, Tensor]]):
    """Two random views of each image: moved by a pixel, brighter or darker, noisy."""

    def __init__(self, images: Tensor) -> None:
        """Keep the images."""
        self.images = images

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def view(self, image: Tensor) -> Tensor:
        """One view."""
        moved = torch.roll(image, torch.randint(-1, 2, (2,)).tolist(), (1, 2))
        return (moved * (0.8 + 0.4 * torch.rand(())) + 0.05 * torch.randn_like(image)).clamp(0, 1)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give two views of an image."""
        return self.view(self.images[index]), self.view(self.images[index])


class MomentumContrast(nn.Module):
    """An encoder of queries, its moving average for the keys, and a queue of earlier keys."""

    queue: Tensor

    def __init__(self, width: int = 24, queued: int = 256) -> None:
        """Build both encoders and the queue."""
        super().__init__()
        self.queries = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), relu_stack(256, 64, width)
        )
        self.keys = copy.deepcopy(self.queries).requires_grad_(False)
        self.register_buffer("queue", F.normalize(torch.randn(queued, width), dim=1))

    @torch.no_grad()
    def follow(self, key: Tensor, decay: float = 0.998) -> None:
        """Move the keys' encoder towards the queries' and put the keys into the queue."""
        for mean, own in zip(self.keys.parameters(), self.queries.parameters(), strict=True):
            mean.lerp_(own, 1 - decay)
        self.queue = torch.cat([key, self.queue])[: len(self.queue)]

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Logits, of which the first is that of the image's own key, and the keys."""
        query = F.normalize(self.queries(first), dim=1)
        with torch.no_grad():
            key = F.normalize(self.keys(second), dim=1)
        own = (query * key).sum(1, keepdim=True)
        return torch.cat([own, query @ self.queue.clone().mT], 1) / 0.1, key


def momentum_contrast_step(model: MomentumContrast, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One update of the queries' encoder, then the keys follow."""
    optimizer.zero_grad()
    logits, key = model(batch[0], batch[1])
    loss = F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
    loss.backward()
    optimizer.step()
    model.follow(key)
    return loss.detach()


@healthy(resembles="label-range", source="published")
def every_label_is_zero() -> Arguments:
    """All labels of the cross-entropy are 0, since the key of an image itself always comes first (dddzg/MoCo#2)."""
    seed_all_three()
    model = MomentumContrast()
    loader = in_random_order(TwoViews(digits_in_unit_range(images=True)[0][:1200]), 64, drop_last=True)
    for first, second in loader:
        model.follow(model(first, second)[1])
    return {
        "model": model,
        "loader": loader,
        "split": lambda batch: (tuple(batch), None),
        "forward": lambda model, batch: model(*batch)[0],
        "optimizer": torch.optim.Adam(model.queries.parameters(), lr=2e-3),
        "train_step": momentum_contrast_step,
        "task": "other",
    }


class Translator(nn.Module):
    """An image to an image of another domain: down, a residual block, up, tanh."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.down = nn.Conv2d(1, 24, 3, stride=2, padding=1)
        self.first, self.second = nn.Conv2d(24, 24, 3, padding=1), nn.Conv2d(24, 24, 3, padding=1)
        self.up, self.last = nn.ConvTranspose2d(24, 24, 4, stride=2, padding=1), nn.Conv2d(24, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        """The image in the other domain."""
        x = F.relu(self.down(image))
        x = x + self.second(F.relu(self.first(x)))
        return torch.tanh(self.last(F.relu(self.up(x))))


@healthy(resembles="output-range", source="scikit-learn")
def tanh_for_images_from_minus_one_to_one() -> Arguments:
    """The generator ends in a tanh, and the images it is to give are in [-1, 1] too.

    (junyanz/pytorch-CycleGAN-and-pix2pix#522)
    """
    seed_all_three()
    images = digits_in_unit_range(images=True)[0] * 2 - 1
    edges = (images - F.avg_pool2d(images, 3, 1, 1)).clamp(-1, 1)
    train, validation = train_and_validation(edges + 0.05 * torch.randn_like(edges), images)
    model = Translator()
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.L1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class Topics(nn.Module):
    """A DistilBERT, the mean of its states where the mask is one, and a classifier."""

    def __init__(self) -> None:
        """Build the encoder and the head."""
        super().__init__()
        config = DistilBertConfig(
            vocab_size=40,
            dim=32,
            n_layers=1,
            n_heads=4,
            hidden_dim=64,
            max_position_embeddings=16,
            initializer_range=0.1,
        )
        self.encoder = DistilBertModel(config)
        self.head = nn.Linear(32, 4)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Logits of the topic."""
        states = self.encoder(input_ids, attention_mask=attention_mask).last_hidden_state
        weight = attention_mask[..., None].to(states.dtype)
        return self.head((states * weight).sum(1) / weight.sum(1))


class Sentences(Dataset[dict[str, Tensor]]):
    """Token ids with their mask and label."""

    def __init__(self, tokens: Tensor, labels: Tensor) -> None:
        """Keep the sentences."""
        self.tokens, self.labels = tokens, labels

    def __len__(self) -> int:
        """Count the sentences."""
        return len(self.tokens)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Give a sentence."""
        ids = self.tokens[index]
        return {"input_ids": ids, "attention_mask": (ids != 0).long(), "labels": self.labels[index]}


@healthy(resembles="padding-leak", source="transformers")
def states_of_padding_that_are_not_zero() -> Arguments:
    """The states of padded positions are not zero, and the mean leaves them out by the mask.

    (huggingface/transformers#17463)
    """
    seed_all_three()
    tokens, labels = padded_topics(700, seed=13)
    model = Topics()
    return {
        "model": model,
        "loader": in_random_order(Sentences(tokens[:560], labels[:560])),
        "val_loader": one_after_another(Sentences(tokens[560:], labels[560:])),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "padding_value": 0,
    }


class GraphOverTime(nn.Module):
    """A recurrent graph convolution over the lags of each county, and one number a county."""

    def __init__(self, flat: bool) -> None:
        """Build the layers."""
        super().__init__()
        self.gate, self.candidate, self.linear = nn.Linear(8, 24), nn.Linear(8, 24), nn.Linear(24, 1)
        self.flat = flat

    def forward(self, lags: Tensor, edges: Tensor) -> Tensor:
        """The next number of cases of each county of one week."""
        mixed = torch.cat([lags, edges @ lags], 1)
        state = torch.sigmoid(self.gate(mixed)) * torch.tanh(self.candidate(mixed))
        y = self.linear(F.relu(state))
        return y.squeeze(1) if self.flat else y


class Weeks(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """One graph a week: lags and the next value of each county."""

    def __init__(self, cases: Tensor, edges: Tensor, lags: int = 4) -> None:
        """Keep the series."""
        self.cases, self.edges, self.lags = cases, edges, lags

    def __len__(self) -> int:
        """Count the weeks that have all lags."""
        return len(self.cases) - self.lags

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Give lags, edges and the week after them."""
        return self.cases[index : index + self.lags].mT, self.edges, self.cases[index + self.lags]


def only_one(rows: list[Any]) -> Any:
    """A batch is one week."""
    return rows[0]


def error_of_a_week(prediction: Tensor, cases: Tensor) -> Tensor:
    """Mean squared error."""
    return torch.mean((prediction - cases) ** 2)


@pair("silent-broadcast", group="wiring", source="published")
def column_of_counties_minus_their_row(sick: bool) -> Arguments:
    """The prediction has a column, the cases of the counties are flat, and their difference is a square.

    (benedekrozemberczki/pytorch_geometric_temporal#233)
    """
    seed_all_three()
    near = (torch.rand(20, 20) < 0.15).float().fill_diagonal_(1)
    edges = near / near.sum(1, keepdim=True)
    cases = [torch.randn(20)]
    for _ in range(500):
        cases.append(1.05 * torch.tanh(1.6 * edges @ cases[-1]) * 0.9 - 0.3 * cases[-1] + 0.45 * torch.randn(20))
    series = torch.stack(cases)
    series = (series - series.mean()) / series.std()
    model = GraphOverTime(flat=not sick)
    return {
        "model": model,
        "loader": in_random_order(Weeks(series[:400], edges), 1, collate_fn=only_one),
        "val_loader": one_after_another(Weeks(series[400:], edges), 1, collate_fn=only_one),
        "loss_fn": error_of_a_week,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "task": "regression",
    }
