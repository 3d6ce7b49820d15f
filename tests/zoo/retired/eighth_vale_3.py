"""Programs with reported bugs in heads, masks, tables, activations, states and noise, with their mended twins."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import itertools
import math

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    one_after_another,
    seed_all_three,
    train_and_validation,
)


class AnchorHead(nn.Module):
    """A small detector: two convolutions and a subnet that scores every cell of the grid for two classes."""

    def __init__(self, prior: float | None) -> None:
        """Build the layers; the bias of the last one gives ``prior`` to every cell where it is set."""
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
        self.classes = nn.Conv2d(16, 2, 3, padding=1)
        bias = 0.0 if prior is None else -math.log((1 - prior) / prior)
        for name, parameter in self.classes.named_parameters():
            if name == "bias":
                nn.init.constant_(parameter, bias)
            else:
                nn.init.normal_(parameter, std=0.01)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the classes at every cell."""
        return self.classes(self.body(image))


def per_positive(logits: Tensor, targets: Tensor) -> Tensor:
    """Focal loss, divided by the number of objects."""
    entropy = F.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    chance = torch.sigmoid(logits)
    wrong = torch.where(targets > 0, 1 - chance, chance)
    weight = torch.where(targets > 0, 0.25, 0.75) * wrong**2
    return (weight * entropy).sum() / targets.sum().clamp(min=1)


def scenes_with_one_object(count: int = 480, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy images with one cross or one square, and a map of its centre for its class."""
    cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]])
    square = torch.tensor([[1.0, 1, 1], [1, 0, 1], [1, 1, 1]])
    images, maps = 0.1 * torch.rand(count, 1, size, size), torch.zeros(count, 2, size, size)
    for image, centres in zip(images, maps, strict=True):
        kind, row, column = int(torch.randint(2, ())), *torch.randint(1, size - 1, (2,)).tolist()
        image[0, row - 1 : row + 2, column - 1 : column + 2] += (cross, square)[kind]
        centres[kind, row, column] = 1
    return images.clamp(0, 1), maps


@pair("final-bias", "loss-at-init", group="init", source="published")
def anchor_scores_without_prior(sick: bool) -> Arguments:
    """The last bias is zero and not that of rare objects, so that the empty cells make the first losses.

    (kuangliu/pytorch-retinanet#10)
    """
    seed_all_three()
    train, validation = train_and_validation(*scenes_with_one_object())
    model = AnchorHead(prior=None if sick else 0.01)
    return {
        "model": model,
        "loader": in_random_order(train, 16),
        "val_loader": one_after_another(validation, 16),
        "loss_fn": per_positive,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "multilabel",
    }


class CrossAttention(nn.Module):
    """Words attend to the media that came before them; words before any medium get nothing."""

    def __init__(self, width: int, inplace: bool) -> None:
        """Build the projections."""
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.inplace = inplace

    def forward(self, words: Tensor, media: Tensor, time: Tensor) -> Tensor:
        """What each word takes from the media, of which it has seen the first ``time``."""
        similarity = self.query(words) @ self.key(media).mT / words.shape[-1] ** 0.5
        seen = torch.arange(1, media.shape[1] + 1) <= time[..., None]
        similarity = similarity.masked_fill(~seen, -1e4)
        attention = similarity.softmax(-1)
        without_media = (time == 0)[..., None]
        if self.inplace:
            attention = attention.masked_fill(without_media, 0.0)
        else:
            attention.masked_fill(without_media, 0.0)
        return attention @ self.value(media)


class CaptionModel(nn.Module):
    """Words with gated media, classified one by one."""

    def __init__(self, inplace: bool, width: int = 32) -> None:
        """Build the layers."""
        super().__init__()
        self.embedding = nn.Embedding(20, width)
        self.media = nn.Linear(6, width)
        self.attention = CrossAttention(width, inplace)
        self.head = nn.Sequential(nn.Linear(width, 48), nn.ReLU(), nn.Linear(48, 4))

    def forward(self, words: Tensor, media: Tensor, time: Tensor) -> Tensor:
        """Logits of the tag of each word, classes second."""
        x = self.embedding(words)
        return self.head(x + self.attention(x, self.media(media), time)).mT


def captioned_media(count: int = 500, length: int = 9) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Words, two media, how many of them each word has seen, and tags by the seen media or by the word."""
    words = torch.randint(20, (count, length))
    kinds = torch.randint(4, (count, 2))
    media = torch.randn(4, 6)[kinds] + 0.3 * torch.randn(count, 2, 6)
    begin = torch.randint(2, 6, (count, 1))
    time = (torch.arange(length) >= begin).long()
    tags = torch.where(time == 1, kinds[:, :1].expand(-1, length), words % 4)
    time = time + (torch.arange(length) >= 7).long() * (time > 0)
    tags = torch.where(time == 2, (kinds[:, :1] + kinds[:, 1:]) % 4, tags)
    return words, media, time, tags


@pair("unused-result", group="wiring", source="published")
def attention_zeroed_out_of_place(sick: bool) -> Arguments:
    """The attention of words before any medium is zeroed by a `masked_fill` whose result is dropped.

    (lucidrains/flamingo-pytorch#10)
    """
    seed_all_three()
    train, validation = train_and_validation(*captioned_media())
    model = CaptionModel(inplace=not sick)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class PlantImages(Dataset[tuple[Tensor, Tensor]]):
    """Images and labels of a table that is shuffled here; the raw labels are taken aside for class weights."""

    def __init__(self, images: Tensor, labels: Tensor, shuffle_first: bool) -> None:
        """Shuffle the table and take its labels."""
        table = list(zip(images, labels, strict=True))
        raw = [label for _, label in table]
        order = np.random.RandomState(42).permutation(len(table))
        table = [table[i] for i in order]
        self.labels = [label for _, label in table] if shuffle_first else raw
        self.images = [image for image, _ in table]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give an image and its label."""
        return self.images[index], self.labels[index]


@pair("nothing-to-learn", "shuffled-labels", group="data", source="scikit-learn")
def table_shuffled_after_labels_were_taken(sick: bool) -> Arguments:
    """The labels are taken from the table before it is in_random_order, and no longer belong to its images.

    (Borda/kaggle_image-classify#12)
    """
    seed_all_three()
    x, y = digits_in_unit_range(images=True)
    order = torch.randperm(len(x))
    x, y = x[order], y[order]
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    return {
        "model": model,
        "loader": in_random_order(PlantImages(x[:1000], y[:1000], shuffle_first=not sick)),
        "val_loader": one_after_another(PlantImages(x[1000:1300], y[1000:1300], shuffle_first=not sick)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class ActivationNetwork(nn.Module):
    """The base network of a tutorial on activation functions."""

    def __init__(self, activation: type[nn.Module], sizes: tuple[int, ...] = (64, 64, 64, 64, 64, 32)) -> None:
        """Stack linear layers with the activation between them."""
        super().__init__()
        layers: list[nn.Module] = []
        for inner, outer in itertools.pairwise(sizes):
            layers += [nn.Linear(inner, outer), activation()]
        self.layers = nn.Sequential(*layers, nn.Linear(sizes[-1], 10))
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            else:
                nn.init.zeros_(parameter)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes."""
        return self.layers(x.flatten(1))


@pair("vanishing-gradients", group="backward", source="published")
def sigmoids_through_the_depth(sick: bool) -> Arguments:
    """The deep base network has sigmoids, whose gradients fade on the way to the first layers, and stays at chance.

    (phlippe/uvadlc_notebooks#119)
    """
    seed_all_three()
    train, validation = train_and_validation(*digits_in_unit_range())
    model = ActivationNetwork(nn.Sigmoid if sick else nn.ReLU)
    return {
        "model": model,
        "loader": in_random_order(train, 64),
        "val_loader": one_after_another(validation, 64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    }


class Surroundings:
    """Jitters observations before they go to the policy."""

    def __init__(self, from_global: bool) -> None:
        """Make the generator, from the global one where told so."""
        self.from_global = from_global

    def jittered(self, observation: Tensor) -> Tensor:
        """Add sensor noise."""
        seed = np.random.randint(9999999) if self.from_global else None
        noise = np.random.default_rng(seed).normal(0, 0.3, observation.shape)
        return observation + torch.as_tensor(noise, dtype=torch.float32)


class PolicyStep:
    """One step of behaviour cloning on jittered observations."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Keep the surroundings."""
        self.surroundings = surroundings

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        """Imitate the expert's actions."""
        optimizer.zero_grad()
        loss = F.cross_entropy(model(self.surroundings.jittered(batch[0])), batch[1])
        loss.backward()
        optimizer.step()
        return loss.detach()


@pair("nondeterminism", group="backward")
def noise_seeded_by_the_system(sick: bool) -> Arguments:
    """The surroundings draw from `default_rng()`, seeded by the operating system, whatever seed the experiment has.

    (oxwhirl/smacv2#54)
    """
    seed_all_three()
    observation = torch.randn(800, 10)
    action = (observation @ torch.randn(10, 4)).argmax(1)
    train, validation = train_and_validation(observation, action)
    model = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 4))
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": PolicyStep(Surroundings(from_global=not sick)),
    }
