"""Programs after reported bugs: a language model, a board game, a deep net of convolutions, slides, segments."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_moor_parts import all_digits, loader_over_tensors, ordinary_step, seed_all_generators


def zero_bias(layer: nn.Conv2d) -> None:
    """Start a convolution without an offset."""
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


TALE = """
the harbour lay under a thin fog when the two brothers came down the stairs with their nets and a lamp
nobody had seen the old boat for a week and the men at the inn spoke of it as one speaks of the dead
we will row as far as the white rock said the elder and then wait for whatever the morning brings us
a gull cried twice over the roofs and from the hill a bell answered as if it had been asked something
the younger brother counted the strokes on his cold fingers and found that there was one too many today
out on the water the fog was like wool and every splash of the oars seemed to come from another boat
near the rock they heard singing low and patient in a language that their grandmother used to speak
do not answer it whispered the elder but his brother had already lifted the lamp above his head to look
what they saw was only a buoy with a broken mouth through which the wind blew its three careful notes
they laughed until the boat shook and then they were quiet for a long time since both had been afraid
at noon the sun found them asleep among the nets with their hands open like the hands of small children
that evening at the inn they told of mermaids and nobody believed them and everybody asked for more
"""


class CharacterModel(nn.Module):
    """The next character from the embeddings of the last ten, through one hidden layer of tanh."""

    def __init__(self, characters: int, context: int, hidden: int = 100, *, scaled_output: bool) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(characters, 10))
        self.w1 = nn.Parameter(torch.randn(10 * context, hidden) * (5 / 3) / math.sqrt(10 * context))
        self.b1 = nn.Parameter(torch.randn(hidden) * 0.01)
        self.w2 = nn.Parameter(torch.randn(hidden, characters) * (0.01 if scaled_output else 1.0))
        self.b2 = nn.Parameter(torch.randn(characters) * (0.0 if scaled_output else 1.0))

    def forward(self, context: Tensor) -> Tensor:
        hidden = torch.tanh(self.table[context].flatten(1) @ self.w1 + self.b1)
        return hidden @ self.w2 + self.b2


@pair("loss-at-init", group="init")
def logits_of_a_character_model_at_random(sick: bool) -> Arguments:
    """The output layer is drawn with deviation 1, so that the first loss is many times the logarithm of the classes.

    (bigghis.github.io/AI-appunti/guide/optimizations/initialloss.html)
    """
    seed_all_generators()
    characters = sorted(set(TALE))
    text = torch.tensor([characters.index(c) for c in TALE.strip()])
    windows = text.unfold(0, 11, 1)
    model = CharacterModel(len(characters), 10, scaled_output=not sick)
    return {
        "model": model,
        "loader": loader_over_tensors(windows[:, :10].contiguous(), windows[:, 10].contiguous()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
        "task": "classification",
    }


class BoardBlock(nn.Module):
    """Two convolutions and a way past them."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.conv2(F.relu(self.conv1(x))))


class BoardNet(nn.Module):
    """The value of a position between -1 and 1, from a residual tower."""

    def __init__(self, channels: int = 16, blocks: int = 5, *, fan_with_the_kernel: bool) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2, channels, 3, padding=1)
        self.tower = nn.Sequential(*[BoardBlock(channels) for _ in range(blocks)])
        self.reduce = nn.Conv2d(channels, 4, 1)
        self.hidden, self.value = nn.Linear(4 * 25, 32), nn.Linear(32, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fans, kernel = layer.in_channels + layer.out_channels, layer.kernel_size
                if fan_with_the_kernel:
                    deviation = math.sqrt(2 / (fans * kernel[0] * kernel[1]))
                else:
                    deviation = math.sqrt(2 / (fans + kernel[0] + kernel[1]))
                nn.init.normal_(layer.weight, 0.0, deviation)
                zero_bias(layer)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.reduce(self.tower(F.relu(self.enter(x)))))
        return torch.tanh(self.value(F.relu(self.hidden(x.flatten(1))))).squeeze(1)


def positions(samples: int) -> tuple[Tensor, Tensor]:
    """Boards with the stones of two players, and how it stands: who has more stones where they count most."""
    stones = torch.randint(3, (samples, 5, 5))
    boards = torch.stack([stones == 1, stones == 2], 1).float()
    rows, columns = torch.meshgrid(torch.arange(5.0), torch.arange(5.0), indexing="ij")
    worth = 1.0 / (1 + (rows - 2).abs() + (columns - 2).abs())
    lead = ((boards[:, 0] - boards[:, 1]) * worth).sum((1, 2))
    return boards, torch.tanh(0.8 * lead)


@pair("saturated-units", "init-scale", group="init", source="published")
def kernel_sizes_added_to_the_channels(sick: bool) -> Arguments:
    """Xavier's deviation adds kernel sizes to channels: the tower grows, the value is 1 or -1.

    (LeelaChessZero/lczero-training#43)
    """
    seed_all_generators()
    model = BoardNet(fan_with_the_kernel=not sick)
    return {
        "model": model,
        "loader": loader_over_tensors(*positions(1000)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "regression",
    }


class VeryDeepNet(nn.Module):
    """Sixteen convolutions in four groups, a hidden layer and a classifier, nothing normalised."""

    def __init__(self, *, kaiming: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for width in (12, 16, 20, 24):
            for _ in range(4):
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
                channels = width
            if width in {12, 20}:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.classify = nn.Sequential(nn.Linear(24 * 4, 64), nn.ReLU(), nn.Linear(64, 10))
        if kaiming:
            for layer in self.features:
                if isinstance(layer, nn.Conv2d):
                    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                    zero_bias(layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.features(x).flatten(1))


@pair("vanishing-gradients", "init-scale", group="backward", source="published")
def sixteen_convolutions_at_the_default(sick: bool) -> Arguments:
    """A very deep net keeps the default initialisation and learns nothing from scratch (facebookarchive/fbcunn#75)."""
    seed_all_generators()
    images, labels = all_digits()
    model = VeryDeepNet(kaiming=not sick)
    return {
        "model": model,
        "loader": loader_over_tensors(images[:1300], labels[:1300]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4),
    }


class SiteClassifier(nn.Module):
    """Which laboratory a tile of a slide comes from; all weights are drawn from one Gaussian."""

    def __init__(self, sites: int, deviation: float, width: int = 128) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(3, 64, 3, stride=2, padding=1), nn.InstanceNorm2d(64), nn.LeakyReLU(0.2))
        layers: list[nn.Module] = []
        for before in (64, width):
            layers += [nn.Conv2d(before, width, 4, stride=2, padding=1), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers)
        self.leave = nn.Conv2d(width, sites, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, deviation)
                zero_bias(layer)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.body(self.enter(x))).mean((2, 3))


def tiles(samples: int) -> tuple[Tensor, Tensor]:
    """Tiles of stained tissue from three laboratories, which differ in the grain and the mixture of their stains."""
    site = torch.randint(3, (samples,))
    tissue = F.avg_pool2d(torch.randn(samples, 1, 18, 18), 3, stride=1) * 3
    grain = torch.randn(samples, 1, 16, 16) * torch.tensor([0.1, 0.5, 0.9])[site][:, None, None, None]
    stain = torch.tensor([[0.9, 0.3, 0.7], [0.6, 0.4, 0.9], [0.8, 0.6, 0.5]])[site][:, :, None, None]
    x = (tissue + grain) * stain + 0.1 * torch.randn(samples, 3, 16, 16)
    return (x - x.mean()) / x.std(), site


@pair("exploding-gradients", "init-scale", group="backward", source="published")
def deviation_of_two_tenths(sick: bool) -> Arguments:
    """A typing error makes the deviation of all initial weights 0.2 in place of 0.02 (sophiajw/HistAuGAN#7)."""
    seed_all_generators()
    model = SiteClassifier(3, deviation=0.2 if sick else 0.02)
    return {
        "model": model,
        "loader": loader_over_tensors(*tiles(400), batch_size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-4, betas=(0.5, 0.999)),
    }


class Segmenter(nn.Module):
    """Two classes for every pixel, from convolutions with normalisation and one way past them."""

    def __init__(self) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.middle = nn.Sequential(
            nn.Conv2d(16, 16, 3, padding=2, dilation=2, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        )
        self.leave = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x)
        return self.leave(x + self.middle(x))


def step_in_eval_mode(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step that keeps all normalisation at the statistics of the first training."""
    model.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@healthy(resembles="train-eval-mode", source="published")
def segmenter_tuned_with_its_normalisation_at_rest() -> Arguments:
    """Tuned in eval mode: asked about, and right, as all normalisation is frozen and dropout there is none.

    (isht7/pytorch-deeplab-resnet#39)
    """
    seed_all_generators()
    images, _ = all_digits()
    ink = (images > 0.3).long().squeeze(1)
    noisy = (images + 0.4 * torch.randn_like(images)) / math.sqrt(1.16)
    model = Segmenter()
    first = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch in loader_over_tensors(images[:600], ink[:600]):
        ordinary_step(model, batch, first, nn.CrossEntropyLoss())
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.requires_grad_(False)
    return {
        "model": model,
        "loader": loader_over_tensors(noisy[600:1500], ink[600:1500]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.02, momentum=0.9),
        "train_step": step_in_eval_mode,
        "val_loader": loader_over_tensors(noisy[1500:], ink[1500:], shuffle=False),
        "task": "segmentation",
    }
