"""A gate between picture and word, a dense network, measured tumours, a narrow network and titles."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.tenth_dune_parts import (
    digit_images,
    marked_images,
    seeded,
    split_loaders,
    tumour_rows,
)


class GatedReference(nn.Module):
    """Finds in a picture what a word refers to; what picture and word have in common passes a gate that starts shut."""

    def __init__(self, *, shut_twice: bool) -> None:
        super().__init__()
        self.vision = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1))
        self.language = nn.Embedding(2, 24)
        self.fusion = nn.Linear(24, 24)
        self.res_gate = nn.Sequential(
            nn.Linear(24, 24, bias=False), nn.ReLU(), nn.Linear(24, 24, bias=False), nn.Tanh()
        )
        self.mask = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 1))
        for layer in (self.res_gate[0], self.res_gate[2]) if shut_twice else (self.res_gate[2],):
            nn.init.zeros_(layer.weight)  # type: ignore[arg-type]

    def forward(self, picture: Tensor, word: Tensor) -> Tensor:
        x = self.vision(picture).permute(0, 2, 3, 1)
        x_residual = F.relu(self.fusion(x)) * self.language(word)[:, None, None]
        x = x + self.res_gate(x_residual) * x_residual
        logits: Tensor = self.mask(x).squeeze(-1)
        return logits


@pair("symmetric-init", group="init", source="published")
def gate_shut_by_both_of_its_layers(sick: bool) -> Arguments:
    """Both linear layers of the gate start at zero, so neither ever gets a gradient (yz93/LAVT-RIS#25)."""
    seeded()
    pictures, maps = marked_images(600, kinds=2, marks=3)
    words = torch.randint(0, 2, (600,))
    masks = F.max_pool2d(maps[torch.arange(600), words][:, None], 3, stride=1, padding=1).squeeze(1)
    model = GatedReference(shut_twice=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, **split_loaders(pictures, words, masks, batch=16))


class DenseLayer(nn.Module):
    def __init__(self, width: int, growth: int, p: float) -> None:
        super().__init__()
        self.convolve = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, growth, 3, padding=1), nn.Dropout(p)
        )

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.convolve(x)], 1)


@pair("regularised-debug-run", group="training", source="published")
def share_to_keep_taken_for_share_to_drop(sick: bool) -> Arguments:
    """Dropout behind each convolution gets the share to keep, 0.8, as its rate (pudae/tensorflow-densenet#22)."""
    seeded()
    keep_prob = 0.8
    p = keep_prob if sick else 1.0 - keep_prob
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), DenseLayer(12, 8, p), DenseLayer(20, 8, p), nn.Conv2d(28, 14, 1), nn.Dropout(p),
        nn.AvgPool2d(2), DenseLayer(14, 8, p), DenseLayer(22, 8, p), nn.BatchNorm2d(30), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(30, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_images()))


@pair("saturated-units", "init-scale", group="init", source="scikit-learn")
def spread_given_as_the_mean(sick: bool) -> Arguments:
    """The one number given to the normal initialiser is its mean, and the spread stays at one (aiUIUC/pyAIUtils#25)."""
    seeded()
    model = nn.Sequential(nn.Linear(30, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
    stddev = 0.1
    for layer in model:
        if isinstance(layer, nn.Linear):
            if sick:
                nn.init.normal_(layer.weight, stddev)
            else:
                nn.init.normal_(layer.weight, 0.0, stddev)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*tumour_rows()))


class SandGlass(nn.Module):
    """Depthwise, narrow, wide and depthwise again, beside the identity."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, groups=width), nn.ReLU6(),
            nn.Conv2d(width, width // 2, 1, bias=False), nn.Conv2d(width // 2, width, 1, bias=False),
            nn.BatchNorm2d(width), nn.ReLU6(),
            nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class NarrowMobileNet(nn.Module):
    def __init__(self, width_mult: float, *, follows: bool) -> None:
        super().__init__()
        stem, last = int(32 * width_mult), int(64 * width_mult)
        self.features = nn.Sequential(
            nn.Conv2d(1, stem, 3, stride=2, padding=1), nn.ReLU6(), SandGlass(stem),
            nn.Conv2d(stem, last, 1, bias=False), nn.BatchNorm2d(last), nn.ReLU6(), SandGlass(last),
        )  # fmt: skip
        self.classifier = nn.Linear(last if follows else 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.classifier(self.features(x).mean((2, 3)))
        return logits


@pair("runs", group="wiring", source="published")
def classifier_that_ignores_the_width(sick: bool) -> Arguments:
    """With half of the width the last block has fewer channels than the classifier expects (RangiLyu/mobilenext#2)."""
    seeded()
    model = NarrowMobileNet(0.5, follows=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_images(800)))


class TitleClassifier(nn.Module):
    """Tells the venue of a paper from the words of its title by a very small feedforward layer."""

    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.words = nn.Embedding(40, 8)
        self.feedforward = nn.Sequential(nn.Linear(8, 3), activation, nn.Linear(3, 3))

    def forward(self, title: Tensor) -> Tensor:
        logits: Tensor = self.feedforward(self.words(title).mean(1))
        return logits


@pair("dead-units", "constant-output", group="init")
def feedforward_that_starts_below_zero(sick: bool) -> Arguments:
    """The few rectified units start below zero on all titles and stay (allenai/allennlp-as-a-library-example#8)."""
    seeded()
    venue = torch.randint(0, 3, (600,))
    common = torch.rand(600, 40) < 0.6
    title = torch.where(
        common, torch.randint(0, 25, (600, 40)), 25 + 5 * venue[:, None] + torch.randint(0, 5, (600, 40))
    )
    seeded(5885)
    model = TitleClassifier(nn.ReLU() if sick else nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(title, venue))
