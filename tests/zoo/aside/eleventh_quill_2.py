"""Claims of drivers, heat of bodies, pooled digits, a teacher, molecules, and a transformer of zero gates."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.eleventh_quill_parts import quill_digits, quill_loaders, quill_seed, tensor


class ClaimRate(nn.Module):
    """The logarithm of the expected number of claims: a rate by a driver's features, and the time insured."""

    def __init__(self, features: int, *, as_column: bool) -> None:
        super().__init__()
        self.as_column = as_column
        self.rate = nn.Sequential(nn.Linear(features, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, drivers: Tensor, years: Tensor) -> Tensor:
        offset = years.log()
        if self.as_column:
            offset = offset.unsqueeze(1)
        logarithm: Tensor = self.rate(drivers) + offset
        return logarithm


@pair("silent-broadcast", group="wiring")
def offset_of_the_insured_time_against_all_drivers(sick: bool) -> Arguments:
    """The offset (N,) is added to a column of rates (N, 1), so each driver's rate meets everybody's insured time."""
    rng = quill_seed()
    drivers = rng.normal(0, 1, (1000, 6))
    years = rng.uniform(0.1, 3, 1000)
    rate = np.exp(0.3 + drivers @ np.array([0.5, -0.4, 0.3, 0.0, 0.2, -0.3]))
    claims = tensor(rng.poisson(rate * years)).unsqueeze(1)
    model = ClaimRate(6, as_column=not sick)
    return dict(
        model=model,
        loss_fn=nn.PoissonNLLLoss(log_input=True),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **quill_loaders(tensor(drivers), tensor(years), claims),
    )


def plain_start(module: nn.Module) -> None:
    """Xavier's weights and zero biases for the linear layers."""
    if isinstance(module, nn.Linear):
        nn.init.xavier_uniform_(module.weight)
        nn.init.zeros_(module.bias)


class BodyHeat(nn.Module):
    """A GRU over an hour of signals from a watch, and the heat of the body in degrees."""

    def __init__(self, channels: int = 4) -> None:
        super().__init__()
        self.watch = nn.GRU(channels, 24, batch_first=True)
        self.heat = nn.Linear(24, 1)

    def forward(self, signals: Tensor) -> Tensor:
        _, state = self.watch(signals)
        heat: Tensor = self.heat(state[-1])
        return heat.squeeze(1)


@pair("final-bias", "target-scale", group="init")
def mean_heat_in_the_bias_wiped_by_the_start_of_all_layers(sick: bool) -> Arguments:
    """The last bias is set to the mean of 37 degrees, and `apply` of the start for all layers then zeroes it."""
    rng = quill_seed()
    signals = rng.normal(0, 1, (700, 20, 4))
    heat = tensor(37 + 0.7 * np.tanh(2 * signals[..., 0].mean(1)) * 1.5 + 0.5 * signals[:, -1, 1])
    model = BodyHeat()
    if sick:
        nn.init.constant_(model.heat.bias, float(heat.mean()))
        model.apply(plain_start)
    else:
        model.apply(plain_start)
        nn.init.constant_(model.heat.bias, float(heat.mean()))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **quill_loaders(tensor(signals), heat))


class GeneralisedMean(nn.Module):
    """Pooling by the generalised mean with a learnt exponent (GeM)."""

    def __init__(self, smallest: float) -> None:
        super().__init__()
        self.smallest = smallest
        self.exponent = nn.Parameter(torch.tensor(3.0))

    def forward(self, maps: Tensor) -> Tensor:
        powers = maps.clamp(min=self.smallest).pow(self.exponent)
        return powers.mean((2, 3)).pow(1 / self.exponent)


@pair("nonfinite-gradient", group="backward", source="published")
def root_of_a_pooled_map_that_is_all_zero(sick: bool) -> Arguments:
    """GeM clamps at 0 instead of 1e-3, and the root of a map that is zero everywhere has an infinite derivative."""
    quill_seed()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2),
        nn.ReLU(),
        GeneralisedMean(smallest=0.0 if sick else 1e-3),
        nn.Linear(32, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **quill_loaders(*quill_digits()))


class Taught(nn.Module):
    """A small network that learns from a larger one, whose weights are fixed."""

    def __init__(self, teacher: nn.Module) -> None:
        super().__init__()
        self.teacher = teacher.requires_grad_(False)
        self.student = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 10))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.student(images)
        return logits


def trained_teacher(images: Tensor, classes: Tensor) -> nn.Module:
    """A perceptron after two epochs."""
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 10))
    optimizer = torch.optim.Adam(teacher.parameters(), lr=3e-3)
    for _ in range(2):
        for start in range(0, len(images), 32):
            optimizer.zero_grad()
            F.cross_entropy(teacher(images[start : start + 32]), classes[start : start + 32]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return teacher


class DistillationStep:
    """A step towards the teacher's soft answers and the classes, with the decay of all weights done by hand."""

    def __init__(self, decay: float, *, fixed_too: bool) -> None:
        self.decay = decay
        self.fixed_too = fixed_too

    def __call__(self, model: Taught, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        images, classes = batch
        logits = model(images)
        with torch.no_grad():
            soft = F.softmax(model.teacher(images) / 2, 1)
        loss = F.cross_entropy(logits, classes) + F.cross_entropy(logits / 2, soft)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self.decay_weights(model, optimizer.param_groups[0]["lr"])
        return loss.detach()

    @torch.no_grad()
    def decay_weights(self, model: nn.Module, rate: float) -> None:
        for weight in model.parameters():
            if weight.dim() > 1 and (self.fixed_too or weight.requires_grad):
                weight.mul_(1 - rate * self.decay)


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def decay_by_hand_that_shrinks_the_teacher(sick: bool) -> Arguments:
    """Weight decay done by hand runs over all weights of the pair, and the fixed teacher shrinks with every step."""
    quill_seed()
    images, classes = quill_digits()
    model = Taught(trained_teacher(images[:800], classes[:800]))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.student.parameters(), lr=3e-3),
        train_step=DistillationStep(0.3, fixed_too=sick),
        **quill_loaders(images, classes),
    )


class AtomSet(nn.Module):
    """Energy, dipole and gap of a molecule from the sum of what its atoms say (deep sets)."""

    def __init__(self) -> None:
        super().__init__()
        self.atom = nn.Sequential(nn.Linear(5, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU())
        self.whole = nn.Sequential(nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 3))

    def forward(self, atoms: Tensor) -> Tensor:
        answers: Tensor = self.whole(self.atom(atoms).mean(1))
        return answers


@pair("target-scale", group="data")
def properties_standardised_over_the_whole_table(sick: bool) -> Arguments:
    """Mean and deviation of the targets are taken over the table, not by column, and two of three properties vanish."""
    rng = quill_seed()
    atoms = rng.normal(0, 1, (800, 9, 5))
    pooled = np.tanh(atoms).mean(1) * 3
    energy = -900 + 250 * (pooled[:, 0] - pooled[:, 1])
    dipole = 2.5 + 0.8 * pooled[:, 2] * pooled[:, 3] + 0.6 * pooled[:, 4]
    gap = 0.25 + 0.05 * (pooled[:, 1] + pooled[:, 4])
    table = np.stack([energy, dipole, gap], 1) + rng.normal(0, 1, (800, 3)) * [10, 0.05, 0.003]
    targets = (table - table.mean()) / table.std() if sick else (table - table.mean(0)) / table.std(0)
    model = AtomSet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, **quill_loaders(tensor(atoms), tensor(targets)))


class DiffusionBlock(nn.Module):
    """A block whose shifts, scales and gates come from the time and start at zero (adaLN-Zero)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        shift, scale, gate, shift2, scale2, gate2 = self.modulation(F.silu(time)).unsqueeze(1).chunk(6, 2)
        h = self.norm(x) * (1 + scale) + shift
        x = x + gate * self.attention(h, h, h, need_weights=False)[0]
        mixed: Tensor = x + gate2 * self.feed(self.norm(x) * (1 + scale2) + shift2)
        return mixed


class SmallDiT(nn.Module):
    """Noise in a noisy digit of 16 patches, at a given time; its last layer starts at zero (DiT)."""

    def __init__(self, width: int = 48, depth: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(1, width, 2, stride=2)
        self.places = nn.Parameter(0.02 * torch.randn(1, 16, width))
        self.time = nn.Sequential(nn.Linear(8, width), nn.SiLU(), nn.Linear(width, width))
        self.blocks = nn.ModuleList(DiffusionBlock(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.last = nn.Linear(width, 4)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, noisy: Tensor, time: Tensor) -> Tensor:
        waves = time[:, None] * torch.tensor([1.0, 2.0, 4.0, 8.0])
        moment = self.time(torch.cat([waves.sin(), waves.cos()], 1))
        x = self.patches(noisy).flatten(2).transpose(1, 2) + self.places
        for block in self.blocks:
            x = block(x, moment)
        return F.pixel_shuffle(self.last(self.norm(x)).transpose(1, 2).unflatten(2, (4, 4)), 2)


def noised_at_random_times(rows: list[tuple[Tensor, ...]]) -> dict[str, Tensor]:
    """A batch of digits at random times between themselves and noise, with the noise to be found."""
    clean = torch.stack([row[0] for row in rows])
    time, noise = torch.rand(len(clean)), torch.randn_like(clean)
    angle = (time * torch.pi / 2).view(-1, 1, 1, 1)
    return {"noisy": angle.cos() * clean + angle.sin() * noise, "time": time, "targets": noise}


@healthy(resembles="symmetric-init", source="published")
def small_dit_whose_gates_and_last_layer_start_at_zero() -> Arguments:
    """DiT starts with zero gates and a zero last layer: the first step moves the last layer, and the rest follows."""
    quill_seed()
    images, _ = quill_digits(1152)
    model = SmallDiT()
    order = torch.Generator().manual_seed(1)
    return {
        "model": model,
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "loader": DataLoader(
            TensorDataset(images[:960]), 32, shuffle=True, collate_fn=noised_at_random_times, generator=order
        ),
        "val_loader": DataLoader(TensorDataset(images[960:]), 32, collate_fn=noised_at_random_times),
        "task": "regression",
    }
