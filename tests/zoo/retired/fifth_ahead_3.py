"""Broken programs and twins: a data module, two heads, a language model, BERT and radial units."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, TensorDataset
from transformers import BertConfig, BertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Named,
    markov_tokens,
    record_loaders,
    scaled_digit_images,
    seed_three_libraries,
    shuffling_loader,
    standardised_table,
    topic_sentences,
    train_and_val_columns,
    two_hidden_layers,
)


class TumourData:
    """The table of tumours, of which each loader gets its part of a random order."""

    def __init__(self, once: bool) -> None:
        x, y = standardised_table(load_breast_cancer())
        self.x, self.y = x, y.float()[:, None]
        self.order = torch.randperm(len(x)) if once else None

    def part(self, train: bool) -> TensorDataset:
        order = torch.randperm(len(self.x)) if self.order is None else self.order
        cut = int(0.8 * len(order))
        chosen = order[:cut] if train else order[cut:]
        return TensorDataset(self.x[chosen], self.y[chosen])


@pair("split-leak", group="data", source="scikit-learn")
def order_drawn_anew_for_each_loader(sick: bool) -> Arguments:
    """The random order is drawn for the training loader and again for validation, which mostly holds trained rows."""
    seed_three_libraries(301)
    data = TumourData(once=not sick)
    model = two_hidden_layers(30, 32, 1)
    return {
        "model": model,
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "loader": shuffling_loader(data.part(train=True)),
        "val_loader": DataLoader(data.part(train=False), batch_size=32),
        "task": "binary",
    }


class DigitAndInk(nn.Module):
    """A trunk of convolutions with a head for the digit and a head for the amount of ink in each quarter."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 3, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(384, 48),
            nn.ReLU(),
        )
        self.digit = nn.Linear(48, 10)
        self.ink = nn.Sequential(nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 4))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        h = self.trunk(x)
        return self.digit(h), self.ink(h)


class TwoTasks:
    """The loss of both tasks, and the last value of each for the progress bar."""

    def __init__(self, weight: float, added: bool) -> None:
        self.weight = weight
        self.added = added
        self.last: dict[str, float] = {}

    def __call__(self, outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, Tensor]) -> Tensor:
        digit = F.cross_entropy(outputs[0], targets[0])
        ink = F.mse_loss(outputs[1], targets[1])
        self.last = {"digit": digit.item(), "ink": ink.item()}
        return digit + self.weight * ink if self.added else digit


def image_and_both_targets(batch: Named) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Inputs and targets."""
    return batch["image"], (batch["digit"], batch["ink"])


@pair("unused-parameters", group="wiring", source="scikit-learn")
def second_task_logged_and_not_trained(sick: bool) -> Arguments:
    """The loss of the second head is computed and logged, and never added to what is minimised."""
    seed_three_libraries(302)
    x, y = scaled_digit_images()
    quarters = F.avg_pool2d(x, 4).flatten(1)
    ink = (quarters - quarters.mean(0)) / quarters.std(0)
    model = DigitAndInk()
    return dict(
        model=model,
        loss_fn=TwoTasks(0.5, added=not sick),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        split=image_and_both_targets,
        task="other",
        **record_loaders(image=x, digit=y, ink=ink),
    )


class TiedDecoder(nn.Module):
    """A decoder whose head is its embedding."""

    def __init__(self, scale: float, vocab: int = 24, width: int = 48, length: int = 20) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.place = nn.Embedding(length, width)
        nn.init.normal_(self.embed.weight, std=scale)
        nn.init.normal_(self.place.weight, std=0.02)
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)
        )
        self.last = nn.LayerNorm(width)

    def forward(self, ids: Tensor) -> Tensor:
        size = ids.shape[1]
        h = self.embed(ids) + self.place(torch.arange(size, device=ids.device))
        n = self.norm(h)
        ahead = torch.ones(size, size, dtype=torch.bool, device=ids.device).triu(1)
        h = h + self.attention(n, n, n, attn_mask=ahead, need_weights=False)[0]
        h = h + self.feed(h)
        return F.linear(self.last(h), self.embed.weight)


def loss_per_token(scores: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the tokens."""
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


@pair("loss-at-init", group="init", source="published")
def tied_embedding_at_unit_scale(sick: bool) -> Arguments:
    """The embedding, which is also the output layer, keeps its default unit scale, and the first scores are wild."""
    seed_three_libraries(303)
    model = TiedDecoder(scale=1.0 if sick else 0.02)
    ids = markov_tokens(800)
    return dict(
        model=model,
        loss_fn=loss_per_token,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="language-model",
        causal=True,
        **train_and_val_columns(ids[:, :-1], ids[:, 1:]),
    )


def step_of_bert(model: nn.Module, batch: Named, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step with clipping."""
    model.train()
    loss: Tensor = model(**batch).loss
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return loss.detach()


def step_of_bert_wiped(model: nn.Module, batch: Named, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step with clipping."""
    model.train()
    loss: Tensor = model(**batch).loss
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.zero_grad()
    optimizer.step()
    return loss.detach()


@pair("updates-not-applied", group="training", source="transformers")
def gradients_wiped_after_clipping(sick: bool) -> Arguments:
    """`zero_grad` stands between clipping and the step of the optimizer, which then finds no gradient."""
    seed_three_libraries(304)
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
        num_labels=3,
    )
    model = BertForSequenceClassification(config)
    ids, real, y = topic_sentences(800)
    return dict(
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3),
        train_step=step_of_bert_wiped if sick else step_of_bert,
        **record_loaders(input_ids=ids, attention_mask=real.long(), labels=y),
    )


class RadialUnits(nn.Module):
    """Normalised Gaussian units around learnt centres, and a linear layer."""

    def __init__(self, stable: bool, units: int = 48) -> None:
        super().__init__()
        self.stable = stable
        self.centres = nn.Parameter(0.15 * torch.randn(units, 64))
        self.head = nn.Linear(units, 10)
        nn.init.normal_(self.head.weight)

    def forward(self, x: Tensor) -> Tensor:
        far = ((x.flatten(1)[:, None] - self.centres) ** 2).sum(2)
        if self.stable:
            share = torch.softmax(-far, 1)
        else:
            near = torch.exp(-far)
            share = near / near.sum(1, keepdim=True)
        out: Tensor = self.head(share)
        return out


@pair("nonfinite-forward", group="backward", source="scikit-learn")
def radial_units_too_far_from_all_images(sick: bool) -> Arguments:
    """For images far from every centre all Gaussians underflow to 0, and their normalisation divides 0 by 0."""
    seed_three_libraries(305)
    model = RadialUnits(stable=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x, y = scaled_digit_images()
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(1.4 * x, y))


class NoisyDigits(Dataset[Any]):
    """Images with noise that belongs to the image, drawn from a generator seeded by its index."""

    def __init__(self, x: Tensor, y: Tensor) -> None:
        self.x, self.y = x, y

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        own = torch.Generator().manual_seed(1000 + index)
        return self.x[index] + 0.2 * torch.randn(self.x[index].shape, generator=own), self.y[index]


@healthy(resembles="worker-randomness", source="scikit-learn")
def noise_that_belongs_to_each_image() -> Arguments:
    """Two workers hold copies of a data set whose noise is seeded by the index: nothing repeats between images."""
    seed_three_libraries(306)
    model = nn.Sequential(nn.Flatten(), two_hidden_layers(64, 64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    data = NoisyDigits(*scaled_digit_images(640))
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
        "loader": shuffling_loader(data, 32, num_workers=2),
    }
