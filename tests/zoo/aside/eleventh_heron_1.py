"""Reported bugs, first hand: pairs of digits, routed experts, atoms, a language model and a heat equation."""

from __future__ import annotations

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader
from transformers import LlamaConfig, LlamaForCausalLM

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_heron_parts import (
    ALPHABET,
    batches_in_order_of_seed,
    loss_per_character,
    text_windows,
    with_seeds,
)


class Siamese(nn.Module):
    """One encoder for both inputs; the distance of the two codes."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        """Euclidean distance of each pair."""
        difference = self.encoder(left) - self.encoder(right)
        return (difference.square().sum(1) + 1e-6).sqrt()


def contrastive_pairs_loss(distance: Tensor, same: Tensor) -> Tensor:
    """Pull equal digits together, push others beyond a margin."""
    return (same * distance.square() + (1 - same) * F.relu(2 - distance).square()).mean()


@pair("nonfinite-data", group="data", source="scikit-learn")
def digit_pairs_divided_by_pixel_deviation(sick: bool) -> Arguments:
    """Every pixel is divided by its own standard deviation, which is zero for border pixels (keras-team/keras#2001)."""
    with_seeds()
    data = load_digits()
    pixels, labels = torch.tensor(data.data, dtype=torch.float32) / 16, torch.tensor(data.target)
    deviation = pixels.std(0)
    if not sick:
        deviation = deviation.clamp_min(0.1)
    pixels = (pixels - pixels.mean(0)) / deviation
    left = torch.randperm(len(labels))[:1000]
    right = torch.empty_like(left)
    for place, one in enumerate(left.tolist()):
        alike = labels == labels[one]
        alike[one] = place % 2 == 1
        choice = (alike if place % 2 == 0 else ~alike).nonzero().flatten()
        right[place] = choice[torch.randint(len(choice), (1,))]
    same = (labels[left] == labels[right]).float()
    model = Siamese()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(pixels[left], pixels[right], same),
        "loss_fn": contrastive_pairs_loss,
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "task": "other",
    }


class RoutedExperts(nn.Module):
    """Feed-forward experts, merged by the weights of a router."""

    def __init__(self, width: int, by_sequence: bool, experts: int = 4) -> None:
        super().__init__()
        self.by_sequence = by_sequence
        self.router = nn.Linear(width, experts)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width)) for _ in range(experts)
        )

    def forward(self, x: Tensor) -> Tensor:
        """The experts' outputs in the proportions that the router gives."""
        seen = x.mean(1, keepdim=True) if self.by_sequence else x
        shares = self.router(seen).softmax(-1)
        return (torch.stack([expert(x) for expert in self.experts], -1) * shares.unsqueeze(2)).sum(-1)


class ExpertLanguageModel(nn.Module):
    """One block of causal attention and routed experts over characters."""

    def __init__(self, by_sequence: bool, width: int = 32, length: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(len(ALPHABET), width)
        self.places = nn.Embedding(length, width)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.experts = RoutedExperts(width, by_sequence)
        self.out = nn.Linear(width, len(ALPHABET))

    def forward(self, ids: Tensor) -> Tensor:
        """Logits of the next character at every place."""
        length = ids.shape[1]
        x = self.tokens(ids) + self.places(torch.arange(length))
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        y = self.norm1(x)
        x = x + self.attention(y, y, y, attn_mask=future, need_weights=False)[0]
        x = x + self.experts(self.norm2(x))
        return self.out(self.norm3(x))


@pair("causality", group="wiring")
def experts_routed_by_the_mean_of_the_sequence(sick: bool) -> Arguments:
    """The experts of a causal model are chosen from the mean of all tokens, later ones too (Shwai-He/MEO#2)."""
    with_seeds()
    model = ExpertLanguageModel(by_sequence=sick)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(*text_windows(), size=16),
        "loss_fn": loss_per_character,
        "optimizer": optimizer,
        "causal": True,
    }


class AtomicEnergies(nn.Module):
    """The energy of a molecule as a sum of what one network says of each atom."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.atom = nn.Sequential(nn.Linear(features, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Energy of each molecule."""
        return self.atom(x).squeeze(-1).sum(1)


@pair("final-bias", "target-scale", group="init")
def atomic_energies_that_start_at_zero(sick: bool) -> Arguments:
    """Energies lie near -150, and the last bias of the network starts at zero, not at the mean (muammar/ml4chem#5)."""
    with_seeds()
    x = torch.randn(800, 9, 8)
    true = nn.Sequential(nn.Linear(8, 12), nn.Tanh(), nn.Linear(12, 1))
    with torch.no_grad():
        part = true(x).squeeze(-1).sum(1)
        energy = -154.7 + (part - part.mean()) / part.std()
    model = AtomicEnergies(8)
    last = model.atom[-1]
    assert isinstance(last, nn.Linear)
    nn.init.constant_(last.bias, 0.0 if sick else energy.mean().item() / 9)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(x, energy),
        "loss_fn": nn.MSELoss(),
        "optimizer": optimizer,
    }


def tune_once(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step of supervised fine-tuning."""
    model.train()
    loss: Tensor = model(**batch).loss
    loss.backward()
    optimizer.step()
    return loss.detach()


def tune_afresh(model: nn.Module, batch: dict[str, Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step of supervised fine-tuning, then empty gradients."""
    model.train()
    loss: Tensor = model(**batch).loss
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="transformers")
def trainer_step_that_keeps_old_gradients(sick: bool) -> Arguments:
    """The trainer's step never empties the gradients of its optimizer (meta-pytorch/torchforge#71)."""
    with_seeds()
    config = LlamaConfig(
        vocab_size=len(ALPHABET),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = LlamaForCausalLM(config)
    ids, _ = text_windows()
    rows = [{"input_ids": row, "labels": row} for row in ids]
    own = torch.Generator().manual_seed(7)
    return {
        "model": model,
        "loader": DataLoader(rows, 16, shuffle=True, generator=own),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "train_step": tune_once if sick else tune_afresh,
    }


class HeatNetwork(nn.Module):
    """A network for the temperature at a place and a time."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Temperature, one column."""
        return self.net(x)


def residual(model: nn.Module, points: Tensor) -> Tensor:
    """Mean square of u_t - 0.1 (u_xx + u_yy)."""
    points = points.clone().requires_grad_()
    first = torch.autograd.grad(model(points).sum(), points, create_graph=True)[0]
    second = [torch.autograd.grad(first[:, i].sum(), points, create_graph=True)[0][:, i] for i in (0, 1)]
    return (first[:, 2] - 0.1 * (second[0] + second[1])).square().mean()


def initial_condition(prediction: Tensor, start: Tensor) -> Tensor:
    """Squared error of the temperatures at the start."""
    return F.mse_loss(prediction, start)


def initial_condition_in_a_row(prediction: Tensor, start: Tensor) -> Tensor:
    """Squared error of the temperatures at the start, as a flat vector."""
    return F.mse_loss(prediction.reshape(-1), start)


def solve(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, loss_fn: nn.Module) -> Tensor:
    """One step on the initial condition and on the equation at the same places, later."""
    optimizer.zero_grad()
    later = torch.cat([batch[0][:, :2], torch.rand(len(batch[0]), 1)], 1)
    loss: Tensor = loss_fn(model(batch[0]), batch[1]) + 0.05 * residual(model, later)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("silent-broadcast", group="wiring")
def initial_condition_of_a_column_against_a_row(sick: bool) -> Arguments:
    """The column of predictions at the start is compared with a flat vector (Photon-AI-Research/NeuralSolvers#20)."""
    with_seeds()
    place = torch.rand(1000, 2) * 2 - 1
    start = torch.sin(torch.pi * place[:, 0]) * torch.cos(0.5 * torch.pi * place[:, 1]) * 1.5
    model = HeatNetwork()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(torch.cat([place, torch.zeros(1000, 1)], 1), start),
        "loss_fn": initial_condition if sick else initial_condition_in_a_row,
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": solve,
    }
