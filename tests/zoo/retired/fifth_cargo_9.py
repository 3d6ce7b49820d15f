"""Memories, warm-ups, frozen features and gates: programs of the fifth set, ninth hand."""
# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

from collections import deque

import torch
from sklearn.datasets import load_breast_cancer, load_digits
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, TensorDataset
from transformers import BertConfig, BertForSequenceClassification, get_cosine_schedule_with_warmup

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.fifth_cargo_parts import cargo_digits, cargo_loader, cargo_loaders, cargo_start, cargo_table


class LeNetWithMemory(nn.Module):
    """LeNet of LeCun et al. for small images, and the features of the last batches."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 3, padding=1),
            nn.Tanh(),
            nn.Flatten(),
        )
        self.classes = nn.Sequential(nn.Linear(256, 84), nn.Tanh(), nn.Linear(84, 10))
        self.recent: deque[Tensor] = deque(maxlen=8)

    def forward(self, x: Tensor) -> Tensor:
        h = self.features(x)
        self.recent.append(h.detach())
        return self.classes(h)


@healthy(resembles="memory-growth", source="published")
def features_of_the_last_eight_batches() -> Arguments:
    """Every forward pass keeps its features, but cut from their graph and only until eight newer ones have come."""
    cargo_start()
    model = LeNetWithMemory()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits()))


def as_bert_batch(rows: list[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
    """Word ids, a mask without padding, and classes."""
    ids, kinds = torch.stack([row for row, _ in rows]), torch.stack([kind for _, kind in rows])
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": kinds}


@healthy(resembles="learning-rate", source="transformers")
def bert_whose_rate_is_zero_at_the_first_step() -> Arguments:
    """The warm-up starts from a rate of exactly zero; its peak is an ordinary one."""
    cargo_start()
    kinds = torch.randint(0, 3, (640,))
    ids = torch.randint(15, 60, (640, 16))
    own = 3 + 4 * kinds[:, None] + torch.randint(0, 4, (640, 16))
    ids = torch.where(torch.rand(640, 16) < 0.3, own, ids)
    rows = list(zip(ids, kinds, strict=True))
    config = BertConfig(
        vocab_size=60, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=16,
    )  # fmt: skip
    config.num_labels = 3
    model = BertForSequenceClassification(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    generator = torch.Generator().manual_seed(9)
    return {
        "model": model,
        "loader": DataLoader(rows[:512], batch_size=32, shuffle=True, generator=generator, collate_fn=as_bert_batch),  # type: ignore[arg-type]
        "val_loader": DataLoader(rows[512:], batch_size=32, collate_fn=as_bert_batch),  # type: ignore[arg-type]
        "optimizer": optimizer,
        "scheduler": get_cosine_schedule_with_warmup(optimizer, num_warmup_steps=40, num_training_steps=400),
        "total_steps": 400,
        "task": "classification",
    }


@healthy(resembles="optimizer-mismatch", source="scikit-learn")
def head_alone_given_to_the_optimizer() -> Arguments:
    """The optimizer holds the head alone, since the features below it are frozen."""
    cargo_start()
    x, y = cargo_digits()
    first, second = nn.Conv2d(1, 32, 3), nn.Conv2d(32, 32, 3, stride=2)
    nn.init.kaiming_normal_(first.weight)
    nn.init.kaiming_normal_(second.weight)
    features = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten())
    features.requires_grad_(False)
    head = nn.Linear(128, 10)
    optimizer = torch.optim.Adam(head.parameters(), lr=3e-3)
    return dict(
        model=nn.Sequential(features, head), loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y)
    )


class SqueezeExcite(nn.Module):
    """The channel gates of Hu et al."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, channels // 2, 1),
            nn.SiLU(),
            nn.Conv2d(channels // 2, channels, 1),
            nn.Sigmoid(),
        )
        nn.init.constant_(self.gate[3].bias, 3.0)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)


@healthy(resembles="saturated-units", source="published")
def channel_gates_that_start_open() -> Arguments:
    """The gates of squeeze-and-excitation start near one by their bias, as open gates do."""
    cargo_start()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.SiLU(), SqueezeExcite(16),
        nn.Conv2d(16, 32, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(32), nn.SiLU(), SqueezeExcite(32),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(*cargo_digits()))


@healthy(resembles="not-shuffled", source="scikit-learn")
def digits_stored_by_class_and_drawn_at_random() -> Arguments:
    """The data set lies in order of its classes; `shuffle` is not set, since a random sampler draws the rows."""
    cargo_start()
    images, labels = load_digits(n_class=6, return_X_y=True)
    rows = torch.tensor(images, dtype=torch.float32)
    rows = (rows - rows.mean()) / rows.std()
    kinds = torch.tensor(labels, dtype=torch.long)
    held_out = torch.arange(len(kinds)) % 5 == 0
    by_class = torch.where(~held_out)[0][torch.argsort(kinds[~held_out], stable=True)]
    data = TensorDataset(rows[by_class], kinds[by_class])
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 6))
    return {
        "model": model,
        "loader": DataLoader(
            data, batch_size=32, sampler=RandomSampler(data, generator=torch.Generator().manual_seed(3))
        ),
        "val_loader": cargo_loader(rows[held_out], kinds[held_out], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


@healthy(resembles="regularised-debug-run", source="scikit-learn")
def biopsies_under_dropout_and_decoupled_decay() -> Arguments:
    """A weight decay of 0.1 and dropout of 0.3: the decay is decoupled and times the rate, so it is learnt."""
    cargo_start()
    x, y = cargo_table(load_breast_cancer)
    model = nn.Sequential(
        nn.Linear(30, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 2)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.1)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **cargo_loaders(x, y.long()))
