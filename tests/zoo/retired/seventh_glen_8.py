"""Programs that were suspected and are right: no softmax, words from 1, a target in its units, a summed bound."""

from __future__ import annotations

import numpy as np
import sklearn.datasets
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.seventh_glen_parts import (
    VariationalAutoencoder,
    all_seeded,
    bound_per_image,
    bytes_of_digits,
    loader,
)


class SmallVGG(nn.Module):
    """VGG (Simonyan and Zisserman 2015) with BatchNorm, cut to images of 8 × 8."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        inputs = 1
        for width in (16, 32):
            for _ in range(2):
                layers += [nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                inputs = width
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, classes))

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.classifier(self.features(x).flatten(1))
        return result


@healthy(resembles="loss-input", source="published")
def vgg_without_a_softmax_layer() -> Arguments:
    """The network has no softmax, which cross-entropy applies itself (weiaicunzai/pytorch-cifar100#26)."""
    all_seeded()
    images, labels = bytes_of_digits()
    x = (images.float() / 255 - 0.305) / 0.376
    model = SmallVGG()
    return {
        "model": model,
        "loader": loader(x[:1000], labels[:1000]),
        "val_loader": loader(x[1000:], labels[1000:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4),
    }


class Captioner(nn.Module):
    """A recurrent decoder of captions that starts from the features of the image (Vinyals et al. 2015)."""

    def __init__(self, features: int = 20, words: int = 21) -> None:
        super().__init__()
        self.start = nn.Linear(features, 48)
        self.embedding = nn.Embedding(words, 32)
        self.decoder = nn.GRU(32, 48, batch_first=True)
        self.head = nn.Linear(48, words)

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        start = torch.tanh(self.start(features))[None]
        result: Tensor = self.head(self.decoder(self.embedding(words), start)[0])
        return result


def captions(count: int = 900) -> tuple[Tensor, Tensor, Tensor]:
    """Features of images, captions of three words from 1 to 20 after a leading 0, and the same with a final 0."""
    draw = np.random.default_rng(81)
    features = draw.normal(size=(count, 20))
    words = [1 + features[:, :6].argmax(1), 7 + features[:, 6:12].argmax(1), 13 + features[:, 12:].argmax(1)]
    end = np.zeros(count, dtype=np.int64)
    read, said = np.stack([end, *words], 1), np.stack([*words, end], 1)
    return torch.from_numpy(features).float(), torch.from_numpy(read), torch.from_numpy(said)


def loss_of_the_words(logits: Tensor, words: Tensor) -> Tensor:
    """Cross-entropy of each word, averaged."""
    return F.cross_entropy(logits.flatten(0, 1), words.flatten())


@healthy(resembles="label-range")
def caption_labels_from_one_with_zero_as_the_end() -> Arguments:
    """The labels of words start at 1, because 0 is the end of the sentence (ruotianluo/ImageCaptioning.pytorch#5)."""
    all_seeded()
    features, read, said = captions()
    model = Captioner()
    return {
        "model": model,
        "loader": loader(features[:700], read[:700], said[:700]),
        "val_loader": loader(features[700:], read[700:], said[700:], shuffle=False),
        "loss_fn": loss_of_the_words,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "language-model",
        "causal": True,
    }


class Denormalised(nn.Module):
    """A network whose output is brought back to the units of the target."""

    mean: Tensor
    std: Tensor

    def __init__(self, targets: Tensor) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 1))
        self.register_buffer("mean", targets.mean())
        self.register_buffer("std", targets.std())

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.net(x) * self.std + self.mean
        return result


@healthy(resembles="target-scale", source="scikit-learn")
def target_in_its_units_for_a_model_that_denormalises() -> Arguments:
    """The loader gives the target as it was measured; the model's normaliser rescales the output to it.

    (sktime/pytorch-forecasting#410)
    """
    all_seeded()
    table, progression = sklearn.datasets.load_diabetes(return_X_y=True, scaled=False)
    order = np.random.default_rng(0).permutation(len(table))
    x, y = torch.from_numpy(table[order]).float(), torch.from_numpy(progression[order]).float()[:, None]
    x = (x - x[:340].mean(0)) / x[:340].std(0)
    model = Denormalised(y[:340])
    return {
        "model": model,
        "loader": loader(x[:340], y[:340]),
        "val_loader": loader(x[340:], y[340:], shuffle=False),
        "loss_fn": nn.L1Loss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "regression",
    }


def added_bound(outputs: tuple[Tensor, Tensor, Tensor], images: Tensor) -> Tensor:
    """The negative evidence bound, added over the batch as it is in the paper."""
    return bound_per_image(outputs, images) * len(images)


@healthy(resembles="loss-reduction", source="published")
def evidence_bound_added_over_the_batch() -> Arguments:
    """The bound is a sum over samples, which RMSprop does not mind (jaanaltosaar/variational-autoencoder#16)."""
    all_seeded()
    images, _ = bytes_of_digits()
    x = images.float() / 255
    model = VariationalAutoencoder()
    return {
        "model": model,
        "loader": loader(x[:1100], x[:1100], batch=64),
        "val_loader": loader(x[1100:], x[1100:], batch=64, shuffle=False),
        "loss_fn": added_bound,
        "optimizer": torch.optim.RMSprop(model.parameters(), lr=1e-3),
    }
