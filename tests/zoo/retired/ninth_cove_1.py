"""Reported bugs of shapes, masks, scales and evaluation, each beside the program as it was mended."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_cove_parts import (
    cross_entropy_of_tokens,
    dealt,
    digits_as_images,
    hit_share,
    markov_text,
    pictures_of_blobs,
    sow_seeds,
)


@pair("silent-broadcast", group="wiring")
def target_vector_beside_a_column_of_predictions(sick: bool) -> Arguments:
    """The linear regression predicts a column and is compared with a flat vector of targets (pytorch/pytorch#16045)."""
    sow_seeds()
    x = torch.randn(480, 2)
    y = 0.97 * x[:, 0] - 0.22 * x[:, 1] + 0.05 * torch.randn(480)
    model = nn.Linear(2, 1)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1),
        task="regression",
        **dealt(x, y if sick else y.reshape(-1, 1)),
    )


class SelfAttention(nn.Module):
    """Attention by the fused kernel, or by hand where the weights are dropped out."""

    def __init__(self, width: int, heads: int, dropout: float, masked_by_hand: bool) -> None:
        super().__init__()
        self.heads, self.masked_by_hand = heads, masked_by_hand
        self.dropout = nn.Dropout(dropout)
        self.to_qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = self.to_qkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        if self.dropout.p == 0:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
            if self.masked_by_hand:
                later = torch.ones(length, length, dtype=torch.bool, device=x.device).triu(1)
                scores = scores.masked_fill(later, float("-inf"))
            mixed = self.dropout(scores.softmax(-1)) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))  # type: ignore[no-any-return]


class SmallDecoder(nn.Module):
    """A decoder of two blocks over tokens."""

    def __init__(self, letters: int, length: int, masked_by_hand: bool, width: int = 48) -> None:
        super().__init__()
        self.tokens = nn.Embedding(letters, width)
        self.places = nn.Embedding(length, width)
        self.attentions = nn.ModuleList(SelfAttention(width, 4, 0.1, masked_by_hand) for _ in range(2))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 96), nn.GELU(), nn.Linear(96, width)) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(5))
        self.head = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.tokens(ids) + self.places(torch.arange(ids.shape[1], device=ids.device))
        for i, (attention, mlp) in enumerate(zip(self.attentions, self.mlps, strict=True)):
            x = x + attention(self.norms[2 * i](x))
            x = x + mlp(self.norms[2 * i + 1](x))
        return self.head(self.norms[4](x))  # type: ignore[no-any-return]


@pair("causality", group="wiring")
def causal_mask_lost_where_attention_drops_out(sick: bool) -> Arguments:
    """With dropout the attention is done by hand, and there without its mask (keras-team/keras#23038)."""
    sow_seeds()
    text = markov_text(640, 17, 20)
    model = SmallDecoder(20, 16, masked_by_hand=not sick)
    return dict(
        model=model,
        loss_fn=cross_entropy_of_tokens,
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="language-model",
        causal=True,
        **dealt(text[:, :-1].contiguous(), text[:, 1:].contiguous()),
    )


class PointSegmenter(nn.Module):
    """A PointNet that gives every point of a cloud a class."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.local = nn.Sequential(nn.Conv1d(3, 32, 1), nn.ReLU(), nn.Conv1d(32, 64, 1), nn.ReLU())
        self.head = nn.Sequential(nn.Conv1d(128, 64, 1), nn.ReLU(), nn.Conv1d(64, classes, 1))

    def forward(self, points: Tensor) -> Tensor:
        local = self.local(points)
        whole = local.amax(2, keepdim=True).expand_as(local)
        return self.head(torch.cat([local, whole], 1))  # type: ignore[no-any-return]


class ForestTrainer:
    """Trains a network on point clouds and validates it."""

    def __init__(self, model: nn.Module, updates_in_validation: bool) -> None:
        self.optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
        self.updates_in_validation = updates_in_validation

    def train_step(self, model: nn.Module, batch: list[Tensor]) -> Tensor:
        model.train()
        self.optimizer.zero_grad()
        loss = F.cross_entropy(model(batch[0]), batch[1])
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def eval_step(self, model: nn.Module, batch: list[Tensor]) -> float:
        model.eval()
        if self.updates_in_validation:
            self.optimizer.zero_grad()
            loss = F.cross_entropy(model(batch[0]), batch[1])
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimizer.step()
        else:
            with torch.no_grad():
                loss = F.cross_entropy(model(batch[0]), batch[1])
        return loss.item()


@pair("evaluation-changes-model", group="training")
def validation_loop_of_the_forest_steps(sick: bool) -> Arguments:
    """The validation of the point cloud network calls the optimizer like the training does (SKrisanski/FSCT#12)."""
    sow_seeds()
    points = torch.randn(480, 3, 32)
    trunk = points[:, :2].square().sum(1) < 0.5
    kinds = torch.where(trunk, 1, torch.where(points[:, 2] < -0.4, 0, 2))
    model = PointSegmenter(3)
    trainer = ForestTrainer(model, updates_in_validation=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=trainer.optimizer,
        train_step=trainer.train_step,
        eval_step=trainer.eval_step,
        **dealt(points, kinds),
    )


class SelectiveKernel(nn.Module):
    """Two branches of different reach, weighed against each other for every channel."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.near = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1), nn.BatchNorm2d(channels), nn.ReLU())
        self.far = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=2, dilation=2), nn.BatchNorm2d(channels), nn.ReLU()
        )
        self.squeeze = nn.Sequential(nn.Linear(channels, channels // 2), nn.ReLU())
        self.select = nn.Linear(channels // 2, 2 * channels)
        self.softmax = nn.Softmax(dim=1)

    def forward(self, x: Tensor) -> Tensor:
        branches = torch.stack([self.near(x), self.far(x)], 1)
        scores = self.select(self.squeeze(branches.sum(1).mean((2, 3))))
        weights = self.softmax(scores.view(len(x), 2, self.channels))
        return (weights[..., None, None] * branches).sum(1)  # type: ignore[no-any-return]


@healthy(resembles="batch-leak", source="published")
def softmax_over_the_branches_of_a_selective_kernel() -> Arguments:
    """The softmax over axis 1 seemed wrong; there the branches lie, as in the paper (pppLang/SKNet#1)."""
    sow_seeds()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        SelectiveKernel(16),
        nn.MaxPool2d(2),
        SelectiveKernel(16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        eval_step=hit_share,
        **dealt(*digits_as_images()),
    )


def expert_frames(count: int) -> tuple[Tensor, Tensor]:
    """Frames of a screen in bytes with a player and a goal, and the expert's move towards the goal."""
    player = 2 + 12 * torch.rand(count, 2)
    goal = 2 + 12 * torch.rand(count, 2)
    frames = torch.cat([pictures_of_blobs(player, 16, 1.2), pictures_of_blobs(goal, 16, 2.0)], 1)
    frames = 0.25 + 0.65 * frames + 0.1 * torch.rand_like(frames)
    way = goal - player
    along = way.abs().argmax(1)
    moves = 2 * along + (way.gather(1, along[:, None]).squeeze(1) > 0).long()
    return (255 * frames).round(), moves


@pair("input-scale", group="data")
def expert_frames_left_in_bytes(sick: bool) -> Arguments:
    """The data set for pretraining on an expert's frames never scales the images (hill-a/stable-baselines#328)."""
    sow_seeds()
    frames, moves = expert_frames(960)
    model = nn.Sequential(
        nn.Conv2d(2, 16, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(512, 64),
        nn.ReLU(),
        nn.Linear(64, 4),
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        eval_step=hit_share,
        **dealt(frames if sick else frames / 255, moves),
    )


class RowReader(nn.Module):
    """An LSTM that reads an image row by row."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 48, 1, batch_first=batch_first)
        self.classifier = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        out, _ = self.lstm(x)
        return self.classifier(out[:, -1, :])  # type: ignore[no-any-return]


@pair("batch-leak", group="wiring", source="scikit-learn")
def rows_of_digits_read_along_the_batch(sick: bool) -> Arguments:
    """The LSTM is not told that the batch comes first and takes the samples for its steps (pytorch/pytorch#1538)."""
    sow_seeds()
    images, classes = digits_as_images()
    model = RowReader(batch_first=not sick)
    train, held = (TensorDataset(images[part, 0], classes[part]) for part in (slice(1024), slice(1024, None)))
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": DataLoader(train, batch_size=32, shuffle=True),
        "val_loader": DataLoader(held, batch_size=32),
        "eval_step": hit_share,
    }
