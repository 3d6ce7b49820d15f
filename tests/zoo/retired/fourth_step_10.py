"""Dropped paths, layer-wise rates, a strong decay, a look at pruning, sampled codes, and a cosine with warm-up."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import get_cosine_schedule_with_warmup

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_conv_net,
    step_digits,
    step_loaders,
    step_seeded,
    step_table,
    step_tones,
)


class DropPath(nn.Module):
    """A residual block that is left out for some samples, as in networks of stochastic depth."""

    def __init__(self, width: int, *, own_seed: bool) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        self.own_seed = own_seed

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x + self.block(x)
        generator = None
        if self.own_seed:
            generator = torch.Generator()
            generator.seed()
        kept = torch.rand(len(x), 1, generator=generator) < 0.9
        return x + self.block(x) * kept / 0.9


@pair("nondeterminism", group="backward", source="published")
def paths_dropped_by_the_seed_of_the_system(sick: bool) -> Arguments:
    """The generator of stochastic depth takes a new seed from the system in each forward."""
    step_seeded()
    blocks = [DropPath(48, own_seed=sick) for _ in range(4)]
    model = nn.Sequential(nn.Linear(64, 48), *blocks, nn.LayerNorm(48), nn.Linear(48, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits(flat=True))
    )


class LayerwiseRates(torch.optim.Optimizer):
    """LARS by You et al.: each tensor moves by a set share of its own length."""

    def __init__(self, params: Any, lr: float, trust: float = 1.0, momentum: float = 0.9) -> None:
        super().__init__(params, {"lr": lr, "trust": trust, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                rate = 0.02 * group["lr"]
                if p.ndim > 1:
                    rate = group["lr"] * group["trust"] * p.norm() / (p.grad.norm() + 1e-8)
                velocity = self.state[p].setdefault("velocity", torch.zeros_like(p))
                velocity.mul_(group["momentum"]).add_(p.grad * rate)
                p.sub_(velocity)


@pair("update-ratio", "learning-rate", group="training", source="published")
def layerwise_rates_without_a_trust_coefficient(sick: bool) -> Arguments:
    """LARS gets no trust coefficient: each layer moves by its own length per step instead of a thousandth of it."""
    step_seeded()
    model = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 96), nn.ReLU(), nn.Linear(96, 10))
    optimizer = LayerwiseRates(model.parameters(), lr=1.0, trust=1.0 if sick else 1e-3)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_digits(flat=True))
    )


class ToneReader(nn.Module):
    """A convolution over the wave and a GRU over its frames."""

    def __init__(self) -> None:
        super().__init__()
        self.frames = nn.Conv1d(1, 16, 8, stride=4)
        self.gru = nn.GRU(16, 32, batch_first=True)
        self.head = nn.Linear(32, 4)

    def forward(self, waves: Tensor) -> Tensor:
        x = F.relu(self.frames(waves)).transpose(1, 2)
        return self.head(self.gru(x)[0].mean(1))


@pair("regularised-debug-run", group="training")
def decay_meant_for_a_decoupled_adam(sick: bool) -> Arguments:
    """A decay of 0.1, moderate for AdamW, goes to Adam, which adds it to the gradient and shrinks all weights."""
    step_seeded()
    model = ToneReader()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=0.1 if sick else 1e-5)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **step_loaders(*step_tones()))


def without_small_weights(model: nn.Module) -> dict[str, Tensor]:
    """The weights of a model, the smaller half of each matrix set to zero."""
    return {
        name: value * (value.abs() > value.abs().median()) if value.ndim > 1 else value
        for name, value in model.state_dict().items()
    }


@torch.no_grad()
def accuracy_pruned_on_a_copy(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
    """Accuracy as it is and without the smaller half of the weights."""
    x, y = batch
    whole = (model(x).argmax(1) == y).float().mean().item()
    logits: Tensor = torch.func.functional_call(model, without_small_weights(model), (x,))
    return {"whole": whole, "pruned": (logits.argmax(1) == y).float().mean().item()}


@torch.no_grad()
def accuracy_pruned_in_place(model: nn.Module, batch: list[Tensor]) -> dict[str, float]:
    """Accuracy as it is and without the smaller half of the weights."""
    x, y = batch
    whole = (model(x).argmax(1) == y).float().mean().item()
    model.load_state_dict(without_small_weights(model))
    return {"whole": whole, "pruned": (model(x).argmax(1) == y).float().mean().item()}


@pair("evaluation-changes-model", group="training", source="scikit-learn")
def pruning_tried_on_the_live_model(sick: bool) -> Arguments:
    """Evaluation asks how well the model does without its small weights, and leaves them at zero."""
    step_seeded()
    model = nn.Sequential(nn.Linear(30, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        eval_step=accuracy_pruned_in_place if sick else accuracy_pruned_on_a_copy,
        **step_loaders(*step_table("breast_cancer")),
    )


class DiscreteCodes(nn.Module):
    """An autoencoder with eight discrete codes, sampled by the Gumbel softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64))
        self.decoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, x: Tensor) -> Tensor:
        codes = F.gumbel_softmax(self.encoder(x).view(-1, 8, 8), tau=1.0)
        return torch.sigmoid(self.decoder(codes.flatten(1)))


@healthy(resembles="nondeterminism", source="published")
def codes_sampled_in_every_forward() -> Arguments:
    """Each forward samples other codes, also in eval mode, but from the generator that the seed sets."""
    step_seeded()
    x, _ = step_digits(flat=True)
    model = DiscreteCodes()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **step_loaders(x, x.clone()))


def step_of_both(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, scheduler: Any) -> Tensor:
    """A step of optimizer and scheduler."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1], label_smoothing=0.05)
    loss.backward()
    optimizer.step()
    scheduler.step()
    return loss.detach()


@healthy(resembles="lr-schedule", source="scikit-learn")
def cosine_that_ends_at_zero() -> Arguments:
    """The rate starts at zero, warms up over a tenth of the steps, and falls to zero exactly at the last."""
    step_seeded()
    model = step_conv_net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(label_smoothing=0.05),
        optimizer=optimizer,
        scheduler=get_cosine_schedule_with_warmup(optimizer, 30, 300),
        train_step=step_of_both,
        total_steps=300,
        **step_loaders(*step_digits()),
    )
