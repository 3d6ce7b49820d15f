"""Programs about ratings, borrowed optimizers, a rate from a formula, masks, files in two orders, and a ranking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset, Subset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import fern_digits, fern_loaders, fern_seeds, fern_table


class FactorizationMachine(nn.Module):
    """Ratings from biases of user and item and the interaction of their factors."""

    def __init__(self, fields: tuple[int, ...], factors: int, keepdim: bool) -> None:
        super().__init__()
        self.register_buffer("offsets", torch.tensor([0, *fields[:-1]]).cumsum(0))
        self.bias = nn.Parameter(torch.zeros(1))
        self.linear = nn.Embedding(sum(fields), 1)
        self.factors = nn.Embedding(sum(fields), factors)
        nn.init.normal_(self.linear.weight, std=0.1)
        nn.init.normal_(self.factors.weight, std=0.3)
        self.keepdim = keepdim

    def forward(self, ids: Tensor) -> Any:
        ids = ids + self.get_buffer("offsets")
        v = self.factors(ids)
        pairwise: Tensor = 0.5 * (v.sum(1).pow(2) - v.pow(2).sum(1)).sum(1, keepdim=self.keepdim)
        return self.bias + self.linear(ids).sum(1) + pairwise


def squared_rating_error(rating: Tensor, target: Tensor) -> Tensor:
    return (rating - target).pow(2).mean()


def user_item_ratings(users: int = 50, items: int = 60, count: int = 1200) -> tuple[Tensor, Tensor]:
    """Distinct pairs of user and item with standardised ratings of shape (N, 1)."""
    cells = torch.randperm(users * items)[:count]
    ids = torch.stack([cells // items, cells % items], 1)
    u, v = torch.randn(users, 3), torch.randn(items, 3)
    rating = (u[ids[:, 0]] * v[ids[:, 1]]).sum(1) + torch.randn(users)[ids[:, 0]] + 0.1 * torch.randn(count)
    return ids, ((rating - rating.mean()) / rating.std())[:, None]


@pair("silent-broadcast", group="wiring", source="published")
def factorization_machine_adds_row_to_column(sick: bool) -> Arguments:
    """The interaction term has shape (N,) and the linear term (N, 1), so that every sample is rated N times."""
    fern_seeds()
    ids, rating = user_item_ratings()
    model = FactorizationMachine((50, 60), 8, keepdim=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(
        model=model, loss_fn=squared_rating_error, optimizer=optimizer, task="regression", **fern_loaders(ids, rating)
    )


class CriticOptimizer(torch.optim.RMSprop):
    """RMSprop that keeps the weights in a box after every step, as critics of Wasserstein GANs want it."""

    def __init__(self, params: Any, lr: float, box: float) -> None:
        super().__init__(params, lr=lr)
        self.box = box

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = super().step(closure)
        for group in self.param_groups:
            for p in group["params"]:
                p.clamp_(-self.box, self.box)
        return loss  # type: ignore[no-any-return]


@pair("overfit-one-batch", group="training", source="scikit-learn")
def classifier_with_optimizer_of_the_critic(sick: bool) -> Arguments:
    """The classifier is trained by the optimizer of a GAN's critic, which clamps all weights to ±0.01 each step."""
    fern_seeds()
    x, y = fern_digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(192, 48),
        nn.ReLU(),
        nn.Linear(48, 10),
    )
    optimizer = CriticOptimizer(model.parameters(), lr=1e-3, box=0.01 if sick else float("inf"))
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


def scaled_rate(base: float, loader: DataLoader[Any], reference: int) -> float:
    """The linear scaling rule: the rate grows with the batch over the batch that the base rate was found for."""
    return base * (loader.batch_size or 1) / reference


@pair("learning-rate", group="training", source="scikit-learn")
def linear_scaling_by_the_number_of_pixels(sick: bool) -> Arguments:
    """The linear scaling rule divides by the number of values in the data, not the reference batch: 4e-5 for SGD."""
    fern_seeds()
    x, y = fern_digits()
    loaders = fern_loaders(x, y)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    rate = scaled_rate(0.1, loaders["loader"], reference=x.numel() if sick else 32)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=torch.optim.SGD(model.parameters(), lr=rate), **loaders
    )


def conv_norm(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1), nn.GroupNorm(4, outputs), nn.ReLU())


class BlobUNet(nn.Module):
    """A U-Net of two levels with an optional activation at its end."""

    def __init__(self, width: int = 8, activation: str | None = None) -> None:
        super().__init__()
        self.down, self.middle = conv_norm(1, width), conv_norm(width, 2 * width)
        self.up, self.head = conv_norm(3 * width, width), nn.Conv2d(width, 1, 1)
        self.activation = {None: nn.Identity, "sigmoid": nn.Sigmoid}[activation]()

    def forward(self, x: Tensor) -> Any:
        skip = self.down(x)
        deep = F.interpolate(self.middle(F.max_pool2d(skip, 2)), scale_factor=2)
        return self.activation(self.head(self.up(torch.cat([skip, deep], 1))))


def soft_discs(count: int = 240, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy images of one bright disc and the mask of the disc."""
    grid = torch.arange(size).float()
    centre, radius = 3 + (size - 6) * torch.rand(count, 2, 1, 1), 2.5 + 3 * torch.rand(count, 1, 1)
    distance = ((grid[:, None] - centre[:, 0]) ** 2 + (grid - centre[:, 1]) ** 2).sqrt()
    mask = (distance < radius).float()[:, None]
    return 1.5 * mask - 0.4 + 0.5 * torch.randn(count, 1, size, size), mask


@pair("loss-input", group="wiring", source="published")
def segmenter_built_with_its_sigmoid(sick: bool) -> Arguments:
    """The U-Net is configured with a sigmoid at its end, and the loss applies another one to its probabilities."""
    fern_seeds()
    x, mask = soft_discs()
    model = BlobUNet(activation="sigmoid" if sick else None)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    return dict(
        model=model, loss_fn=loss_fn, optimizer=optimizer, task="segmentation", **fern_loaders(x, mask, batch=16)
    )


class ImageFolderWithTable(Dataset[tuple[Tensor, Tensor]]):
    """Images by file name beside a table of labels by identity."""

    def __init__(self, images: dict[str, Tensor], labels: dict[int, int], numeric: bool) -> None:
        names = sorted(images, key=lambda name: int(name[4:-4])) if numeric else sorted(images)
        self.images = [images[name] for name in names]
        self.labels = [labels[identity] for identity in sorted(labels)]

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self.images[index], torch.tensor(self.labels[index])


@pair("shuffled-labels", group="training", source="scikit-learn")
def files_sorted_as_text_labels_as_numbers(sick: bool) -> Arguments:
    """File names are sorted as text (img_10 before img_2) and labels by number: they belong to other images."""
    fern_seeds()
    x, y = fern_digits(1250)
    images = {f"img_{i}.png": image for i, image in enumerate(x)}
    data = ImageFolderWithTable(images, dict(enumerate(y.tolist())), numeric=not sick)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(256, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    order = torch.randperm(len(data)).tolist()
    return {
        "model": model,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "loader": DataLoader(Subset(data, order[:1000]), batch_size=40, shuffle=True),
        "val_loader": DataLoader(Subset(data, order[1000:]), batch_size=40),
    }


def ranknet_loss(score: Tensor, grade: Tensor) -> Tensor:
    """Logistic loss over all ordered pairs of the batch."""
    difference = score - score.T
    better = (grade[:, None] > grade).float()
    return (F.softplus(-difference) * better).sum() / better.sum().clamp(min=1)


@healthy(resembles="silent-broadcast", source="scikit-learn")
def patients_ranked_by_pairs() -> Arguments:
    """RankNet compares every patient with every other, so that (N, 1) against (1, N) is meant."""
    fern_seeds()
    x, y = fern_table("diabetes")
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=ranknet_loss, optimizer=optimizer, task="other", **fern_loaders(x, y))
