"""Programs that were suspected and are right: persons of one image, labels of 0, bytes, occupied points."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import BertConfig, BertForSequenceClassification
from transformers.modeling_outputs import SequenceClassifierOutput

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.seventh_glen_parts import DigitNet, Pairs, all_seeded, bytes_of_digits, loader


class PersonSize(nn.Module):
    """The size of the person about a point of the image, which is shown as a map beside the image."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(2, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Linear(16 * 36, 48), nn.ReLU(), nn.Linear(48, 1))

    def forward(self, images: Tensor, centres: Tensor) -> Tensor:
        side = torch.linspace(-1, 1, images.shape[-1], device=images.device)
        row, column = side[None, :, None], side[None, None, :]
        distance = (row - centres[:, :1, None]) ** 2 + (column - centres[:, 1:, None]) ** 2
        result: Tensor = self.head(self.net(torch.cat([images, 2 * torch.exp(-4 * distance)[:, None]], 1)))
        return result


def crowds(count: int = 320, size: int = 12) -> list[Tensor]:
    """Images of two people, each once for each of them: image, centre of the person, size in standard units."""
    draw = np.random.default_rng(91)
    row, column = np.mgrid[:size, :size] / (size - 1) * 2 - 1
    images, centres, sizes = [], [], []
    for _ in range(count):
        middle = np.array([[draw.uniform(-0.6, 0.6), -0.5], [draw.uniform(-0.6, 0.6), 0.5]])
        spread = draw.uniform(0.15, 0.45, 2)
        image = draw.normal(0, 0.05, (size, size))
        for (y, x), radius in zip(middle, spread, strict=True):
            image += np.exp(-((row - y) ** 2 + (column - x) ** 2) / radius**2)
        for place in range(2):
            images.append(image)
            centres.append(middle[place])
            sizes.append((spread[place] - 0.3) / 0.087)
    pixels = np.stack(images)
    pixels = (pixels - pixels.mean()) / pixels.std()
    centre, size_of = np.stack(centres), np.array(sizes)
    return [torch.from_numpy(array).float() for array in (pixels[:, None], centre, size_of[:, None])]


@healthy(resembles="duplicate-samples")
def images_listed_once_for_each_person() -> Arguments:
    """Names of images occur several times, because each row is another person in the image (nkolot/SPIN#92)."""
    all_seeded()
    images, centres, sizes = crowds()
    model = PersonSize()
    return {
        "model": model,
        "loader": loader(images[:500], centres[:500], sizes[:500]),
        "val_loader": loader(images[500:], centres[500:], sizes[500:], shuffle=False),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class Reranker(nn.Module):
    """A small BERT that scores the documents of a query, the right one first."""

    def __init__(self) -> None:
        super().__init__()
        config = BertConfig(
            vocab_size=60,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=16,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
        config.num_labels = 1
        self.scorer = BertForSequenceClassification(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> SequenceClassifierOutput:
        flat = self.scorer(input_ids=input_ids.flatten(0, 1), attention_mask=attention_mask.flatten(0, 1))
        scores = flat.logits.view(input_ids.shape[:2])
        first = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
        return SequenceClassifierOutput(loss=F.cross_entropy(scores, first), logits=scores)


def queries(count: int = 400, documents: int = 4, length: int = 12) -> list[tuple[dict[str, Tensor]]]:
    """A query and a document in each row, 0 as padding; the first document answers the query in two words."""
    draw = np.random.default_rng(101)
    rows: list[tuple[dict[str, Tensor]]] = []
    for _ in range(count):
        query = draw.integers(3, 40, 3)
        ids = np.zeros((documents, length), dtype=np.int64)
        for place in range(documents):
            words = draw.integers(3, 50, draw.integers(5, 8))
            if place == 0:
                words[draw.permutation(len(words))[:3]] = [query[0], *draw.integers(50, 60, 2)]
            text = np.concatenate([[1], query, [2], words])[:length]
            ids[place, : len(text)] = text
        tensor = torch.from_numpy(ids)
        rows.append(({"input_ids": tensor, "attention_mask": (tensor != 0).long()},))
    return rows


def grouped(rows: list[tuple[dict[str, Tensor]]]) -> dict[str, Tensor]:
    """A batch of queries."""
    return {key: torch.stack([row[0][key] for row in rows]) for key in rows[0][0]}


@healthy(resembles="label-range", source="transformers")
def reranker_whose_label_is_always_zero() -> Arguments:
    """The label of every query is 0, because its right document is put first (texttron/tevatron#139)."""
    all_seeded()
    rows: list[tuple[Any, ...]] = list(queries())
    model = Reranker()
    return {
        "model": model,
        "loader": DataLoader(Pairs(rows[:320]), batch_size=16, shuffle=True, collate_fn=grouped),
        "val_loader": DataLoader(Pairs(rows[320:]), batch_size=16, collate_fn=grouped),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=1e-3),
    }


def scaled_in_the_loop(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step on bytes, which become numbers from 0 to 1 here."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0].float() / 255), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def accuracy_on_bytes(model: nn.Module, batch: list[Tensor]) -> float:
    """Accuracy on a batch of bytes."""
    model.eval()
    result: float = (model(batch[0].float() / 255).argmax(1) == batch[1]).float().mean().item()
    return result


def from_bytes(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """The scores of a batch of bytes."""
    scores: Tensor = model(batch[0].float() / 255)
    return scores


@healthy(resembles="input-scale", source="scikit-learn")
def bytes_in_the_dataset_scaled_by_the_loop() -> Arguments:
    """The dataset gives images from 0 to 255, which the training loop scales (ultralytics/yolov5#364)."""
    all_seeded()
    images, labels = bytes_of_digits()
    model = DigitNet()
    return {
        "model": model,
        "loader": loader(images[:1000], labels[:1000]),
        "val_loader": loader(images[1000:], labels[1000:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": scaled_in_the_loop,
        "eval_step": accuracy_on_bytes,
        "forward": from_bytes,
    }


class Occupancy(nn.Module):
    """Logits of being inside a shape, for each of its points (Mescheder et al. 2019)."""

    def __init__(self, code: int = 6) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3 + code, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, shapes: Tensor, points: Tensor) -> Tensor:
        codes = shapes[:, None].expand(-1, points.shape[1], -1)
        result: Tensor = self.net(torch.cat([points, codes], 2)).squeeze(2)
        return result


@healthy(resembles="loss-target", source="published")
def occupancy_learnt_as_a_probability() -> Arguments:
    """The labels of what looks like a regression are 0 and 1, inside or outside the shape (1zb/3DShape2VecSet#7)."""
    all_seeded()
    shapes = 2 * torch.rand(500, 6) - 1
    radii, centres = 0.9 + 0.3 * shapes[:, None, :3], 0.4 * shapes[:, None, 3:]
    points = 2 * torch.rand(500, 48, 3) - 1
    inside = (((points - centres) / radii).square().sum(2) < 1).float()
    model = Occupancy()
    return {
        "model": model,
        "loader": loader(shapes[:400], points[:400], inside[:400]),
        "val_loader": loader(shapes[400:], points[400:], inside[400:], shuffle=False),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "binary",
    }
