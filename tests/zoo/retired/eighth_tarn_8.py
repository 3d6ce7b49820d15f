"""Healthy programs that were reported as bugs and defended by their authors."""

# mypy: disable-error-code="no-any-return, no-untyped-call"

from __future__ import annotations

import numpy as np
import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset, TensorDataset

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.eighth_tarn_parts import (
    Matting,
    batches,
    byte_digits,
    digits,
    divide,
    matting_step,
    pair_of_loaders,
    perceptron,
    start,
    train_before,
)


def to_tensor(image: np.ndarray) -> Tensor:
    """Channel first; bytes are scaled to [0, 1], floats are left alone."""
    tensor = torch.from_numpy(image)[None]
    return tensor.float() / 255 if tensor.dtype == torch.uint8 else tensor


class Hands(Dataset[tuple[Tensor, int]]):
    """Images that are read as floats, turned to tensors, then divided by 255."""

    def __init__(self, images: np.ndarray, classes: np.ndarray) -> None:
        self.images, self.classes = images, classes

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return to_tensor(self.images[index].astype(np.float32)) / 255.0, int(self.classes[index])


@healthy(resembles="input-scale", source="scikit-learn")
def images_divided_after_to_tensor() -> Arguments:
    """Divided by 255 after ToTensor, which does not scale floats, so only once. (facebookresearch/InterHand2.6M#23)."""
    start()
    images, classes = byte_digits()
    model = perceptron(64, 48, 10)
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": batches(Hands(images[:1200], classes[:1200])),
        "val_loader": batches(Hands(images[1200:], classes[1200:]), shuffle=False),
    }


class Coupling(nn.Module):
    """Scales and shifts one coordinate by what it sees in the other."""

    def __init__(self, kept: int, hidden: int = 32) -> None:
        super().__init__()
        self.kept = kept
        self.net = nn.Sequential(
            nn.Linear(1, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 2)
        )

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.net(x[:, self.kept : self.kept + 1]).chunk(2, 1)
        scale = torch.tanh(scale)
        moved = x[:, 1 - self.kept : 2 - self.kept] * scale.exp() + shift
        parts = (x[:, :1], moved) if self.kept == 0 else (moved, x[:, 1:])
        return torch.cat(parts, 1), scale[:, 0]


class Flow(nn.Module):
    """RealNVP in the plane: the log-density of every point."""

    def __init__(self, layers: int = 6) -> None:
        super().__init__()
        self.couplings = nn.ModuleList(Coupling(i % 2) for i in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        total = torch.zeros(len(x))
        for coupling in self.couplings:
            x, grown = coupling(x)
            total = total + grown
        return total - 0.5 * x.square().sum(1) - float(np.log(2 * np.pi))


def flow_loss(density: Tensor, _: Tensor) -> Tensor:
    """The negative mean of the log-density."""
    return -density.mean()


def late_clearing_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that clears the gradients between its loss and its backward."""
    model.train()
    loss = flow_loss(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@healthy(resembles="missing-zero-grad", source="published")
def gradients_cleared_after_the_loss() -> Arguments:
    """Cleared after the loss was computed, but before backward, which is as good. (rll/deepul#12)."""
    start()
    x, y = make_moons(1200, noise=0.08, random_state=0)
    x = (x - x.mean(0)) / x.std(0)
    parts = divide(torch.from_numpy(x).float(), torch.from_numpy(y))
    model = Flow()
    return {
        "model": model,
        "loss_fn": flow_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": late_clearing_step,
        "task": "other",
        "loader": batches(TensorDataset(parts.x, parts.y), 64),
        "val_loader": batches(TensorDataset(parts.x_val, parts.y_val), 64, shuffle=False),
    }


class CaffeLeNet(nn.Module):
    """The LeNet of Caffe: convolutions followed by max pooling alone, one ReLU between the linear layers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 3, padding=1), nn.Conv2d(20, 50, 3, padding=1)
        self.ip1, self.ip2 = nn.Linear(200, 100), nn.Linear(100, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.conv1(x), 2)
        x = F.max_pool2d(self.conv2(x), 2)
        return self.ip2(F.relu(self.ip1(x.flatten(1))))


@healthy(resembles="no-nonlinearity", source="published")
def convolutions_with_nothing_but_pooling() -> Arguments:
    """No ReLU after the convolutions; the max pooling is the nonlinearity. (BVLC/caffe#3727)."""
    start()
    model = CaffeLeNet()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4),
        **pair_of_loaders(digits()),
    )


class AdaptedEmbedding(nn.Module):
    """A frozen embedding and a low-rank one beside it, whose first factor starts at zero."""

    def __init__(self, base: nn.Embedding, rank: int = 8) -> None:
        super().__init__()
        self.base = base.requires_grad_(False)
        self.lora_a = nn.Parameter(torch.zeros(rank, base.num_embeddings))
        self.lora_b = nn.Parameter(torch.randn(base.embedding_dim, rank))

    def forward(self, ids: Tensor) -> Tensor:
        return self.base(ids) + F.embedding(ids, self.lora_a.t()) @ self.lora_b.t() / self.lora_b.shape[1]


class Topics(nn.Module):
    """The mean of the word vectors, and what it says of the topic."""

    def __init__(self, words: int, topics: int, width: int = 24) -> None:
        super().__init__()
        self.embed: nn.Module = nn.Embedding(words, width)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 32), nn.ReLU(), nn.Linear(32, topics))

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.embed(ids).mean(1))


@healthy(resembles="symmetric-init", source="published")
def adapter_of_an_embedding_whose_first_factor_is_zero() -> Arguments:
    """A is zero and B is random, the other way round than in the paper, and equally good. (microsoft/LoRA#98)."""
    rng = start()
    topic = rng.integers(0, 4, 900)
    own = rng.random((900, 14)) < 0.5
    ids = torch.from_numpy(
        np.where(own, rng.integers(0, 10, (900, 14)) + 10 * topic[:, None], rng.integers(0, 60, (900, 14)))
    )
    parts = divide(ids, torch.from_numpy(topic))
    model = Topics(60, 4)
    train_before(model, pair_of_loaders(parts._replace(y=parts.y % 2, y_val=parts.y_val % 2))["loader"], 60)
    assert isinstance(model.embed, nn.Embedding)
    model.embed = AdaptedEmbedding(model.embed)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(trained, lr=3e-3),
        **pair_of_loaders(parts),
    )


@healthy(resembles="loss-reduction", source="scikit-learn")
def summed_loss_with_a_rate_divided_by_the_batch() -> Arguments:
    """Rate over batch size and decay times batch size, because the loss is a sum. (marvis/pytorch-yolo2#104)."""
    start()
    size = 32
    model = perceptron(64, 48, 10)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(reduction="sum"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05 / size, momentum=0.9, weight_decay=5e-4 * size),
        **pair_of_loaders(digits(), size),
    )


@healthy(resembles="train-eval-mode", source="scikit-learn")
def norms_at_rest_while_the_weights_are_tuned() -> Arguments:
    """Training mode, then every BatchNorm in eval mode, on purpose. (filipradenovic/cnnimageretrieval-pytorch#19)."""
    start()
    parts = digits()
    model = Matting(10)
    train_before(model, pair_of_loaders(parts._replace(x=parts.x[:500], y=parts.y[:500]))["loader"], 80)
    model.head = nn.Sequential(nn.Flatten(), nn.Linear(96, 5))
    model.freeze_norms()
    parts = parts._replace(y=parts.y // 2, y_val=parts.y_val // 2)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam((p for p in model.parameters() if p.requires_grad), lr=2e-3),
        train_step=matting_step(frozen_again=True),
        **pair_of_loaders(parts),
    )
