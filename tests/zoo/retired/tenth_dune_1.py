"""A deep perceptron, crops of an autoencoder, counted marks, packed records, a graph network and a quantised code."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_dune_parts import (
    digit_images,
    digit_rows,
    for_validation,
    marked_images,
    seeded,
    shuffled,
    split_loaders,
)


def xavier_normal(weight: Tensor, *, gain: float, bracketed: bool) -> None:
    """Fill a weight by the rule of Glorot and Bengio."""
    fan_out, fan_in = weight.shape
    std = gain * math.sqrt(2.0 / (fan_in + fan_out) if bracketed else 2.0 / fan_in + fan_out)
    nn.init.normal_(weight, 0.0, std)


@pair("exploding-gradients", "init-scale", group="backward", source="scikit-learn")
def spread_of_both_fans_without_its_brackets(sick: bool) -> Arguments:
    """The Xavier rule computes 2 / fan_in + fan_out where it means 2 / (fan_in + fan_out) (mlverse/torch#555)."""
    seeded()
    widths = [64, 64, 64, 64, 64]
    layers: list[nn.Module] = []
    for width, following in itertools.pairwise(widths):
        layers += [nn.Linear(width, following), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            xavier_normal(layer.weight, gain=1.0, bracketed=not sick)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_rows()))


class RandomCrops(Dataset[tuple[Tensor, Tensor]]):
    """Crops of eight by eight out of padded images, as inputs and as what is to be restored."""

    def __init__(self, images: Tensor, *, from_torch: bool) -> None:
        self.images = F.pad(images, (2, 2, 2, 2), value=float(images.min()))
        self.from_torch = from_torch

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if self.from_torch:
            top, left = torch.randint(0, 5, (2,)).tolist()
        else:
            top, left = np.random.default_rng().integers(0, 5, 2).tolist()
        crop = self.images[index, :, top : top + 8, left : left + 8]
        return crop, crop


class CropAutoencoder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, padding=1)
        )
        self.decoder = nn.Sequential(
            nn.ReLU(), nn.ConvTranspose2d(24, 16, 2, stride=2), nn.ReLU(), nn.Conv2d(16, 1, 3, padding=1)
        )

    def forward(self, x: Tensor) -> Tensor:
        restored: Tensor = self.decoder(self.encoder(x))
        return restored


@pair("nondeterminism", group="backward", source="scikit-learn")
def crops_that_no_seed_reaches(sick: bool) -> Arguments:
    """The places of the crops are drawn from a fresh `default_rng()`, which no seed reaches (SURF-ML/2D-VQ-AE-2#12)."""
    seeded()
    model = CropAutoencoder()
    images, _ = digit_images(600)
    return {
        "model": model,
        "loader": shuffled(RandomCrops(images, from_torch=not sick)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "regression",
    }


class MarkFinder(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Dropout2d(0.1),
            nn.Conv2d(16, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 1, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.body(x)
        return logits


@torch.no_grad()
def weights_of_false_marks(model: nn.Module, images: Tensor, maps: Tensor) -> Tensor:
    """Weights of the pixels: two where the model, as it would predict, sees a mark that is not there."""
    model.eval()
    seen: Tensor = model(images) > 0
    return 1.0 + (seen & (maps == 0)).float()


def step_in_the_mode_of_the_weights(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    images, maps = batch
    weights = weights_of_false_marks(model, images, maps)
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(model(images), maps, weights)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def step_after_the_weights(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    images, maps = batch
    weights = weights_of_false_marks(model, images, maps)
    model.train()
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(model(images), maps, weights)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("train-eval-mode", group="wiring")
def step_left_in_eval_by_its_blob_weights(sick: bool) -> Arguments:
    """The helper that seeks false blobs sets eval mode, and so the step goes on (ServiceNow/LCFCN#20)."""
    seeded()
    model = MarkFinder()
    images, maps = marked_images(500)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=step_in_the_mode_of_the_weights if sick else step_after_the_weights,
        **split_loaders(images, maps.amax(1, keepdim=True)),
    )


class PackedRecords(IterableDataset[tuple[Tensor, Tensor]]):
    """Records read one after another from a pack; only those within a chunk of 64 are shuffled."""

    def __init__(self, images: Tensor, classes: Tensor) -> None:
        self.images, self.classes = images, classes

    def __len__(self) -> int:
        return len(self.images)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(self.images), 64):
            chunk = range(start, min(start + 64, len(self.images)))
            for i in torch.randperm(len(chunk)).tolist():
                yield self.images[chunk[i]], self.classes[chunk[i]]


@pair("not-shuffled", group="data", source="scikit-learn")
def list_packed_class_after_class(sick: bool) -> Arguments:
    """The list was written folder by folder and not shuffled before the records were packed (apache/mxnet#4220)."""
    seeded()
    images, classes = digit_images(1024)
    listing = torch.argsort(classes, stable=True)
    if not sick:
        listing = listing[torch.randperm(len(listing))]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
    )
    return {
        "model": model,
        "loader": DataLoader(PackedRecords(images[listing], classes[listing]), batch_size=32),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    }


class AttentionOverNodes(nn.Module):
    """One head of graph attention with a residual, projected where the widths differ."""

    def __init__(self, width: int, out: int, *, added: bool) -> None:
        super().__init__()
        self.features = nn.Linear(width, out, bias=False)
        self.left, self.right = nn.Linear(out, 1, bias=False), nn.Linear(out, 1, bias=False)
        self.residual = nn.Linear(width, out) if width != out else None
        self.added = added

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        seq_fts: Tensor = self.features(nodes)
        scores = F.leaky_relu(self.left(seq_fts) + self.right(seq_fts).transpose(1, 2), 0.2)
        ret = torch.softmax(scores.masked_fill(edges == 0, -1e9), -1) @ seq_fts
        if self.residual is not None:
            ret = ret + self.residual(nodes)
        elif self.added:
            ret = ret + nodes
        else:
            seq_fts = ret + nodes
        return F.elu(ret)


class GraphClassifier(nn.Module):
    def __init__(self, *, added: bool) -> None:
        super().__init__()
        self.first = AttentionOverNodes(6, 24, added=added)
        self.second = AttentionOverNodes(24, 24, added=added)
        self.head = nn.Linear(24, 2)

    def forward(self, nodes: Tensor, edges: Tensor) -> Tensor:
        logits: Tensor = self.head(self.second(self.first(nodes, edges), edges).mean(1))
        return logits


@pair("unused-result", group="wiring", source="published")
def residual_put_under_the_wrong_name(sick: bool) -> Arguments:
    """The residual sum of the attention layer is stored under a name that nobody reads again (PetarV-/GAT#11)."""
    seeded()
    nodes = torch.randn(800, 10, 6)
    edges = torch.rand(800, 10, 10) < 0.3
    edges = (edges | edges.transpose(1, 2) | torch.eye(10, dtype=torch.bool)).float()
    neighbours = edges @ nodes[:, :, :2] / edges.sum(-1, keepdim=True)
    y = ((neighbours[..., 0] * nodes[..., 3]).mean(1) + 0.3 * nodes[..., 1].mean(1) > 0).long()
    model = GraphClassifier(added=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(nodes, edges, y))


class QuantisedAutoencoder(nn.Module):
    """An autoencoder whose code is replaced by the nearest entries of a book, gradients going straight through."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(24, 8, 3, padding=1)
        )
        self.book = nn.Parameter(0.3 * torch.randn(32, 8))
        self.decoder = nn.Sequential(nn.ConvTranspose2d(8, 24, 2, stride=2), nn.ReLU(), nn.Conv2d(24, 1, 3, padding=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code: Tensor = self.encoder(x).permute(0, 2, 3, 1)
        nearest = self.book[(code.unsqueeze(-2) - self.book).square().sum(-1).argmin(-1)]
        commitment = (nearest - code.detach()).square().mean() + 0.25 * (nearest.detach() - code).square().mean()
        passed = code + (nearest - code).detach()
        return self.decoder(passed.permute(0, 3, 1, 2)), commitment


def restored_and_committed(outputs: tuple[Tensor, Tensor], images: Tensor) -> Tensor:
    restored, commitment = outputs
    return F.mse_loss(restored, images) + commitment


@healthy(resembles="zero-gradient-path", source="published")
def code_whose_gradient_goes_straight_through() -> Arguments:
    """The nearest entry has no gradient; the encoder gets its copy's, as meant (CompVis/taming-transformers#35)."""
    seeded()
    images, _ = digit_images(800)
    model = QuantisedAutoencoder()
    return {
        "model": model,
        "loader": shuffled(TensorDataset(images[:640], images[:640])),
        "val_loader": for_validation(TensorDataset(images[640:], images[640:])),
        "loss_fn": restored_and_committed,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "other",
    }
