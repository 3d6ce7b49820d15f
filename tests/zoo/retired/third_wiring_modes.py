"""Programs whose dropout or BatchNorm does in training what it should do in evaluation, or the reverse."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_wiring_parts import adam, batches, digits, start


class Attention(nn.Module):
    """Attention with PyTorch's own fused function."""

    def __init__(self, width: int, heads: int, dropout: float, heed_the_mode: bool) -> None:
        super().__init__()
        self.heads, self.dropout, self.heed_the_mode = heads, dropout, heed_the_mode
        self.inward, self.outward = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the mixed values."""
        count, length, width = hidden.shape
        parts = self.inward(hidden).view(count, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).unbind(0)
        rate = self.dropout if self.training or not self.heed_the_mode else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, dropout_p=rate)
        return self.outward(mixed.transpose(1, 2).reshape(count, length, width))


class RowViT(nn.Module):
    """Dosovitskiy's vision transformer, one block over the rows of a digit."""

    def __init__(self, heed_the_mode: bool) -> None:
        super().__init__()
        self.rows = nn.Linear(8, 48)
        self.positions = nn.Parameter(0.3 * torch.randn(1, 8, 48))
        self.first_norm, self.second_norm, self.last_norm = nn.LayerNorm(48), nn.LayerNorm(48), nn.LayerNorm(48)
        self.attention = Attention(48, 4, 0.5, heed_the_mode)
        self.mlp = nn.Sequential(nn.Linear(48, 96), nn.GELU(), nn.Linear(96, 48))
        self.head = nn.Linear(48, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        hidden = self.rows(images) + self.positions
        hidden = hidden + self.attention(self.first_norm(hidden))
        hidden = hidden + self.mlp(self.second_norm(hidden))
        return self.head(self.last_norm(hidden).mean(dim=1))


def accuracy(model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor]) -> float:
    """The share of right answers in evaluation."""
    model.eval()
    with torch.no_grad():
        return (model(batch[0]).argmax(dim=1) == batch[1]).float().mean().item()


@pair("train-eval-mode", group="wiring", source="published")
def fused_attention_drops_out_in_evaluation(sick: bool) -> Arguments:
    """The fused attention is given its dropout rate whatever the mode, of which it knows nothing itself."""
    start()
    model = RowViT(heed_the_mode=not sick)
    return {
        "model": model,
        "loader": batches(*digits(800, channels=False)),
        "loss_fn": nn.CrossEntropyLoss(),
        "eval_step": accuracy,
        "optimizer": adam(model, 3e-3),
    }


class ConvNet(nn.Module):
    """Convolutions with BatchNorm, and dropout before the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False),
            nn.BatchNorm2d(32),
            nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(0.4), nn.Linear(512, 10))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.head(self.body(images))


class Phases:
    """One function for both phases, as many programs have it."""

    def __init__(self, wrong_way_round: bool) -> None:
        self.wrong_way_round = wrong_way_round

    def run(
        self, model: nn.Module, batch: tuple[torch.Tensor, torch.Tensor], optimizer: torch.optim.Optimizer | None
    ) -> torch.Tensor:
        """Run a batch, and take a step where there is an optimizer."""
        training = optimizer is not None
        model.train(training != self.wrong_way_round)
        with torch.set_grad_enabled(training):
            loss = F.cross_entropy(model(batch[0]), batch[1])
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.detach()

    def train_step(self, model: nn.Module, batch: tuple, optimizer: torch.optim.Optimizer) -> torch.Tensor:
        """Train on a batch."""
        return self.run(model, batch, optimizer)

    def eval_step(self, model: nn.Module, batch: tuple) -> torch.Tensor:
        """Evaluate on a batch."""
        return self.run(model, batch, None)


@pair("train-eval-mode", group="wiring", source="scikit-learn")
def modes_of_both_phases_change_places(sick: bool) -> Arguments:
    """The flag of the function for both phases is turned: training runs in eval mode, evaluation in train mode."""
    start()
    model = ConvNet()
    phases = Phases(wrong_way_round=sick)
    return {
        "model": model,
        "loader": batches(*digits(800)),
        "loss_fn": nn.CrossEntropyLoss(),
        "train_step": phases.train_step,
        "eval_step": phases.eval_step,
        "optimizer": adam(model),
    }


class TwoCameras(nn.Module):
    """A branch for the visible image, a branch for the thermal one, and BatchNorm behind each."""

    def __init__(self, shared: bool) -> None:
        super().__init__()
        self.visible, self.thermal = nn.Conv2d(1, 16, 3, padding=1), nn.Conv2d(1, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.thermal_norm = self.norm if shared else nn.BatchNorm2d(16)
        self.head = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(512, 48), nn.ReLU(), nn.Linear(48, 10))

    def forward(self, visible: torch.Tensor, thermal: torch.Tensor) -> torch.Tensor:
        """Return the logits of the digit."""
        seen = F.relu(self.norm(self.visible(visible)))
        felt = F.relu(self.thermal_norm(self.thermal(thermal)))
        return self.head(torch.cat([seen, felt], dim=1))


@pair("batchnorm-statistics", group="wiring")
def one_batchnorm_for_two_cameras(sick: bool) -> Arguments:
    """Both branches pass one BatchNorm: in evaluation neither finds the statistics under which it was trained."""
    start()
    images, labels = digits(800)
    visible = images.clone()
    visible[:, :, 4:] = 0
    visible = visible + 0.2 * torch.randn(visible.shape)
    thermal = images.clone()
    thermal[:, :, :4] = 0
    thermal = 0.8 + 0.1 * (thermal + 0.2 * torch.randn(thermal.shape))
    model = TwoCameras(shared=sick)
    return {
        "model": model,
        "loader": batches(visible, thermal, labels),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": adam(model),
    }
