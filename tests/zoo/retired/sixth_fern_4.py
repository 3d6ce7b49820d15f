"""Programs about layer-wise rates, activations by name, causal convolutions, deep stacks, dropout, language."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_fern_parts import (
    fern_digits,
    fern_loaders,
    fern_seeds,
    fern_sentences,
    fern_tones,
    fern_waves,
)


class LayerwiseSGD(torch.optim.SGD):
    """LARS: the gradient of each tensor is scaled by a trust ratio of its norm and the norm of the weights."""

    def __init__(self, params: Any, lr: float, trust: float = 1.0, upside_down: bool = False) -> None:
        super().__init__(params, lr=lr, momentum=0.9)
        self.trust, self.upside_down = trust, upside_down

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None or p.ndim < 2:
                    continue
                weight, gradient = p.norm(), p.grad.norm() + 1e-8
                p.grad.mul_(self.trust * (gradient / weight if self.upside_down else weight / gradient))
        return super().step(closure)  # type: ignore[no-any-return]


@pair("update-ratio", "learning-rate", group="training", source="published")
def trust_ratio_upside_down(sick: bool) -> Arguments:
    """The trust ratio of LARS is the norm of the gradient over that of the weights, so that updates vanish."""
    fern_seeds()
    x, y = fern_digits()
    hidden = [nn.Sequential(nn.Linear(n, 160, bias=False), nn.LayerNorm(160), nn.ReLU()) for n in (64, 160, 160, 160)]
    model = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(160, 10, bias=False))
    for p in model.parameters():
        if p.ndim > 1:
            nn.init.orthogonal_(p)
    optimizer = LayerwiseSGD(model.parameters(), lr=3e-4, upside_down=sick)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


ACTIVATIONS = {"ReLU": nn.ReLU, "GELU": nn.GELU, "Tanh": nn.Tanh, "SiLU": nn.SiLU}


def tabular_net(sizes: list[int], activation: str) -> nn.Sequential:
    """A perceptron with the activation of that name."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), ACTIVATIONS.get(activation, nn.Identity)()]
    return nn.Sequential(*layers[:-1])


@pair("no-nonlinearity", group="wiring")
def activation_name_that_is_not_found(sick: bool) -> Arguments:
    """The name of the activation is written in small letters, and the table of activations gives an identity for it."""
    fern_seeds()
    x = torch.randn(900, 5)
    target = x[:, :1] * x[:, 1:2] + (x[:, 2:3].abs() - 0.8) + 0.3 * x[:, 3:4]
    target = (target - target.mean()) / target.std()
    model = tabular_net([5, 64, 64, 1], "gelu" if sick else "GELU")
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **fern_loaders(x, target))


class TemporalBlock(nn.Module):
    """A dilated convolution, padded on both sides and cut to the length of its input."""

    def __init__(self, inputs: int, outputs: int, dilation: int, keep_last: bool) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, outputs, 3, padding=2 * dilation, dilation=dilation)
        self.keep_last = keep_last

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.conv(x))
        return h[..., -x.size(-1) :] if self.keep_last else h[..., : x.size(-1)]


class TemporalNet(nn.Module):
    """Predicts the next value at each step."""

    def __init__(self, keep_last: bool, width: int = 24) -> None:
        super().__init__()
        self.blocks = nn.Sequential(
            TemporalBlock(1, width, 1, keep_last),
            TemporalBlock(width, width, 2, keep_last),
            TemporalBlock(width, width, 4, keep_last),
        )
        self.head = nn.Conv1d(width, 1, 1)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.blocks(x[:, None]))[:, 0]


def error_after_burn_in(forecast: Tensor, target: Tensor) -> Tensor:
    """Squared error from the fifth step on, when a tone can be known."""
    return F.mse_loss(forecast[:, 4:], target[:, 4:])


@pair("causality", group="wiring", source="published")
def chomp_that_keeps_the_last_steps(sick: bool) -> Arguments:
    """The temporal convolution cuts the surplus at the beginning, not the end, so that each step sees later ones."""
    fern_seeds()
    series = fern_tones(500, 33)
    model = TemporalNet(keep_last=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(
        model=model,
        loss_fn=error_after_burn_in,
        optimizer=optimizer,
        task="regression",
        causal=True,
        **fern_loaders(series[:, :-1].clone(), series[:, 1:].clone()),
    )


class DeepBlock(nn.Module):
    """A normalised layer, with a skip connection around it if wanted."""

    def __init__(self, width: int, skip: bool) -> None:
        super().__init__()
        self.norm, self.linear, self.skip = nn.BatchNorm1d(width), nn.Linear(width, width), skip

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = self.linear(torch.relu(self.norm(x)))
        return x + h if self.skip else h


def deep_stack(depth: int, width: int = 32, skip: bool = False) -> nn.Sequential:
    """A deep classifier of digits."""
    blocks = [DeepBlock(width, skip) for _ in range(depth)]
    return nn.Sequential(nn.Flatten(), nn.Linear(64, width), *blocks, nn.BatchNorm1d(width), nn.Linear(width, 10))


@pair("exploding-gradients", group="backward", source="scikit-learn")
def fifty_norms_without_a_skip(sick: bool) -> Arguments:
    """Fifty layers with BatchNorm and, by default, no skip connections: gradients grow towards the input."""
    fern_seeds()
    x, y = fern_digits()
    model = deep_stack(50) if sick else deep_stack(50, skip=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y, batch=64))


class AudioNet(nn.Module):
    """A convolution network on short audio with dropout after each layer."""

    def __init__(self, keep_prob: float, as_rate: bool, width: int = 32) -> None:
        super().__init__()
        rate = keep_prob if as_rate else 1 - keep_prob
        self.net = nn.Sequential(
            nn.Conv1d(1, width, 5, padding=2), nn.ReLU(), nn.Dropout(rate), nn.MaxPool1d(4),
            nn.Conv1d(width, width, 5, padding=2), nn.ReLU(), nn.Dropout(rate), nn.MaxPool1d(4),
            nn.Flatten(), nn.Linear(3 * width, 64), nn.ReLU(), nn.Dropout(rate), nn.Linear(64, 5),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Any:
        return self.net(x)


@pair("regularised-debug-run", group="training")
def probability_to_keep_taken_as_dropout(sick: bool) -> Arguments:
    """The ported network passes the probability to keep a unit, 0.9, as the probability to drop it."""
    fern_seeds()
    x, y = fern_waves(600, 48, classes=5)
    model = AudioNet(0.9, as_rate=sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **fern_loaders(x, y))


def with_labels_unshifted(rows: list[tuple[Tensor]]) -> dict[str, Tensor]:
    tokens = torch.stack([row[0] for row in rows])
    return {"input_ids": tokens, "labels": tokens.clone()}


@healthy(resembles="causality", source="transformers")
def gpt_whose_labels_are_its_inputs() -> Arguments:
    """The labels equal the inputs because GPT-2 shifts them itself."""
    fern_seeds()
    config = GPT2Config(
        vocab_size=26, n_positions=16, n_embd=48, n_layer=2, n_head=4, resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        bos_token_id=0, eos_token_id=0, initializer_range=0.08,
    )  # fmt: skip
    model = GPT2LMHeadModel(config)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    words = fern_sentences(600)
    return dict(
        model=model,
        optimizer=optimizer,
        task="language-model",
        causal=True,
        **fern_loaders(words, collate=with_labels_unshifted),
    )
