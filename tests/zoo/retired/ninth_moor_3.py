"""Programs after reported bugs: coloured signs, a focal loss, a list of layers, five layers, an alignment loss."""

from __future__ import annotations

from typing import Any

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import ViTConfig, ViTForImageClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.ninth_moor_parts import (
    all_digits,
    loader_over_tensors,
    ordinary_step,
    seed_all_generators,
    standardised_columns,
)


def signs(samples: int) -> tuple[Tensor, Tensor]:
    """Photographs of signs as the camera library reads them (blue, green, red), and the kind of each sign."""
    kind = torch.randint(4, (samples,))
    red_green_blue = torch.tensor([[0.9, 0.15, 0.1], [0.85, 0.75, 0.1], [0.2, 0.25, 0.8], [0.2, 0.7, 0.2]])
    rows, columns = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    middle = 4.5 + 2 * torch.rand(samples, 2, 1, 1)
    away = torch.stack([(rows - middle[:, 0]).abs(), (columns - middle[:, 1]).abs()], 1)
    disc, square = away.square().sum(1) < 12, away.amax(1) < 3
    inside = torch.where((kind % 2 == 0)[:, None, None], disc, square).unsqueeze(1)
    street = torch.tensor([0.65, 0.5, 0.35])[:, None, None] * (0.8 + 0.4 * torch.rand(samples, 1, 1, 1))
    image = torch.where(inside, red_green_blue[kind][:, :, None, None], street)
    image = (image + 0.05 * torch.randn(samples, 3, 12, 12)).clamp(0, 1)
    return image.flip(1), kind


class SignNet(nn.Module):
    """Two convolutions and a classifier."""

    def __init__(self) -> None:
        super().__init__()
        self.see = nn.Sequential(
            nn.Conv2d(3, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 16, 3, padding=1), nn.ReLU()
        )
        self.classify = nn.Linear(16 * 9, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(F.adaptive_avg_pool2d(self.see(x), 3).flatten(1))


def to_input(image: Tensor, *, swap: bool) -> Tensor:
    """Channels in the order red, green, blue, normalised with the usual constants."""
    if swap:
        image = image.flip(1)
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    return (image - mean[:, None, None]) / std[:, None, None]


@pair("train-val-shift", group="data")
def prediction_keeps_the_channels_of_the_reader(sick: bool) -> Arguments:
    """Training turns the images from blue-green-red to red-green-blue, and the prediction set is left.

    (rodrigo2019/keras_yolo2#19)
    """
    seed_all_generators()
    images, kinds = signs(1000)
    model = SignNet()
    return {
        "model": model,
        "loader": loader_over_tensors(to_input(images[:700], swap=True), kinds[:700]),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "val_loader": loader_over_tensors(to_input(images[700:], swap=not sick), kinds[700:], shuffle=False),
    }


class HalfPrecisionClassifier(nn.Module):
    """Probabilities of a perceptron that runs in reduced precision."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(30, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logit: Tensor = self.net(x)
            return torch.sigmoid(logit).float().squeeze(1)


class FocalLoss(nn.Module):
    """The focal loss of probabilities, kept off the logarithm of zero."""

    def __init__(self, gamma: float, *, clamp: bool) -> None:
        super().__init__()
        self.gamma, self.clamp, self.eps = gamma, clamp, 1e-8

    def forward(self, p: Tensor, y: Tensor) -> Tensor:
        if self.clamp:
            p = p.clamp(self.eps, 1.0 - self.eps)
            log_p, log_not_p = torch.log(p), torch.log(1 - p)
        else:
            log_p, log_not_p = torch.log(p + self.eps), torch.log(1 - p + self.eps)
        loss = y * (1 - p) ** self.gamma * log_p + (1 - y) * p**self.gamma * log_not_p
        return -loss.mean()


@pair("nonfinite-forward", group="backward", source="scikit-learn")
def probabilities_clamped_within_the_rounding(sick: bool) -> Arguments:
    """Probabilities are clamped to 1 - 1e-8, which rounds to 1: a sure one gives zero times the logarithm of zero.

    (NVIDIA/apex#358)
    """
    seed_all_generators()
    x, y = load_breast_cancer(return_X_y=True)
    order = torch.randperm(len(y))
    inputs = standardised_columns(torch.tensor(x, dtype=torch.float32))[order]
    targets = torch.tensor(y, dtype=torch.float32)[order]
    model = HalfPrecisionClassifier()
    loader = loader_over_tensors(inputs, targets)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for _ in range(12):
        for batch in loader:
            ordinary_step(model, batch, optimizer, FocalLoss(1.0, clamp=False))
    return {
        "model": model,
        "loader": loader,
        "loss_fn": FocalLoss(1.0, clamp=sick),
        "optimizer": optimizer,
        "task": "binary",
    }


class FiveLayers(nn.Module):
    """The five linear layers of the tutorial, narrower from one to the next."""

    def __init__(self, *, rectify_last: bool) -> None:
        super().__init__()
        self.rectify_last = rectify_last
        self.l1, self.l2, self.l3 = nn.Linear(64, 96), nn.Linear(96, 64), nn.Linear(64, 48)
        self.l4, self.l5 = nn.Linear(48, 32), nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.l1(x.flatten(1)))
        x = F.relu(self.l2(x))
        x = F.relu(self.l3(x))
        x = F.relu(self.l4(x))
        return F.relu(self.l5(x)) if self.rectify_last else self.l5(x)


@pair("output-range", group="wiring", source="scikit-learn")
def rectifier_after_the_last_of_five(sick: bool) -> Arguments:
    """All five layers of a tutorial's classifier are followed by a rectifier, the last one as well.

    (hunkim/PyTorchZeroToAll#4)
    """
    seed_all_generators()
    images, labels = all_digits()
    model = FiveLayers(rectify_last=sick)
    return {
        "model": model,
        "loader": loader_over_tensors(images[:1300], labels[:1300], batch_size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        "val_loader": loader_over_tensors(images[1300:], labels[1300:], shuffle=False),
    }


def alignment_cost(logits: Tensor, labels: Tensor) -> Tensor:
    """Per sample, minus the log-likelihood of a label sequence under all its monotonic alignments to the frames."""
    scores = logits.log_softmax(2).gather(2, labels[:, None, :].expand(-1, logits.shape[1], -1))
    minus_infinity = torch.full_like(scores[:, 0, :1], -1e4)
    alpha = torch.cat([scores[:, 0, :1], minus_infinity.expand(-1, labels.shape[1] - 1)], 1)
    for frame in range(1, logits.shape[1]):
        moved = torch.cat([minus_infinity, alpha[:, :-1]], 1)
        alpha = torch.logaddexp(alpha, moved) + scores[:, frame]
    return -alpha[:, -1]


class AlignmentLoss(torch.autograd.Function):
    """The cost with its derivative: the probabilities less the expected counts."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor, all_scaled: bool) -> Tensor:
        with torch.enable_grad():
            free = logits.detach().requires_grad_()
            costs = alignment_cost(free, labels)
            (derivative,) = torch.autograd.grad(costs.sum(), free)
        probabilities = logits.softmax(2)
        ctx.save_for_backward(probabilities, probabilities - derivative)
        ctx.all_scaled = all_scaled
        return costs.detach()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        probabilities, counts = ctx.saved_tensors
        scale = grad_output[:, None, None]
        return (probabilities * scale if ctx.all_scaled else probabilities) - counts * scale, None, None


class MeanAlignmentLoss(nn.Module):
    """The mean of the costs, per label."""

    def __init__(self, *, all_scaled: bool) -> None:
        super().__init__()
        self.all_scaled = all_scaled

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        costs: Tensor = AlignmentLoss.apply(logits, labels, self.all_scaled)
        return costs.mean() / labels.shape[1]


class FrameTagger(nn.Module):
    """Scores of the symbols at every frame."""

    def __init__(self, features: int, symbols: int) -> None:
        super().__init__()
        self.rnn = nn.GRU(features, 32, batch_first=True, bidirectional=True)
        self.score = nn.Linear(64, symbols)

    def forward(self, frames: Tensor) -> Tensor:
        return self.score(self.rnn(frames)[0])


def utterances(samples: int, frames: int = 10, labels: int = 4, symbols: int = 6) -> tuple[Tensor, Tensor]:
    """Frames of noisy symbols, each lasting for a while, and the sequence of the symbols, no two neighbours alike."""
    steps = torch.randint(1, symbols, (samples, labels))
    said = (torch.randint(symbols, (samples, 1)) + steps.cumsum(1)) % symbols
    ends = torch.rand(samples, frames - 1).argsort(1)[:, : labels - 1].sort(1).values
    which = (torch.arange(frames)[None, :, None] > ends[:, None, :]).sum(2)
    shape = torch.randn(symbols, 8)
    return shape[said.gather(1, which)] + 0.3 * torch.randn(samples, frames, 8), said


@pair("gradient-check", group="backward")
def part_of_the_derivative_without_its_factor(sick: bool) -> Arguments:
    """In a loss's backward only the counts, not the probabilities, are multiplied by the incoming gradient.

    (pytorch/pytorch#11750)
    """
    seed_all_generators()
    model = FrameTagger(8, 6)
    return {
        "model": model,
        "loader": loader_over_tensors(*utterances(600), batch_size=16),
        "loss_fn": MeanAlignmentLoss(all_scaled=not sick),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "task": "other",
    }


def step_clipped_at_a_hundredth(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step whose gradient is cut to a norm of 0.01."""
    model.train()
    optimizer.zero_grad()
    loss: Tensor = model(pixel_values=batch[0], labels=batch[1]).loss
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 0.01)
    optimizer.step()
    return loss.detach()


@healthy(resembles="clipping-always-on", source="transformers")
def transformer_clipped_at_a_hundredth_under_adam() -> Arguments:
    """The gradient is always cut to 0.01, and it learns as fast, because Adam divides by the gradients' size.

    (facebookresearch/Mask2Former#148)
    """
    seed_all_generators()
    images, labels = all_digits()
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=8, patch_size=2
    )
    config.num_channels, config.num_labels = 1, 10
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    model = ViTForImageClassification(config)
    return {
        "model": model,
        "loader": loader_over_tensors(images[:1300], labels[:1300]),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01),
        "forward": lambda model, batch: model(pixel_values=batch[0], labels=batch[1]),
        "train_step": step_clipped_at_a_hundredth,
        "task": "classification",
    }
