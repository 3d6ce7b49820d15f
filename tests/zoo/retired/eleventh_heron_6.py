"""Reported bugs and suspicions: recordings, dense layers, the weather, and three programs that are right."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import numpy as np
import torch
from sklearn.datasets import load_wine
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler, TensorDataset
from transformers import LlamaConfig, LlamaForCausalLM

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_heron_parts import (
    ALPHABET,
    SmallConvNet,
    batches_in_order_of_seed,
    ordered_digits,
    text_windows,
    with_seeds,
)


class WindowSampler(Sampler[int]):
    """Windows of a recording in random order, drawn with NumPy for speed."""

    def __init__(self, count: int, generator: torch.Generator | None, bridged: bool) -> None:
        self.count, self.generator, self.bridged = count, generator, bridged

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        seed = None
        if self.bridged or self.generator is not None:
            seed = int(torch.randint(0, 2**31 - 1, (1,), generator=self.generator).item())
        yield from np.random.default_rng(seed).permutation(self.count).tolist()


class SpikeNetwork(nn.Module):
    """Velocity of a hand from the spikes of a window."""

    def __init__(self, units: int = 12) -> None:
        super().__init__()
        self.conv = nn.Conv1d(units, 24, 5, padding=2)
        self.out = nn.Linear(24, 2)

    def forward(self, spikes: Tensor) -> Tensor:
        """Two velocities for each window."""
        return self.out(F.relu(self.conv(spikes)).mean(-1))


@pair("nondeterminism", group="backward")
def windows_drawn_from_a_generator_without_seed(sick: bool) -> Arguments:
    """Without a generator of its own the sampler seeds NumPy with None (neuro-galaxy/torch_brain#196)."""
    with_seeds()
    velocity = torch.randn(800, 2)
    rate = torch.sigmoid(velocity @ torch.randn(2, 12) * 0.8).unsqueeze(-1).expand(-1, -1, 20)
    recording = TensorDataset(torch.bernoulli(rate), velocity)
    model = SpikeNetwork()
    return {
        "model": model,
        "loader": DataLoader(recording, 32, sampler=WindowSampler(800, generator=None, bridged=not sick)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


def constant(weight: Tensor) -> None:
    """Fill with one small number."""
    nn.init.constant_(weight, 0.1)


def glorot(weight: Tensor) -> None:
    """Fill as Glorot and Bengio do."""
    nn.init.xavier_uniform_(weight)


class Dense(nn.Module):
    """A dense layer with an initialiser of its own."""

    def __init__(self, before: int, after: int, initialiser: Callable[[Tensor], None]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(before, after))
        self.bias = nn.Parameter(torch.zeros(after))
        initialiser(self.weight)

    def forward(self, x: Tensor) -> Tensor:
        """The product with the weights, plus the bias."""
        return x @ self.weight + self.bias


@pair("symmetric-init", group="init", source="scikit-learn")
def dense_layers_filled_with_one_number(sick: bool) -> Arguments:
    """The dense layers' parameters come out constant (davidmascharka/MyNN#70)."""
    with_seeds()
    data = load_wine()
    x = torch.tensor((data.data - data.data.mean(0)) / data.data.std(0), dtype=torch.float32)
    how = constant if sick else glorot
    model = nn.Sequential(Dense(13, 24, how), nn.Tanh(), Dense(24, 24, how), nn.Tanh(), Dense(24, 3, how))
    return {
        "model": model,
        "loader": batches_in_order_of_seed(x, torch.tensor(data.target), size=16),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1),
    }


class Forecaster(nn.Module):
    """The next state of a ring of places, as a change of this one."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(3, 24, 5, padding=2, padding_mode="circular"),
            nn.GELU(),
            nn.Conv1d(24, 3, 5, padding=2, padding_mode="circular"),
        )

    def forward(self, state: Tensor) -> Tensor:
        """The state one step later."""
        return state + self.net(state)


class WeightedError(nn.Module):
    """Squared error, weighted over the places and averaged over variables and places."""

    def __init__(self, by_batch: bool) -> None:
        super().__init__()
        self.by_batch = by_batch
        area = torch.cos(torch.linspace(-1.2, 1.2, 24))
        self.register_buffer("area", area / area.mean())

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """The loss of a batch of states."""
        error = ((made - real).square() * self.get_buffer("area")).mean((1, 2)).sum()
        return error / len(made) if self.by_batch else error


@pair("loss-reduction", group="wiring")
def forecast_error_added_up_over_the_batch(sick: bool) -> Arguments:
    """The weighted error is summed over the batch, so gradients grow with its size (ecmwf/anemoi-core#318)."""
    with_seeds()
    place = torch.arange(24) * (2 * torch.pi / 24)
    phase, size = torch.rand(800, 3, 4) * 2 * torch.pi, torch.randn(800, 3, 4) * 0.7
    waves = torch.arange(1, 5).view(1, 1, 4, 1)
    now = (size.unsqueeze(-1) * torch.cos(waves * place + phase.unsqueeze(-1))).sum(2)
    later = 0.9 * now.roll(2, -1) + 0.3 * torch.tanh(now.roll(1, 1)) + 0.05 * torch.randn_like(now)
    model = Forecaster()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(now, later),
        "loss_fn": WeightedError(by_batch=not sick),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
    }


@healthy(resembles="symmetric-init", source="scikit-learn")
def softmax_regression_from_zero() -> Arguments:
    """A single layer starts at zero, which was called improper and is fine (wagonhelm/NaNmnist#2)."""
    with_seeds()
    images, labels = ordered_digits()
    model = nn.Linear(64, 10)
    nn.init.zeros_(model.weight)
    nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images.flatten(1), labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


@healthy(resembles="causality", source="transformers")
def labels_equal_to_the_inputs_of_llama() -> Arguments:
    """The labels are the inputs, and the model's own loss shifts them (huggingface/transformers#35066)."""
    with_seeds()
    config = LlamaConfig(
        vocab_size=len(ALPHABET),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = LlamaForCausalLM(config)
    rows = [{"input_ids": row, "labels": row.clone()} for row in text_windows(step=4)[0]]
    return {
        "model": model,
        "loader": DataLoader(rows, 16, shuffle=True, generator=torch.Generator().manual_seed(7)),  # type: ignore[arg-type]
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }


class WithAverage(nn.Module):
    """A network beside the moving average of it, which is not trained."""

    def __init__(self, net: SmallConvNet) -> None:
        super().__init__()
        self.net = net
        self.average = copy.deepcopy(net).requires_grad_(False)
        self.updates = 0

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the trained network."""
        return self.net(x)

    @torch.no_grad()
    def follow(self) -> None:
        """Move the average, faster in the beginning, and copy the statistics."""
        self.updates += 1
        decay = 0.98 * (1 - 0.5 ** (self.updates / 10))
        for own, ema in zip(self.net.parameters(), self.average.parameters(), strict=True):
            ema.lerp_(own, 1 - decay)
        for statistic, kept in zip(self.net.buffers(), self.average.buffers(), strict=True):
            kept.copy_(statistic)


def step_and_follow(model: WithAverage, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step, after which the average follows."""
    model.train()
    model.average.eval()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    model.follow()
    return loss.detach()


@torch.no_grad()
def accuracy_of_average(model: WithAverage, batch: list[Tensor]) -> float:
    """Accuracy of the average."""
    model.eval()
    return (model.average(batch[0]).argmax(1) == batch[1]).float().mean().item()


@healthy(resembles="frozen-parameters-change", source="scikit-learn")
def average_said_to_do_nothing() -> Arguments:
    """The average was said to be overwritten every epoch; it works as it should (ultralytics/yolov5#8979)."""
    with_seeds()
    images, labels = ordered_digits()
    model = WithAverage(SmallConvNet())
    return {
        "model": model,
        "loader": batches_in_order_of_seed(images[:1200], labels[:1200]),
        "val_loader": batches_in_order_of_seed(images[1200:], labels[1200:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.net.parameters(), lr=2e-3),
        "train_step": step_and_follow,
        "eval_step": accuracy_of_average,
    }
