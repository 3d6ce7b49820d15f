"""Programs with a backward pass written by hand that is wrong, and programs that chance runs differently every time."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, letter_windows, seed_everything


class FusedSquaredError(torch.autograd.Function):
    """Squared error whose gradient is made in the forward, to spare memory."""

    @staticmethod
    def forward(ctx: Any, output: Tensor, target: Tensor, honour_weight: bool) -> Tensor:
        error = output - target
        ctx.save_for_backward(2 * error / error.numel())
        ctx.honour_weight = honour_weight
        return error.square().mean()

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad_output if ctx.honour_weight else gradient, None, None


class ClassifyAndRedraw(nn.Module):
    """One encoder, a head for the class and a decoder that draws the image again."""

    def __init__(self, width: int = 12):
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, width), nn.Tanh())
        self.head = nn.Linear(width, 10)
        self.decoder = nn.Sequential(nn.Linear(width, 48), nn.ReLU(), nn.Linear(48, 64))

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        code = self.encoder(image)
        return self.head(code), self.decoder(code), image.flatten(1)


class WeightedTasks(nn.Module):
    """Cross-entropy, and a ten-thousandth of the error of the drawing in units of grey levels."""

    def __init__(self, honour_weight: bool):
        super().__init__()
        self.honour_weight = honour_weight

    def forward(self, outputs: tuple[Tensor, Tensor, Tensor], labels: Tensor) -> Tensor:
        logits, drawing, image = outputs
        redraw = FusedSquaredError.apply(16 * drawing, 16 * image, self.honour_weight)
        return F.cross_entropy(logits, labels) + 1e-4 * redraw


@pair("gradient-check", group="backward", source="scikit-learn")
def fused_loss_forgets_the_weight_it_is_given(sick: bool) -> Arguments:
    """The fused loss returns its own gradient and not that times what arrives: the weight of 1e-4 is ignored."""
    seed_everything()
    model = ClassifyAndRedraw()
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": WeightedTasks(honour_weight=not sick),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "classification",
    }


class ShiftInTime(torch.autograd.Function):
    """A fold of the channels one frame ahead, a fold one frame back (temporal shift module)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, fold: int, turn_back: bool) -> Tensor:
        ctx.fold, ctx.turn_back = fold, turn_back
        return ShiftInTime.shift(x, fold, forwards=True)

    @staticmethod
    def shift(x: Tensor, fold: int, forwards: bool) -> Tensor:
        shifted = torch.zeros_like(x)
        ahead, back = slice(0, fold), slice(fold, 2 * fold)
        if not forwards:
            ahead, back = back, ahead
        shifted[:, 1:, ahead] = x[:, :-1, ahead]
        shifted[:, :-1, back] = x[:, 1:, back]
        shifted[:, :, 2 * fold :] = x[:, :, 2 * fold :]
        return shifted

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None, None]:
        return ShiftInTime.shift(grad_output, ctx.fold, forwards=not ctx.turn_back), None, None


class ShiftNet(nn.Module):
    """The rows of an image as frames: four layers of shift and linear, and the class from all."""

    def __init__(self, turn_back: bool, width: int = 32):
        super().__init__()
        self.turn_back = turn_back
        self.stem = nn.Linear(8, width)
        self.layers = nn.ModuleList(nn.Linear(width, width) for _ in range(4))
        self.head = nn.Linear(8 * width, 10)

    def forward(self, image: Tensor) -> Tensor:
        h = self.stem(image.squeeze(1))
        for layer in self.layers:
            h = F.gelu(layer(ShiftInTime.apply(h, h.shape[-1] // 2, self.turn_back)))
        return self.head(h.flatten(1))


@pair("gradient-check", group="backward", source="published")
def shift_that_goes_the_same_way_back(sick: bool) -> Arguments:
    """The backward of the shift in time moves gradients the way the values went: they arrive two frames off."""
    seed_everything()
    model = ShiftNet(turn_back=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return {"model": model, "loader": batches(*digit_images()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class SkipGram(nn.Module):
    """Letters predict their neighbour, against letters drawn as negatives in every call."""

    def __init__(self, by_numpy: bool, letters: int = 28, width: int = 16):
        super().__init__()
        self.by_numpy = by_numpy
        self.inner, self.outer = nn.Embedding(letters, width), nn.Embedding(letters, width)
        nn.init.normal_(self.inner.weight, std=0.3)
        nn.init.normal_(self.outer.weight, std=0.3)

    def negatives(self, shape: tuple[int, int]) -> Tensor:
        if self.by_numpy:
            return torch.from_numpy(np.random.default_rng().integers(0, 28, shape))
        return torch.randint(0, 28, shape)

    def forward(self, centre: Tensor, neighbour: Tensor) -> tuple[Tensor, Tensor]:
        here = self.inner(centre)
        true = (here * self.outer(neighbour)).sum(-1)
        drawn = torch.einsum("nd,nkd->nk", here, self.outer(self.negatives((len(centre), 5))))
        return true, drawn


def noise_contrast(scores: tuple[Tensor, Tensor], _: Tensor) -> Tensor:
    """The loss of word2vec: true neighbours up, drawn ones down."""
    true, drawn = scores
    return -(F.logsigmoid(true) + F.logsigmoid(-drawn).sum(1)).mean()


@pair("nondeterminism", group="backward", source="own")
def negatives_from_a_generator_without_a_seed(sick: bool) -> Arguments:
    """Negatives come from a NumPy generator made anew, without a seed, in every call: no run can be repeated."""
    seed_everything()
    windows = letter_windows(8, 800)
    centre, neighbour = windows[:, :-1].reshape(-1), windows[:, 1:].reshape(-1)
    chosen = torch.randperm(len(centre))[:1920]
    model = SkipGram(by_numpy=sick)
    return {
        "model": model,
        "loader": batches(centre[chosen], neighbour[chosen], torch.ones(1920), size=64),
        "loss_fn": noise_contrast,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-2),
        "task": "other",
    }


class MixingTrainer:
    """Mixup with the share drawn by the system, or by PyTorch."""

    def __init__(self, system: bool):
        self.system = random.SystemRandom() if system else None
        self.beta = torch.distributions.Beta(0.4, 0.4)

    def train_step(self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        x, y = batch
        share = self.system.betavariate(0.4, 0.4) if self.system else float(self.beta.sample())
        other = x.flip(0)
        logits = model(share * x + (1 - share) * other)
        loss = share * F.cross_entropy(logits, y) + (1 - share) * F.cross_entropy(logits, y.flip(0))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()


def small_vgg() -> nn.Sequential:
    """Two stages of a VGG."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


@pair("nondeterminism", group="backward", source="published")
def mixup_by_the_randomness_of_the_system(sick: bool) -> Arguments:
    """How much of each image is mixed in comes from the operating system's entropy, which no seed reaches."""
    seed_everything()
    model = small_vgg()
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": MixingTrainer(system=sick).train_step,
    }
