"""Reported programs: a lost scan, bytes divided twice, a squeezed head, a summed loss, a split that kept its places."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import BertConfig, BertModel

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.seventh_glen_parts import (
    Pairs,
    VariationalAutoencoder,
    all_seeded,
    bound_per_image,
    bytes_of_digits,
    loader,
)


def scans(count: int = 320, points: int = 48) -> tuple[list[np.ndarray], list[int]]:
    """Point clouds in millimetres of balls, boxes, discs and rods, and their kind."""
    draw = np.random.default_rng(1)
    clouds, kinds = [], []
    for index in range(count):
        kind = int(draw.integers(4))
        ball = draw.normal(size=(points, 3))
        ball /= np.linalg.norm(ball, axis=1, keepdims=True)
        box = draw.uniform(-1, 1, (points, 3))
        shape = [ball, box, box * [1, 1, 0.05], box * [1, 0.1, 0.1]][kind]
        cloud = shape * draw.uniform(20, 60) + draw.normal(0, 200, 3)
        clouds.append(np.zeros_like(cloud) if index == 3 else cloud)
        kinds.append(kind)
    return clouds, kinds


def in_the_unit_ball(cloud: np.ndarray) -> Tensor:
    """A cloud moved to the origin and divided by its largest distance from it."""
    cloud = cloud - cloud.mean(0)
    with np.errstate(invalid="ignore"):
        return torch.from_numpy((cloud / np.linalg.norm(cloud, axis=1).max()).T.copy()).float()


class PointNet(nn.Module):
    """PointNet (Qi et al. 2017) without its transformation networks."""

    def __init__(self, kinds: int = 4) -> None:
        super().__init__()
        self.points = nn.Sequential(
            nn.Conv1d(3, 32, 1), nn.BatchNorm1d(32), nn.ReLU(), nn.Conv1d(32, 64, 1), nn.BatchNorm1d(64), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, kinds))

    def forward(self, clouds: Tensor) -> Tensor:
        result: Tensor = self.head(self.points(clouds).amax(2))
        return result


@pair("nonfinite-data", group="data", source="published")
def scan_of_one_repeated_point(sick: bool) -> Arguments:
    """One scan holds the origin over and over, so that scaling it to the unit ball divides zero by zero.

    (fxia22/pointnet.pytorch#58)
    """
    all_seeded()
    clouds, kinds = scans()
    kept = [index for index, cloud in enumerate(clouds) if sick or np.ptp(cloud) > 0]
    rows: list[tuple[Tensor, int]] = [(in_the_unit_ball(clouds[index]), kinds[index]) for index in kept]
    model = PointNet()
    return {
        "model": model,
        "loader": DataLoader(Pairs(list(rows)), batch_size=16, shuffle=True),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


@pair("input-scale", group="data", source="scikit-learn")
def pipeline_that_scales_scaled_images(sick: bool) -> Arguments:
    """The input pipeline divides by 255 what the reader of the images has divided already (pkmital/pycadl#5)."""
    all_seeded()
    images, _ = bytes_of_digits()
    images = images.float() / 255
    if sick:
        images = images / 255
    model = VariationalAutoencoder()
    return {
        "model": model,
        "loader": loader(images[:1100], images[:1100], batch=64),
        "val_loader": loader(images[1100:], images[1100:], batch=64, shuffle=False),
        "loss_fn": bound_per_image,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class Rater(nn.Module):
    """A small BERT whose first state gives one number for a text."""

    def __init__(self, *, squeezed: bool) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=50,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=16,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = nn.Linear(32, 1)
        self.squeezed = squeezed

    def forward(self, ids: Tensor) -> Tensor:
        states = self.bert(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state
        score = self.head(states[:, 0])
        result: Tensor = score.squeeze(-1) if self.squeezed else score
        return result


def rated_texts(count: int = 640) -> tuple[Tensor, Tensor]:
    """Texts (N, 12) with a leading mark, 0 as padding, and a standardised rating (N, 1): good words less bad ones."""
    draw = np.random.default_rng(2)
    ids = np.zeros((count, 12), dtype=np.int64)
    for row in ids:
        long = draw.integers(8, 13)
        row[:long] = draw.integers(2, 50, long)
        row[0] = 1
    rating = ((ids >= 2) & (ids < 14)).sum(1) - ((ids >= 14) & (ids < 26)).sum(1) + draw.normal(0, 0.2, count)
    rating = (rating - rating.mean()) / rating.std()
    return torch.from_numpy(ids), torch.from_numpy(rating).float()[:, None]


@pair("silent-broadcast", group="wiring", source="transformers")
def rating_head_that_squeezes(sick: bool) -> Arguments:
    """The regression head gives (N,) where the labels are (N, 1), and every rating is compared with every text.

    (deepset-ai/FARM#229)
    """
    all_seeded()
    texts, ratings = rated_texts()
    model = Rater(squeezed=sick)
    return {
        "model": model,
        "loader": loader(texts[:512], ratings[:512]),
        "val_loader": loader(texts[512:], ratings[512:], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
        "task": "regression",
        "padding_value": 0,
    }


class SparseAutoencoder(nn.Module):
    """An overcomplete autoencoder of activations with a ReLU code."""

    def __init__(self, width: int = 32, code: int = 96) -> None:
        super().__init__()
        self.encoder = nn.Linear(width, code)
        self.decoder = nn.Linear(code, width)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        code = F.relu(self.encoder(x))
        return self.decoder(code), code


def added_over_the_samples(outputs: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Squared error and sparsity of every sample, added up."""
    decoded, code = outputs
    return ((decoded - x).square().mean(1) + 1e-3 * code.abs().sum(1)).sum()


def averaged_over_the_batch(outputs: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Squared error and sparsity of every sample, averaged."""
    return added_over_the_samples(outputs, x) / len(x)


@pair("loss-reduction", group="wiring")
def sparse_code_loss_added_over_the_batch(sick: bool) -> Arguments:
    """The batchwise reduction of the autoencoder's loss adds where it should average, at a rate meant for the mean.

    (ai-safety-foundation/sparse_autoencoder#63)
    """
    all_seeded()
    causes = (torch.rand(1280, 24) < 0.1).float() * torch.rand(1280, 24)
    activations = causes @ F.normalize(torch.randn(24, 32), dim=1) + 0.02 * torch.randn(1280, 32)
    activations = (activations - activations.mean(0)) / activations.std(0)
    model = SparseAutoencoder()
    return {
        "model": model,
        "loader": loader(activations[:1024], activations[:1024], batch=64),
        "val_loader": loader(activations[1024:], activations[1024:], batch=64, shuffle=False),
        "loss_fn": added_over_the_samples if sick else averaged_over_the_batch,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    }


def trajectory(count: int = 700) -> tuple[Tensor, Tensor]:
    """Standardised coordinates (N, 12) along a simulation and the energy (N, 1) of each frame, standardised."""
    draw = np.random.default_rng(4)
    frames = draw.normal(size=(count, 12))
    energy = (frames[:, :6] * frames[:, 6:]).sum(1) + np.cos(frames[:, :3]).sum(1) + draw.normal(0, 0.1, count)
    energy = (energy - energy.mean()) / energy.std()
    return torch.from_numpy(frames).float(), torch.from_numpy(energy).float()[:, None]


@pair("split-leak", group="data")
def split_that_indexes_the_whole_set(sick: bool) -> Arguments:
    """Places within the list of training frames are used as places in the whole simulation.

    Frames of the test list are trained on with it (sarpaykent/GotenNet#10).
    """
    all_seeded()
    frames, energy = trajectory()
    order = torch.randperm(len(frames), generator=torch.Generator().manual_seed(1))
    listed, test = order[:500], order[500:]
    places = torch.randperm(len(listed), generator=torch.Generator().manual_seed(2))[:450]
    train = places if sick else listed[places]
    model = nn.Sequential(nn.Linear(12, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 1))
    return {
        "model": model,
        "loader": loader(frames[train], energy[train]),
        "val_loader": loader(frames[test], energy[test], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }
