"""Look-alikes of the fourth table, eighth hand: a diffusion of two moons and a highway."""

from __future__ import annotations

import torch
from sklearn.datasets import make_moons
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from tests.zoo.program import Arguments, healthy
from tests.zoo.retired.fourth_table_parts import both_loaders, pictures_of_digits, seed_table, z_scores


class NoisyMoons(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Points of two moons with noise of a random level, the level, and the noise."""

    def __init__(self, count: int) -> None:
        points, _ = make_moons(count, noise=0.05, random_state=0)
        self.points = z_scores(torch.tensor(points, dtype=torch.float32))

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor, Tensor]:
        level, noise = 0.1 + 0.8 * torch.rand(1), torch.randn(2)
        return (1 - level).sqrt() * self.points[index] + level.sqrt() * noise, level, noise


class ZeroBlock(nn.Module):
    """A residual block whose shift, scale and gate come from the level of noise and start at zero."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.net = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width))
        self.modulation = nn.Linear(width, 3 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, hidden: Tensor, level: Tensor) -> Tensor:
        shift, scale, gate = self.modulation(level).chunk(3, 1)
        changed: Tensor = hidden + gate * self.net(self.norm(hidden) * (1 + scale) + shift)
        return changed


class MoonDiffusion(nn.Module):
    """The noise in a point, by blocks with adaptive norms that start at zero, as in diffusion transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.point = nn.Linear(2, 48)
        self.level = nn.Sequential(nn.Linear(1, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.blocks = nn.ModuleList(ZeroBlock(48) for _ in range(3))
        self.noise = nn.Linear(48, 2)
        nn.init.zeros_(self.noise.weight)
        nn.init.zeros_(self.noise.bias)

    def forward(self, point: Tensor, level: Tensor) -> Tensor:
        hidden, level = self.point(point), self.level(level)
        for block in self.blocks:
            hidden = block(hidden, level)
        noise: Tensor = self.noise(hidden)
        return noise


@healthy(resembles="symmetric-init", source="published")
def adaptive_norms_that_start_at_zero() -> Arguments:
    """Gates of all blocks and the last layer start at zero, and learn, since nothing before them is alike."""
    seed_table(97)
    model = MoonDiffusion()
    return {
        "model": model,
        "loader": DataLoader(NoisyMoons(960), batch_size=64, shuffle=True),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=2e-3),
        "task": "regression",
    }


class Highway(nn.Module):
    """A highway layer, whose gate starts nearly closed."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.change, self.gate = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -3.0)

    def forward(self, x: Tensor) -> Tensor:
        gate = torch.sigmoid(self.gate(x))
        return gate * torch.relu(self.change(x)) + (1 - gate) * x


@healthy(resembles="saturated-units", source="published")
def highway_with_gates_nearly_closed() -> Arguments:
    """The sigmoids of a highway network start at 0.05, so that it passes its input on, as its authors advise."""
    seed_table(98)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), *(Highway(48) for _ in range(4)), nn.Linear(48, 10)
    )
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_loaders(*pictures_of_digits(), held_out=300),
    )
