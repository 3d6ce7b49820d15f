"""Programs with a wrong backward of their own, or with randomness that no seed holds, and their healthy twins."""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Function

from tests.zoo.own.models_samples import batches, digits, patches, seed, standardised, table, topics
from tests.zoo.own.models_tables_and_images import WordLstm, mlp
from tests.zoo.program import Arguments, pair


class Swish(Function):
    """x · sigmoid(x) that keeps only its input for the backward pass."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        return grad * (gate + x * gate * (1 - gate))


class SwishWithoutProductRule(Swish):
    """The same, with the slope of the gate multiplied instead of added."""

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        gate = torch.sigmoid(x)
        return grad * gate * (1 - gate)


class Activation(nn.Module):
    """A custom function as a module."""

    def __init__(self, function: type[Function]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function.apply(x)


@pair("gradient-check", group="backward", source="scikit-learn")
def swish_without_the_product_rule(sick: bool) -> Arguments:
    """A memory-saving Swish has a backward of its own, in which the product rule went wrong."""
    seed()
    x, y = table("breast_cancer")
    activation = Activation(SwishWithoutProductRule if sick else Swish)
    model = nn.Sequential(nn.Linear(30, 48), activation, nn.Linear(48, 48), activation, nn.Linear(48, 2))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = batches(standardised(x), y)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class Normalise(Function):
    """Layer normalisation over the last axis, without scale and shift."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        inverse = (x.var(-1, keepdim=True, unbiased=False) + 1e-5).rsqrt()
        out = (x - x.mean(-1, keepdim=True)) * inverse
        ctx.save_for_backward(out, inverse)
        return out

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        out, inverse = ctx.saved_tensors
        along = (grad * out).mean(-1, keepdim=True)
        return inverse * (grad - grad.mean(-1, keepdim=True) - out * along)


class NormaliseByConstants(Normalise):
    """The same, with mean and deviation taken for constants in the backward pass."""

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        _, inverse = ctx.saved_tensors
        return inverse * grad


class Mixer(nn.Module):
    """An MLP-Mixer of one block over 4×4 tiles of colour images (N, 3, 16, 16)."""

    def __init__(self, normalise: type[Function], width: int = 48) -> None:
        super().__init__()
        self.normalise = normalise
        self.tiles = nn.Conv2d(3, width, 4, stride=4)
        self.over_tiles, self.over_channels = mlp(16, 32, 16), mlp(width, 64, width)
        self.head = nn.Linear(width, 2)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        x = self.tiles(x).flatten(2).transpose(1, 2)
        x = x + self.over_tiles(self.normalise.apply(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.over_channels(self.normalise.apply(x))
        return self.head(self.normalise.apply(x).mean(1))


@pair("gradient-check", group="backward", source="published")
def normalised_by_constants(sick: bool) -> Arguments:
    """A layer normalisation written by hand forgets, in its backward, that mean and deviation depend on the input."""
    seed()
    images, labels = patches()
    model = Mixer(NormaliseByConstants if sick else Normalise)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = batches(images / 127.5 - 1, labels)
    return {"model": model, "loader": loader, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class DenoisingAutoencoder(nn.Module):
    """An autoencoder of rows (N, 64) that adds noise to its input while it is trained."""

    def __init__(self, noise_of_numpy: bool) -> None:
        super().__init__()
        self.noise_of_numpy = noise_of_numpy
        self.encoder, self.decoder = mlp(64, 64, 24), mlp(24, 64, 64)

    def forward(self, x: Tensor) -> Tensor:
        noisy = x
        if self.training and self.noise_of_numpy:
            noisy = x + torch.from_numpy(np.random.default_rng().normal(0, 0.3, x.shape)).to(x)
        elif self.training:
            noisy = x + 0.3 * torch.randn_like(x)
        return self.decoder(torch.relu(self.encoder(noisy)))


@pair("nondeterminism", group="backward", source="scikit-learn")
def noise_from_a_new_generator(sick: bool) -> Arguments:
    """Every forward pass makes a NumPy generator without a seed, so no seed of the script reaches the noise."""
    seed()
    images, _ = digits()
    pixels = images.flatten(1) / 16
    model = DenoisingAutoencoder(noise_of_numpy=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(pixels, pixels), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


class WordDropout(nn.Module):
    """Replace words (N, T) by the unknown word 1, at random, while training."""

    def __init__(self, by_the_clock: bool, share: float = 0.2) -> None:
        super().__init__()
        self.by_the_clock, self.share = by_the_clock, share

    def forward(self, ids: Tensor) -> Tensor:
        if not self.training:
            return ids
        generator = torch.Generator().manual_seed(time.time_ns() % 2**31) if self.by_the_clock else None
        return ids.masked_fill(torch.rand(ids.shape, generator=generator) < self.share, 1)


@pair("nondeterminism", group="backward", source="published")
def word_dropout_by_the_clock(sick: bool) -> Arguments:
    """Word dropout seeds a generator with the time of day, so that two runs of one seed differ."""
    seed()
    model = nn.Sequential(WordDropout(by_the_clock=sick), WordLstm())
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": batches(*topics()), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}
