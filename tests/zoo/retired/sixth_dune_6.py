"""Patients, lions, places, monotone layers and diffusion: five programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Sampler, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded, sentence_batches


class PatientSampler(Sampler[list[int]]):
    """Batches of whole patients, in a new order every epoch."""

    def __init__(self, patients: Tensor, at_once: int) -> None:
        self.patients, self.at_once = patients, at_once

    def __len__(self) -> int:
        return len(set(self.patients.tolist())) // self.at_once

    def __iter__(self) -> Iterator[list[int]]:
        names = torch.tensor(sorted(set(self.patients.tolist())))
        for group in names[torch.randperm(len(names))][: len(self) * self.at_once].view(-1, self.at_once):
            yield torch.isin(self.patients, group).nonzero().flatten().tolist()


@pair("batch-size", group="training")
def one_patient_in_every_batch(sick: bool) -> Arguments:
    """The sampler that keeps visits of a patient together yields one patient, two noisy visits, for every step."""
    seeded()
    patients = torch.arange(700).repeat_interleave(2)
    x = torch.randn(700, 12)[patients] * 0.6 + 0.8 * torch.randn(1400, 12)
    signal = x[:, 0] - 0.8 * x[:, 1] + 0.6 * x[:, 2] * x[:, 3]
    y = signal / signal.std() + 1.2 * torch.randn(1400)
    y = ((y - y.mean()) / y.std()).unsqueeze(1)
    train = TensorDataset(x[:1100], y[:1100])
    model = nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 1))
    return {
        "model": model,
        "loader": DataLoader(train, batch_sampler=PatientSampler(patients[:1100], at_once=1 if sick else 24)),
        "val_loader": DataLoader(TensorDataset(x[1100:], y[1100:]), 60),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9),
    }


class Lion(torch.optim.Optimizer):
    """Steps along the sign of an interpolated momentum."""

    def __init__(self, params: Any, lr: float = 3e-4, betas: tuple[float, float] = (0.9, 0.99)) -> None:
        super().__init__(params, {"lr": lr, "betas": betas})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            fast, slow = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["momentum"] = torch.zeros_like(p)
                self.move(p, (state["momentum"] * fast + p.grad * (1 - fast)).sign(), group["lr"])
                state["momentum"].lerp_(p.grad, 1 - slow)

    def move(self, p: Tensor, direction: Tensor, rate: float) -> None:
        p.add_(direction, alpha=-rate)


class LionOutOfPlace(Lion):
    """The same, with its last line as it was typed."""

    def move(self, p: Tensor, direction: Tensor, rate: float) -> None:
        p.data.add(direction, alpha=-rate)


@pair("updates-not-applied", group="training", source="scikit-learn")
def lion_that_adds_out_of_place(sick: bool) -> Arguments:
    """The hand-written optimizer adds its step with `add` instead of `add_`, and the sum is thrown away."""
    seeded()
    model = nn.Sequential(nn.Linear(64, 64), nn.GELU(), nn.Linear(64, 10))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=(LionOutOfPlace if sick else Lion)(model.parameters(), lr=1e-3),
        **batches(digit_images(flat=True)),
    )


class Reader(nn.Module):
    """A transformer that reads the class of a sentence at a token put before it."""

    def __init__(self, places: int, width: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(30, width, padding_idx=0)
        self.first = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, places, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(self, ids: Tensor) -> Tensor:
        x = torch.cat([self.first.expand(len(ids), -1, -1), self.words(ids)], 1)
        empty = F.pad(ids == 0, (1, 0), value=False)
        h = self.encoder(x + self.places[:, : x.shape[1]], src_key_padding_mask=empty)
        out: Tensor = self.head(h[:, 0])
        return out


@pair("runs", group="wiring", source="published")
def no_place_for_the_first_token(sick: bool) -> Arguments:
    """There are 14 places for sentences of up to 14 words, to which the model itself adds one token."""
    seeded()
    model = Reader(places=14 if sick else 15)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.AdamW(model.parameters(), lr=2e-3),
        **sentence_batches(),
    )


class SignedLinear(nn.Module):
    """A linear layer all of whose weights have one sign."""

    def __init__(self, inputs: int, outputs: int, sign: float) -> None:
        super().__init__()
        self.log_weight = nn.Parameter(0.7 * torch.randn(outputs, inputs) - math.log(inputs) / 2 - 0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.sign = sign

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.sign * self.log_weight.exp(), self.bias)


@pair("dead-units", group="init", source="published")
def every_layer_made_decreasing(sick: bool) -> Arguments:
    """For a decreasing function all layers get negative weights, not the last alone, so the second ReLU never opens."""
    seeded()
    x = torch.randn(500, 6)
    y = -F.softplus(2 * x[:, :3]).sum(1) - 0.5 * x[:, 3:].sum(1) + 0.2 * torch.randn(500)
    early = -1.0 if sick else 1.0
    last = SignedLinear(24, 1, -1.0)
    nn.init.constant_(last.log_weight, -4.5)
    model = nn.Sequential(SignedLinear(6, 24, early), nn.ReLU(), SignedLinear(24, 24, early), nn.ReLU(), last)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        **batches(divided(x, ((y - y.mean()) / y.std()).unsqueeze(1), train=380)),
    )


class Modulated(nn.Module):
    """A block of a diffusion transformer, whose branches are switched off at the start."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = (nn.LayerNorm(width, elementwise_affine=False) for _ in range(2))
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        a, b, c, d, e, f = self.modulation(F.silu(condition)).unsqueeze(1).chunk(6, -1)
        h = self.norm1(x) * (1 + a) + b
        x = x + c * self.attention(h, h, h, need_weights=False)[0]
        changed: Tensor = x + f * self.mlp(self.norm2(x) * (1 + d) + e)
        return changed


class DiffusionTransformer(nn.Module):
    """Predicts the noise in digits cut into 16 patches; its last layer starts at zero."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.enter = nn.Linear(4, width)
        self.places = nn.Parameter(0.02 * torch.randn(1, 16, width))
        self.time = nn.Sequential(nn.Linear(16, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(Modulated(width) for _ in range(2))
        self.norm, self.leave = nn.LayerNorm(width), nn.Linear(width, 4)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        waves = time * torch.exp(torch.linspace(0, 3, 8))
        condition = self.time(torch.cat([waves.sin(), waves.cos()], 1))
        h = self.enter(F.pixel_unshuffle(x, 2).flatten(2).transpose(1, 2)) + self.places
        for block in self.blocks:
            h = block(h, condition)
        noise = self.leave(self.norm(h)).transpose(1, 2).unflatten(2, (4, 4))
        return F.pixel_shuffle(noise, 2)


def noised_on_the_way(rows: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    """Images with some noise, how far they are on the way to noise alone, and that noise."""
    images, time = torch.stack(rows), torch.rand(len(rows), 1)
    noise, angle = torch.randn_like(images), time.view(-1, 1, 1, 1) * math.pi / 2
    return angle.cos() * images + angle.sin() * noise, time, noise


@healthy(resembles="constant-output", source="published")
def diffusion_whose_last_layer_starts_at_zero() -> Arguments:
    """The denoiser answers zero for every image until its first step, as its last layer and gates start there."""
    seeded()
    (x1, _), (x2, _) = digit_images()
    model = DiffusionTransformer()
    return {
        "model": model,
        "loader": DataLoader(list(x1), 32, shuffle=True, drop_last=True, collate_fn=noised_on_the_way),  # type: ignore[arg-type]
        "val_loader": DataLoader(list(x2), 50, collate_fn=noised_on_the_way),  # type: ignore[arg-type]
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "regression",
    }
