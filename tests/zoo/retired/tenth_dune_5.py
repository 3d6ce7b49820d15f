"""A convolutional start, a pruned network, scans of two hospitals, dense anchors, thoughts of sentences and a U-Net."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.tenth_dune_parts import (
    digit_images,
    for_validation,
    marked_images,
    seeded,
    shuffled,
    split_loaders,
)


def he_init(convolution: nn.Conv2d, *, patch_size: int) -> None:
    """Start a convolution by the rule for rectifiers, given how many places a filter covers."""
    nn.init.normal_(convolution.weight, 0.0, math.sqrt(2.0 / (convolution.in_channels * patch_size)))
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)


@pair("init-scale", group="init", source="scikit-learn")
def fan_of_a_filter_without_its_patch(sick: bool) -> Arguments:
    """The rule for rectifiers counts the channels of a filter and not its patch (thu-ml/zhusuan#7)."""
    seeded()
    layers: list[nn.Module] = []
    for inside, outside in ((1, 16), (16, 16), (16, 16), (16, 16), (16, 24)):
        convolution = nn.Conv2d(inside, outside, 3, padding=1)
        he_init(convolution, patch_size=1 if sick else 9)
        layers += [convolution, nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(96, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **split_loaders(*digit_images()))


class PrunedLeNet(nn.Module):
    """A small LeNet, half of whose first dense weights are pruned away."""

    mask: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
        self.fc1, self.fc2 = nn.Linear(192, 48), nn.Linear(48, 10)
        self.register_buffer("mask", (self.fc1.weight.abs() > self.fc1.weight.abs().median()).float())

    def forward(self, x: Tensor) -> Tensor:
        hidden = F.relu(F.linear(self.features(x), 1.4 * self.fc1.weight * self.mask, self.fc1.bias))
        logits: Tensor = self.fc2(hidden)
        return logits


@torch.no_grad()
def share_of_digits_right(model: nn.Module, batch: list[Tensor]) -> float:
    model.eval()
    right: float = (model(batch[0]).argmax(1) == batch[1]).float().mean().item()
    return right


@pair("split-leak", group="data", source="scikit-learn")
def validated_on_what_it_was_trained_on(sick: bool) -> Arguments:
    """The loader for validation was made of the training set (JJGO/shrinkbench#7)."""
    seeded()
    images, classes = digit_images(1000)
    train_dataset = TensorDataset(images[:750], classes[:750])
    val_dataset = TensorDataset(images[750:], classes[750:])
    model = PrunedLeNet()
    return {
        "model": model,
        "loader": shuffled(train_dataset),
        "val_loader": for_validation(train_dataset if sick else val_dataset),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "eval_step": share_of_digits_right,
    }


class AlignedReconstruction(nn.Module):
    """Restores scans of two hospitals, with a critic that tries to tell the hospital from the features."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1))
        self.decoder = nn.Sequential(nn.ReLU(), nn.Conv2d(12, 12, 3, padding=1), nn.ReLU(), nn.Conv2d(12, 1, 1))
        self.critic = nn.Sequential(nn.Linear(24, 24), nn.LeakyReLU(0.2), nn.Linear(24, 1))

    def told(self, features: Tensor) -> Tensor:
        hospital: Tensor = self.critic(torch.cat([features.mean((2, 3)), features.std((2, 3))], 1)).squeeze(1)
        return hospital

    def forward(self, x: Tensor) -> Tensor:
        restored: Tensor = self.decoder(self.encoder(x))
        return restored


def aligning_step(
    model: AlignedReconstruction, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer], *, kept_as: str
) -> Tensor:
    """One step of the reconstruction, which should also deceive the critic, and one of the critic."""
    model.train()
    scans, hospitals, whole = batch
    features = model.encoder(scans)
    loss_rec = F.mse_loss(model.decoder(features), whole)
    loss_adv_g: Any = F.binary_cross_entropy_with_logits(model.told(features), 1.0 - hospitals)
    if kept_as == "number":
        loss_adv_g = loss_adv_g.detach().item()
    loss: Tensor = loss_rec + 0.1 * loss_adv_g
    optimizer["generator"].zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer["generator"].step()
    optimizer["critic"].zero_grad()
    F.binary_cross_entropy_with_logits(model.told(features.detach()), hospitals).backward()  # type: ignore[no-untyped-call]
    optimizer["critic"].step()
    return loss.detach()


@pair("detached-graph", group="wiring", source="published")
def deception_of_the_critic_made_a_number(sick: bool) -> Arguments:
    """The adversarial loss becomes a float for the log before it is added to the sum (guopengf/FL-MRCM#10)."""
    seeded()
    images, _ = digit_images(800)
    hospitals = (torch.rand(800) < 0.5).float()
    scans = images * (1.0 + 0.5 * hospitals[:, None, None, None]) + 0.4 * torch.randn(800, 1, 8, 8)
    scans = (scans - scans.mean()) / scans.std()
    model = AlignedReconstruction()
    network = [*model.encoder.parameters(), *model.decoder.parameters()]
    return {
        "model": model,
        "loader": shuffled(TensorDataset(scans, hospitals, images)),
        "forward": lambda model, batch: model(batch[0]),
        "split": lambda batch: (batch[0], batch[2]),
        "loss_fn": nn.MSELoss(),
        "optimizer": {
            "generator": torch.optim.Adam(network, lr=2e-3),
            "critic": torch.optim.Adam(model.critic.parameters(), lr=2e-3),
        },
        "train_step": partial(aligning_step, kept_as="number" if sick else "tensor"),
        "task": "regression",
    }


class DenseHead(nn.Module):
    """Scores every cell of the image for every kind of mark."""

    def __init__(self, *, prior: bool) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 24, 3, padding=1), nn.ReLU(), nn.Conv2d(24, 24, 3, padding=1), nn.ReLU())
        self.header = nn.Conv2d(24, 3, 1)
        if prior:
            nn.init.zeros_(self.header.weight)
            nn.init.constant_(self.header.bias, -4.59)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.header(self.body(x))
        return logits


def loss_of_the_cells(logits: Tensor, maps: Tensor) -> Tensor:
    """The sum of the focal loss over all cells, per mark that is there."""
    probability = torch.sigmoid(logits)
    wrong = torch.where(maps == 1, 1.0 - probability, probability)
    balance = torch.where(maps == 1, 0.25, 0.75)
    entropy = F.binary_cross_entropy_with_logits(logits, maps, reduction="none")
    return (balance * wrong.square() * entropy).sum() / maps.sum().clamp(min=1.0)


@pair("loss-at-init", "final-bias", group="init", source="published")
def header_that_starts_with_half_of_the_cells(sick: bool) -> Arguments:
    """Every cell starts at one half, and few have a mark (zylo117/Yet-Another-EfficientDet-Pytorch#285)."""
    seeded()
    model = DenseHead(prior=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model,
        loss_fn=loss_of_the_cells,
        optimizer=optimizer,
        task="multilabel",
        **split_loaders(*marked_images(500)),
    )


class Thoughts(nn.Module):
    """Encodes a sentence and tells from the thought, word after word, the sentences before and after it."""

    def __init__(self, *, both: bool) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 16)
        self.encoder = nn.GRU(16, 32, batch_first=True)
        self.prev_lstm = nn.LSTM(48, 32, batch_first=True)
        self.next_lstm = nn.LSTM(48, 32, batch_first=True)
        self.worder = nn.Linear(32, 20)
        self.both = both

    def forward(self, sentence: Tensor, previous: Tensor, following: Tensor) -> Tensor:
        thought = self.encoder(self.words(sentence))[0][:, -1:]
        told = []
        decoders = (self.prev_lstm, self.next_lstm if self.both else self.prev_lstm)
        for lstm, words in zip(decoders, (previous, following), strict=True):
            delayed = F.pad(self.words(words)[:, :-1], (0, 0, 1, 0))
            told.append(self.worder(lstm(torch.cat([thought.expand(-1, words.shape[1], -1), delayed], -1))[0]))
        return torch.stack(told, 1)


def loss_of_both_sentences(logits: Tensor, words: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 2), words.flatten())


@pair("unused-parameters", group="wiring", source="published")
def following_sentence_told_by_the_wrong_decoder(sick: bool) -> Arguments:
    """The decoder of the previous sentence also tells the next one, whose own lies idle (sanyam5/skip-thoughts#1)."""
    seeded()
    drawn = torch.randperm(20**3)[:1000]
    one, two, three = drawn // 400, drawn // 20 % 20, drawn % 20
    sentence = torch.stack([one, two, three, one, two, three], 1)
    previous = torch.stack([one, one, two, two, three, three], 1)
    following = torch.stack([three, two, three, two, one, one], 1)
    told = torch.stack([previous, following], 1)
    model = Thoughts(both=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return dict(
        model=model,
        loss_fn=loss_of_both_sentences,
        optimizer=optimizer,
        **split_loaders(sentence, previous, following, told),
    )


class SmallUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.InstanceNorm2d(12, affine=True), nn.LeakyReLU(0.01)
        )
        self.down2 = nn.Sequential(nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.LeakyReLU(0.01))
        self.up = nn.ConvTranspose2d(24, 12, 2, stride=2)
        self.out = nn.Sequential(nn.Conv2d(24, 12, 3, padding=1), nn.LeakyReLU(0.01), nn.Conv2d(12, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        fine = self.down1(x)
        logits: Tensor = self.out(torch.cat([fine, self.up(self.down2(fine))], 1))
        return logits


def step_clipped_at_twelve(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    model.train()
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(model.parameters(), 12)
    optimizer.step()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="published")
def clipping_at_twelve_against_rare_accidents() -> Arguments:
    """The gradients are clipped at a norm of 12, which they hardly ever have (MIC-DKFZ/nnUNet#1224)."""
    seeded()
    images, maps = marked_images(500, kinds=1)
    covered = F.max_pool2d(maps, 3, stride=1, padding=1)
    model = SmallUNet()
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True),
        train_step=step_clipped_at_twelve,
        **split_loaders(images, covered, batch=16),
    )
