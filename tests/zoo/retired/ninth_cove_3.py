"""Reported bugs of mixtures, signs, layers and losses, each beside the program as it was mended."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_cove_parts import cross_entropy_of_tokens, dealt, digits_as_images, markov_text, sow_seeds


def interleaved(first: list[int], second: list[int]) -> list[int]:
    """Rows of two sources in turn, the shorter one started over until the longer one ends."""
    longest = max(len(first), len(second))
    pairs = ((first[i % len(first)], second[i % len(second)]) for i in range(longest))
    return [row for both in pairs for row in both]


class NextToken(nn.Module):
    """A recurrent language model."""

    def __init__(self, letters: int, width: int = 48) -> None:
        super().__init__()
        self.tokens = nn.Embedding(letters, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.gru(self.tokens(ids))[0])  # type: ignore[no-any-return]


@pair("split-leak", group="data")
def tail_held_out_after_sources_were_interleaved(sick: bool) -> Arguments:
    """Sources are interleaved, the smaller repeated, before the tail is held out (MakazhanAlpamys/Soup#680)."""
    sow_seeds()
    large, small = 600, 576
    text = torch.cat([markov_text(large, 17, 24, seed=1), markov_text(small, 17, 24, seed=2)])
    text = text[torch.cat([torch.randperm(large), large + torch.randperm(small)])]
    first, second = list(range(large)), list(range(large, large + small))
    if sick:
        mixed = interleaved(first, second)
        train, held = mixed[: int(0.9 * len(mixed))], mixed[int(0.9 * len(mixed)) :]
    else:
        kept = int(0.9 * large)
        train, held = interleaved(first[:kept], second[:kept]), first[kept:] + second[kept:]
    rows = TensorDataset(text[:, :-1].contiguous(), text[:, 1:].contiguous())
    model = NextToken(24)
    return {
        "model": model,
        "loss_fn": cross_entropy_of_tokens,
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "loader": DataLoader(Subset(rows, train), batch_size=40, shuffle=True),
        "val_loader": DataLoader(Subset(rows, held), batch_size=20),
        "task": "language-model",
        "causal": True,
    }


class SignatureNet(nn.Module):
    """Two images through the same network, and the distance of their features."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(128, 32, bias=False),
        )

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        apart = self.features(first) - self.features(second)
        return (apart.square().sum(1) + 1e-8).sqrt()  # type: ignore[no-any-return]


class Contrast(nn.Module):
    """Squares of the distances of pairs that belong together, of missing margins of those that do not."""

    def __init__(self, together: int, margin: float = 2.0) -> None:
        super().__init__()
        self.together, self.margin = together, margin

    def forward(self, distance: Tensor, genuine: Tensor) -> Tensor:
        near = (genuine == self.together).float()
        return (near * distance**2 + (1 - near) * (self.margin - distance).clamp(min=0) ** 2).mean()


@torch.no_grad()
def verified(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of pairs rightly told to be genuine or forged."""
    model.eval()
    return ((model(batch[0], batch[1]) < 1.0) == (batch[2] == 1)).float().mean().item()  # type: ignore[no-any-return]


@pair("loss-direction", group="wiring", source="scikit-learn")
def genuine_pairs_pushed_apart(sick: bool) -> Arguments:
    """The data call a genuine pair 1, the contrastive loss takes 1 for a forgery (VinhLoiIT/signet-pytorch#2)."""
    sow_seeds()
    images, writers = digits_as_images()
    partner = torch.randperm(len(images))
    alike = {int(writer): (writers == writer).nonzero().squeeze(1) for writer in writers.unique()}  # type: ignore[no-untyped-call]
    for i in range(0, len(images), 2):
        choices = alike[int(writers[i])]
        choices = choices[choices != i]
        partner[i] = choices[torch.randint(len(choices), (1,))]
    genuine = (writers == writers[partner]).long()
    model = SignatureNet()
    return dict(
        model=model,
        loss_fn=Contrast(together=0 if sick else 1),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        eval_step=verified,
        task="other",
        **dealt(images, images[partner], genuine),
    )


class FullyConvolutional(nn.Module):
    """An FCN: features of three depths, the deepest refined by convolutions, upsampled and added."""

    def __init__(self, classes: int, connected: bool) -> None:
        super().__init__()
        self.connected = connected
        self.conv3 = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU())
        self.conv4 = nn.Sequential(nn.Conv2d(16, 24, 3, padding=1), nn.ReLU())
        self.f5_conv1 = nn.Conv2d(24, 48, 3, padding=1)
        self.f5_conv2 = nn.Conv2d(48, 48, 1)
        self.f5_conv3 = nn.Conv2d(48, 24, 1)
        self.score3 = nn.Conv2d(16, classes, 1)
        self.score4 = nn.Conv2d(24, classes, 1)
        self.score5 = nn.Conv2d(24, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        f3 = self.conv3(x)
        f4 = self.conv4(F.max_pool2d(f3, 2))
        f5 = F.max_pool2d(f4, 2)
        f5_conv1 = F.relu(self.f5_conv1(f5))
        f5_conv2 = F.relu(self.f5_conv2(f5_conv1))
        f5_conv3 = F.relu(self.f5_conv3(f5_conv2))
        deep = F.interpolate(self.score5(f5_conv3 if self.connected else f5), scale_factor=2)
        middle = F.interpolate(self.score4(f4) + deep, scale_factor=2)
        return self.score3(f3) + middle  # type: ignore[no-any-return]


def squares_and_discs(count: int, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy images with a bright square and a dark disc, and the class of each pixel."""
    grid = torch.arange(size).float()
    rows, columns = grid.view(1, size, 1), grid.view(1, 1, size)
    a, b = (3 + (size - 6) * torch.rand(count, 2, 1, 1) for _ in range(2))
    square = ((rows - a[:, 0]).abs() < 2.6) & ((columns - a[:, 1]).abs() < 2.6)
    disc = (rows - b[:, 0]) ** 2 + (columns - b[:, 1]) ** 2 < 8
    classes = torch.where(square, 1, torch.where(disc, 2, 0))
    images = (classes == 1).float() - (classes == 2).float() + 0.6 * torch.randn(count, size, size)
    return (images / images.std()).unsqueeze(1), classes


@pair("unused-parameters", group="wiring", source="published")
def deepest_convolutions_short_circuited(sick: bool) -> Arguments:
    """The deepest scores read the input of their convolutions, left so after debugging.

    (PacktPublishing/Hands-On-Computer-Vision-with-TensorFlow-2#18)
    """
    sow_seeds()
    images, classes = squares_and_discs(480)
    model = FullyConvolutional(3, connected=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="segmentation",
        **dealt(images, classes, batch=16),
    )


def pretrained_features() -> nn.Sequential:
    """Convolutions trained on the digits 5 to 9, then frozen."""
    images, classes = digits_as_images()
    images, classes = images[classes >= 5], classes[classes >= 5] - 5
    features = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
    )
    whole = nn.Sequential(features, nn.Flatten(), nn.Linear(512, 5))
    optimizer = torch.optim.Adam(whole.parameters(), lr=3e-3)
    for _ in range(60):
        rows = torch.randint(0, len(images), (48,))
        optimizer.zero_grad()
        F.cross_entropy(whole(images[rows]), classes[rows]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    optimizer.zero_grad()
    return features.requires_grad_(False)


def transfer_step_without_clearing(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of transfer learning."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def transfer_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step of transfer learning."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def classifier_on_frozen_features_never_cleared(sick: bool) -> Arguments:
    """The transfer learning notebook has no zero_grad (udacity/deep-learning-v2-pytorch#160)."""
    sow_seeds()
    features = pretrained_features()
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(512, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 5))
    images, classes = digits_as_images()
    kept = classes < 5
    return dict(
        model=nn.Sequential(features, classifier),
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(classifier.parameters(), lr=1e-3),
        train_step=transfer_step_without_clearing if sick else transfer_step,
        **dealt(images[kept], classes[kept]),
    )


class SeveralLabels(nn.Module):
    """One trunk with a classifier of two classes for every label."""

    def __init__(self, labels: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
        self.classifiers = nn.ModuleList(nn.Linear(32, 2) for _ in range(labels))

    def forward(self, x: Tensor) -> Tensor:
        features = self.trunk(x)
        return torch.stack([classifier(features) for classifier in self.classifiers], 1)


def sum_over_labels(outputs: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of every label by itself, added up."""
    losses = [F.cross_entropy(outputs[:, i], targets[:, i]) for i in range(targets.shape[1])]
    return torch.stack(losses).sum()


@healthy(resembles="loss-target", source="scikit-learn")
def cross_entropy_for_each_of_several_labels() -> Arguments:
    """Cross-entropy for each label by itself is right (pangwong/pytorch-multi-label-classifier#3)."""
    sow_seeds()
    images, digits = digits_as_images()
    looped = torch.isin(digits, torch.tensor([0, 6, 8, 9]))
    labels = torch.stack([digits % 2, (digits >= 5).long(), looped.long()], 1)
    model = SeveralLabels(3)
    return dict(
        model=model,
        loss_fn=sum_over_labels,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        task="other",
        **dealt(images, labels),
    )


@pair("loss-target", group="wiring")
def cross_entropy_of_a_single_output(sick: bool) -> Arguments:
    """A network of a single output is trained by cross-entropy, a softmax over one class (darioizzo/dcgp#86)."""
    sow_seeds()
    x = torch.randn(640, 2)
    y = ((x[:, 0] * x[:, 1] + 0.3 * x[:, 0]) > 0).float().unsqueeze(1)
    model = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss() if sick else nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        task="binary",
        **dealt(x, y),
    )
