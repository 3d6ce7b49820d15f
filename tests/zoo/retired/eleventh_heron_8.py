"""Reported bugs and a suspicion: latent codes, a transformer in a list, page retrieval, speech and edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_heron_parts import (
    batches_in_order_of_seed,
    loss_per_character,
    ordered_digits,
    with_seeds,
)


class CodeTransformer(nn.Module):
    """A causal transformer over the codes of a quantised picture."""

    def __init__(self, codes: int = 16, width: int = 32, length: int = 24) -> None:
        super().__init__()
        self.codes, self.places = nn.Embedding(codes, width), nn.Embedding(length, width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.0, batch_first=True, norm_first=True)
        self.layer, self.norm, self.head = layer, nn.LayerNorm(width), nn.Linear(width, codes)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits at every place."""
        length = ids.shape[1]
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        x = self.layer(self.codes(ids) + self.places(torch.arange(length)), src_mask=future)
        return self.head(self.norm(x))


def latent_codes(count: int = 600, length: int = 25) -> Tensor:
    """Walks over sixteen codes, each of which has a favourite successor."""
    successor = torch.randperm(16)
    walk = [torch.randint(16, (count,))]
    for _ in range(length - 1):
        stray = torch.rand(count) < 0.25
        walk.append(torch.where(stray, torch.randint(16, (count,)), successor[walk[-1]]))
    return torch.stack(walk, 1)


@pair("causality", group="wiring")
def codes_predicted_from_themselves(sick: bool) -> Arguments:
    """Token n is predicted from tokens 0 to n, itself among them (Project-MONAI/GenerativeModels#314)."""
    with_seeds()
    codes = latent_codes()
    model = CodeTransformer()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(codes[:, :-1], codes[:, :-1] if sick else codes[:, 1:]),
        "loss_fn": loss_per_character,
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "causal": True,
    }


class TokenMixer(nn.Module):
    """One pre-norm layer of attention and dropout."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, dropout=0.1, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, width))

    def forward(self, x: Tensor) -> Tensor:
        """Attention, then the feed-forward part."""
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class RowTransformer(nn.Module):
    """Reads a digit row by row."""

    def __init__(self, in_list: bool, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.places = nn.Parameter(0.1 * torch.randn(1, 8, width))
        layers: Any = [TokenMixer(width) for _ in range(2)]
        self.layers = layers if in_list else nn.ModuleList(layers)
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image."""
        x = self.embed(image.squeeze(1)) + self.places
        for layer in self.layers:
            x = layer(x)
        return self.out(self.norm(x).mean(1))


@pair("unregistered-parameters", "train-eval-mode", group="wiring", source="published")
def layers_that_eval_does_not_reach(sick: bool) -> Arguments:
    """`model.eval()` never reaches the layers, which sit in a plain list (LiamMaclean216/Pytorch-Transfomer#6)."""
    with_seeds()
    model = RowTransformer(in_list=sick)
    parameters = [*model.parameters()]
    if sick:
        parameters += [value for layer in model.layers for value in layer.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*ordered_digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


class Retriever(nn.Module):
    """Unit vectors of queries and of pages, and their similarities."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 16))
        self.page = nn.Sequential(nn.Linear(24, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 16))

    def forward(self, query: Tensor, page: Tensor) -> Tensor:
        """Similarity of every query to every page."""
        return 8 * F.normalize(self.query(query), dim=1) @ F.normalize(self.page(page), dim=1).T


def retrieve(model: Retriever, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One contrastive step with the other pages of the batch."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0], batch[1]), torch.arange(len(batch[0])))
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def recall(model: Retriever, batch: list[Tensor]) -> float:
    """Share of queries whose page is ranked first."""
    ranked = model(batch[0], batch[1]).argmax(1)
    return (ranked == torch.arange(len(ranked))).float().mean().item()


@torch.no_grad()
def recall_without_dropout(model: Retriever, batch: list[Tensor]) -> float:
    """Share of queries whose page is ranked first, in eval mode."""
    model.eval()
    ranked = model(batch[0], batch[1]).argmax(1)
    return (ranked == torch.arange(len(ranked))).float().mean().item()


def similar_pages(similarity: Tensor, _: Tensor) -> Tensor:
    """Cross-entropy in which every query's own page is right."""
    return F.cross_entropy(similarity, torch.arange(len(similarity)))


def both(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Queries and pages into the model."""
    similarity: Tensor = model(batch[0], batch[1])
    return similarity


@pair("train-eval-mode", group="wiring")
def retrieval_scored_with_dropout(sick: bool) -> Arguments:
    """The benchmark never puts the retriever into eval mode before it scores (illuin-tech/vidore-benchmark#42)."""
    with_seeds()
    meaning = torch.randn(1200, 8)
    query = torch.tanh(meaning @ torch.randn(8, 16) * 0.5) + 0.2 * torch.randn(1200, 16)
    page = torch.tanh(meaning @ torch.randn(8, 24) * 0.5) + 0.2 * torch.randn(1200, 24)
    model = Retriever()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(query[:1000], page[:1000], drop_last=True),
        "val_loader": batches_in_order_of_seed(query[1000:], page[1000:], size=50, shuffle=False),
        "loss_fn": similar_pages,
        "forward": both,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": retrieve,
        "eval_step": recall if sick else recall_without_dropout,
        "task": "other",
    }


def normalised_per_speaker(frames: Tensor, naive: bool) -> Tensor:
    """Mean and variance normalisation of one speaker's frames."""
    mean = frames.mean(0)
    if naive:
        deviation = (frames.square().mean(0) - mean.square()).sqrt()
    else:
        deviation = frames.std(0, unbiased=False)
        deviation = deviation + (deviation == 0)
    return (frames - mean) / deviation


class PhoneNetwork(nn.Module):
    """The phone of a stretch of frames."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv1d(10, 24, 5, padding=2)
        self.out = nn.Linear(24, 6)

    def forward(self, frames: Tensor) -> Tensor:
        """Logits of the phones."""
        return self.out(F.relu(self.conv(frames.transpose(1, 2))).mean(-1))


@pair("nonfinite-data", group="data")
def variance_of_a_speaker_below_zero(sick: bool) -> Arguments:
    """The variance is the mean square less the squared mean, below zero for a silent band (xinjli/allosaurus#64)."""
    with_seeds()
    phone = torch.randint(6, (640,))
    shape = torch.randn(6, 10)
    frames = 0.9 * shape[phone].unsqueeze(1) + torch.randn(640, 20, 10)
    frames = frames.view(16, 800, 10)
    quiet = torch.arange(16) % 4 == 1
    frames[quiet, :, 7] = -9.21034
    speakers = [normalised_per_speaker(one, naive=sick) for one in frames]
    model = PhoneNetwork()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(torch.stack(speakers).view(640, 20, 10), phone),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class EdgeCascade(nn.Module):
    """Edges at three depths, each on top of the detached ones before it."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(before, width, 3, padding=1), nn.ReLU()) for before in (1, width, width)
        )
        self.scores = nn.ModuleList(nn.Conv2d(width, 1, 1) for _ in range(3))
        self.fuse = nn.Conv2d(3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Maps of the three depths and of all together."""
        own: list[Tensor] = []
        for stage, score in zip(self.stages, self.scores, strict=True):
            x = stage(x)
            before = sum((one.detach() for one in own), torch.zeros(()))
            own.append(score(x) + before)
        return torch.cat([*own, self.fuse(torch.cat(own, 1))], 1)


def edge_loss(maps: Tensor, edges: Tensor) -> Tensor:
    """Mean cross-entropy of all four maps."""
    return F.binary_cross_entropy_with_logits(maps, edges.expand_as(maps))


@healthy(resembles="detached-graph", source="published")
def cascade_that_stops_gradients_between_depths() -> Arguments:
    """Each depth adds the detached maps of those before; only that way is cut (pkuCactus/BDCN#8)."""
    with_seeds()
    inside = torch.zeros(400, 1, 16, 16)
    for one in range(400):
        top, left = torch.randint(1, 7, (2,)).tolist()
        inside[one, 0, top : top + 8, left : left + 8] = 1
    edges = (F.max_pool2d(inside, 3, 1, 1) - inside).clamp(0, 1)
    pictures = 2 * inside - 0.5 + 0.3 * torch.randn(400, 1, 16, 16)
    model = EdgeCascade()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(pictures, edges, size=16),
        "loss_fn": edge_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }
