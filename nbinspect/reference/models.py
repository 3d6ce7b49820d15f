"""Small networks that are known to train: three to eight layers, initialised for their activations, always alike.

Random states stay unchanged.

Source: D-depth, D-init.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import wraps
from itertools import pairwise
from typing import ParamSpec

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nbinspect.preserve import preserve
from nbinspect.seeding import seed_torch

_LARGEST_SIDE = 64
Given = ParamSpec("Given")


def _initialised(build: Callable[Given, nn.Module]) -> Callable[Given, nn.Module]:
    """Return what draws a model's weights, He for layers before a ReLU, from a seed of its own, alike on any device."""

    @wraps(build)
    def drawn(*args: Given.args, **kwargs: Given.kwargs) -> nn.Module:
        with preserve(), torch.no_grad(), torch.device("cpu"):
            seed_torch(0)
            model = build(*args, **kwargs)
            for module in model.modules():
                _draw(module)
            last = [module for module in model.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
            last.weight.mul_(0.1)  # first outputs near zero: no class is preferred, no number far off
        return model.requires_grad_().to(torch.empty(0).device)

    return drawn


def _draw(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            module.bias.zero_()
    elif isinstance(module, nn.Embedding):
        nn.init.normal_(module.weight, std=0.5)
    elif isinstance(module, nn.GRU):
        for name, weight in module.named_parameters():
            _ = nn.init.orthogonal_(weight) if "weight" in name else weight.zero_()


@_initialised
def mlp(features: int, outputs: int, *, width: int = 256, depth: int = 3) -> nn.Module:
    """Return layers of `width` units for rows (N, F), or anything that flattens to them; gives (N, outputs)."""
    sizes = [features, *[width] * (depth - 1)]
    layers = [part for one, other in pairwise(sizes) for part in (nn.Linear(one, other), nn.ReLU())]
    return nn.Sequential(Shaped((features,)), *layers, nn.Linear(sizes[-1], outputs))


@_initialised
def cnn(channels: int, outputs: int, *, width: int = 32) -> nn.Module:
    """Return four convolutions for images (N, C, H, W); larger ones are reduced to 64. Gives (N, outputs)."""
    return nn.Sequential(
        _AtMost(_LARGEST_SIDE),
        *_block(channels, width),
        *_block(width, 2 * width, stride=2),
        *_block(2 * width, 2 * width, stride=2),
        *_block(2 * width, 4 * width, stride=2),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * width, outputs),
    )


@_initialised
def recurrent(features: int, outputs: int, *, width: int = 128, per_step: bool = False) -> nn.Module:
    """Return a GRU of two layers for series (N, T, F); gives (N, outputs), or (N, T, outputs) for each step."""
    return _Recurrent(features, outputs, width, per_step)


@_initialised
def transformer(
    tokens: int, outputs: int, *, width: int = 128, depth: int = 2, causal: bool = False, per_step: bool = False
) -> nn.Module:
    """Return a transformer for token ids (N, T) of any length; gives (N, outputs), or (N, T, outputs) for each step.

    Args:
        tokens: size of the vocabulary.
        outputs: numbers a sample or step.
        width: of the embedding; a multiple of 4.
        depth: number of blocks.
        causal: whether a step sees those before it and itself alone.
        per_step: whether each step has outputs of its own.
    """
    return _Transformer(tokens, outputs, width, depth, causal=causal, per_step=per_step)


@_initialised
def unet(channels: int, outputs: int, *, width: int = 32) -> nn.Module:
    """Return a network of three scales with bridges for images (N, C, H, W); gives (N, outputs, H, W)."""
    return _UNet(channels, outputs, width)


def _block(channels: int, outputs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv2d(channels, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]


class _AtMost(nn.Module):
    def __init__(self, side: int) -> None:
        super().__init__()
        self.side = side

    def forward(self, images: Tensor) -> Tensor:
        height, width = (min(size, self.side) for size in images.shape[2:])
        return F.adaptive_avg_pool2d(images, (height, width))


class _Recurrent(nn.Module):
    def __init__(self, features: int, outputs: int, width: int, per_step: bool) -> None:
        super().__init__()
        self.gru = nn.GRU(features, width, num_layers=2, batch_first=True)
        self.head = nn.Linear(width if per_step else 2 * width, outputs)
        self.per_step = per_step

    def forward(self, series: Tensor) -> Tensor:
        states, _ = self.gru(series)
        found: Tensor = self.head(states if self.per_step else torch.cat([states[:, -1], states.mean(1)], 1))
        return found


class _Transformer(nn.Module):
    def __init__(self, tokens: int, outputs: int, width: int, depth: int, *, causal: bool, per_step: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(tokens, width)
        self.blocks = nn.ModuleList(_Attending(width, causal) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)
        self.per_step = per_step

    def forward(self, ids: Tensor) -> Tensor:
        states = self.embedding(ids) + _positions(ids.shape[1], self.embedding.embedding_dim).to(ids.device)
        for block in self.blocks:
            states = block(states)
        found: Tensor = self.head(self.norm(states if self.per_step else states.mean(1)))
        return found


class _Attending(nn.Module):
    def __init__(self, width: int, causal: bool, heads: int = 4) -> None:
        super().__init__()
        self.first, self.second = nn.LayerNorm(width), nn.LayerNorm(width)
        self.asked, self.mixed = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.inner = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.causal, self.heads = causal, heads

    def forward(self, states: Tensor) -> Tensor:
        samples, length, width = states.shape
        parts = self.asked(self.first(states)).view(samples, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=self.causal)
        states = states + self.mixed(found.transpose(1, 2).reshape(samples, length, width))
        added: Tensor = states + self.inner(self.second(states))
        return added


def _positions(length: int, width: int) -> Tensor:
    rates = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(length)[:, None] * rates
    return 0.5 * torch.stack([angles.sin(), angles.cos()], 2).view(length, width)


class _UNet(nn.Module):
    def __init__(self, channels: int, outputs: int, width: int) -> None:
        super().__init__()
        self.fine = nn.Sequential(*_block(channels, width), *_block(width, width))
        self.coarse = nn.Sequential(*_block(width, 2 * width, stride=2), *_block(2 * width, 2 * width))
        self.coarsest = nn.Sequential(*_block(2 * width, 2 * width, stride=2), *_block(2 * width, 2 * width))
        self.joined = nn.Sequential(*_block(4 * width, width))
        self.head = nn.Sequential(*_block(2 * width, width), nn.Conv2d(width, outputs, 1))

    def forward(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        coarse = self.coarse(fine)
        up = F.interpolate(self.coarsest(coarse), size=coarse.shape[2:])
        up = F.interpolate(self.joined(torch.cat([coarse, up], 1)), size=fine.shape[2:])
        found: Tensor = self.head(torch.cat([fine, up], 1))
        return found


class Shaped(nn.Module):
    """Gives outputs, or inputs, in the shape (N, *shape)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, found: Tensor) -> Tensor:
        """Return the same numbers in another shape."""
        return found.reshape(len(found), *self.shape)
