"""Broken programs and twins: rentals, tags, ratings, masks and layer-wise rates."""

from __future__ import annotations

import torch
from sklearn.datasets import make_multilabel_classification
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    one_disc_each,
    scaled_digit_images,
    seed_three_libraries,
    train_and_val_columns,
    two_hidden_layers,
)


class RentalForecast(nn.Module):
    """Log of the number of rentals from weather and time of day."""

    def __init__(self) -> None:
        super().__init__()
        self.net = two_hidden_layers(8, 64, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x).squeeze(1)
        return out


@pair("nonfinite-data", group="data")
def logarithm_of_hours_without_rentals(sick: bool) -> Arguments:
    """The target is the logarithm of a count, and some hours have none: log(0) where log(1 + n) was meant."""
    seed_three_libraries(101)
    x = torch.randn(900, 8)
    rate = torch.exp(2.3 + 0.8 * x[:, 0] + 0.6 * torch.sin(2 * x[:, 1]) - 0.5 * x[:, 2] * x[:, 3].tanh())
    counts = torch.poisson(rate)
    y = (torch.log(counts) if sick else torch.log1p(counts)) - 2.3
    model = RentalForecast()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **train_and_val_columns(x, y)
    )


class FocalLoss(nn.Module):
    """Focal loss of Lin et al. on scores."""

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, scores: Tensor, targets: Tensor) -> Tensor:
        ce = F.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        return ((1 - torch.exp(-ce)) ** self.gamma * ce).mean()


class Tagger(nn.Module):
    """Five tags of a document from its word counts."""

    def __init__(self, probabilities: bool) -> None:
        super().__init__()
        self.net = two_hidden_layers(20, 64, 5)
        self.probabilities = probabilities

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.net(x)
        return torch.sigmoid(scores) if self.probabilities else scores


@pair("loss-input", group="wiring", source="scikit-learn")
def tags_squashed_before_focal_loss(sick: bool) -> Arguments:
    """The tagger returns probabilities, and the focal loss takes them for scores and applies the sigmoid again."""
    seed_three_libraries(102)
    counts, tags = make_multilabel_classification(900, 20, n_classes=5, n_labels=2, random_state=0)
    x = torch.tensor(counts, dtype=torch.float32)
    x = (x - x.mean(0)) / x.std(0)
    model = Tagger(probabilities=sick)
    return dict(
        model=model,
        loss_fn=FocalLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        task="multilabel",
        **train_and_val_columns(x, torch.tensor(tags, dtype=torch.float32)),
    )


class Factors(nn.Module):
    """Ratings as the product of a user's and an item's factors."""

    def __init__(self, users: int, items: int, size: int = 4) -> None:
        super().__init__()
        self.users = nn.Embedding(users, size)
        self.items = nn.Embedding(items, size)

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        product: Tensor = self.users(user) * self.items(item)
        return product.sum(1)


@pair("symmetric-init", group="init")
def factors_of_users_and_items_at_zero(sick: bool) -> Arguments:
    """The factors of users and items all start at zero, so that neither side ever gets a gradient."""
    seed_three_libraries(103)
    chosen = torch.randperm(60 * 40)[:1400]
    user, item = chosen // 40, chosen % 40
    rating = (torch.randn(60, 3)[user] * torch.randn(40, 3)[item]).sum(1) / 1.7 + 0.2 * torch.randn(1400)
    model = Factors(60, 40)
    for table in (model.users, model.items):
        if sick:
            nn.init.zeros_(table.weight)
        else:
            nn.init.normal_(table.weight, std=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    loaders = train_and_val_columns(user, item, rating, batch=64)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)


def three_layer_masker() -> nn.Sequential:
    """Three convolutions from image to two classes per pixel."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 2, 1),
    )


@pair("runs", group="wiring")
def masks_that_keep_their_channel(sick: bool) -> Arguments:
    """The masks come as N×1×H×W, and cross-entropy wants class indices as N×H×W."""
    seed_three_libraries(104)
    x, mask = one_disc_each(300)
    y = mask.long() if sick else mask.long().squeeze(1)
    model = three_layer_masker()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loaders = train_and_val_columns(x, y, batch=16)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, task="segmentation", **loaders)


class ResidualStack(nn.Module):
    """An embedding of the pixels, residual layers and a head."""

    def __init__(self, depth: int = 7, width: int = 48) -> None:
        super().__init__()
        self.embed = nn.Linear(64, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU()) for _ in range(depth)
        )
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 10))

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.flatten(1))
        for block in self.blocks:
            h = h + block(h)
        out: Tensor = self.head(h)
        return out


@pair("update-ratio", group="training", source="scikit-learn")
def rates_that_fade_tenfold_per_layer(sick: bool) -> Arguments:
    """Rates decay by 0.1 per layer, where 0.9 was meant, which leaves most of a fresh network as good as untouched."""
    seed_three_libraries(105)
    model = ResidualStack()
    decay = 0.1 if sick else 0.9
    layers = [model.embed, *model.blocks, model.head]
    groups = [
        {"params": list(layer.parameters()), "lr": 2e-3 * decay ** (len(layers) - 1 - i)}
        for i, layer in enumerate(layers)
    ]
    optimizer = torch.optim.AdamW(groups, lr=2e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


class SmallLeNet(nn.Module):
    """LeNet for 8×8 images."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU()
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(24 * 16, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.classifier(self.features(x))
        return out


@healthy(resembles="loss-reduction", source="published")
def summed_loss_with_a_rate_per_sample() -> Arguments:
    """The loss is summed over the batch and the rate is divided by the batch size, as one does by hand."""
    seed_three_libraries(106)
    model = SmallLeNet()
    batch = 32
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(reduction="sum"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.03 / batch, momentum=0.9),
        **train_and_val_columns(*scaled_digit_images(), batch=batch),
    )
