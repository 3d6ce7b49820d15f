"""Networks of the retired programs over rows and scans, and the losses that belong to some of them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def perceptron(features: int, outputs: int, width: int = 32) -> nn.Sequential:
    """Return one with two hidden layers."""
    return nn.Sequential(
        nn.Linear(features, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs)
    )


class ResidualRows(nn.Module):
    """Two residual layers under layer normalisation, with one output ``(N, 1)``."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.stem = nn.Linear(features, 32)
        self.norms = nn.ModuleList(nn.LayerNorm(32) for _ in range(2))
        self.layers = nn.ModuleList(nn.Linear(32, 32) for _ in range(2))
        self.head = nn.Linear(32, 1)

    def forward(self, rows: Tensor) -> Tensor:
        states = self.stem(rows)
        for norm, layer in zip(self.norms, self.layers, strict=True):
            states = states + F.gelu(layer(norm(states)))
        return self.head(states)


class AllColumns(nn.Module):
    """Names the cultivar from all measurements of a wine."""

    def __init__(self) -> None:
        super().__init__()
        self.network = perceptron(13, 3)

    def forward(self, rows: Tensor) -> Tensor:
        return self.network(rows)


class AllButTheLastColumn(nn.Module):
    """The same, from a time when the last column was still the label."""

    def __init__(self) -> None:
        super().__init__()
        self.network = perceptron(12, 3)

    def forward(self, rows: Tensor) -> Tensor:
        measurements = rows[:, :-1]
        return self.network(measurements)


def _expert() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, 24), nn.ReLU(), nn.Linear(24, 24), nn.ReLU())


class Experts(nn.Module):
    """A soft mixture of four experts over scans."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(64, 4)
        self.experts = nn.ModuleList(_expert() for _ in range(4))
        self.head = nn.Linear(24, 10)

    def forward(self, scans: Tensor) -> Tensor:
        pixels = scans.flatten(1)
        opinions = torch.stack([expert(pixels) for expert in self.experts], 1)
        return self.head((self.gate(pixels).softmax(1).unsqueeze(2) * opinions).sum(1))


class ExpertsInList(Experts):
    """The same, with the experts in a list."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.gate = nn.Linear(64, 4)
        self.experts = [_expert() for _ in range(4)]
        self.head = nn.Linear(24, 10)


class Hasher(nn.Module):
    """Names a digit from a code of 24 signs, whose gradient goes straight through."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
        self.head = nn.Linear(24, 10)

    def code(self, states: Tensor) -> Tensor:
        soft = torch.tanh(states)
        return soft + (torch.sign(states) - soft).detach()

    def forward(self, scans: Tensor) -> Tensor:
        return self.head(self.code(self.encoder(scans)))


class HardHasher(Hasher):
    """The same, with the bare sign."""

    def code(self, states: Tensor) -> Tensor:
        return torch.sign(states)


class RescaledRegression(nn.Module):
    """Predicts in the targets' own unit, by their mean and deviation, which it keeps."""

    def __init__(self, features: int, targets: Tensor) -> None:
        super().__init__()
        self.network = perceptron(features, 1)
        self.register_buffer("mean", targets.mean())
        self.register_buffer("deviation", targets.std())

    def forward(self, rows: Tensor) -> Tensor:
        return self.mean + self.deviation * self.network(rows)


class Categories(nn.Module):
    """Embeds every column of a table of categories, and scores the row."""

    def __init__(self, sizes: tuple[int, ...]) -> None:
        super().__init__()
        self.embeddings = nn.ModuleList(nn.Embedding(size, 8) for size in sizes)
        self.network = perceptron(8 * len(sizes), 1)

    def forward(self, rows: Tensor) -> Tensor:
        parts = [embedding(rows[:, column]) for column, embedding in enumerate(self.embeddings)]
        return self.network(torch.cat(parts, 1)).squeeze(1)


class Distilled(nn.Module):
    """A student beside its frozen teacher; returns the logits of both."""

    def __init__(self, teacher: nn.Linear) -> None:
        super().__init__()
        self.student = perceptron(64, 10)
        self.teacher = teacher.requires_grad_(False)

    def forward(self, scans: Tensor) -> tuple[Tensor, Tensor]:
        pixels = scans.flatten(1)
        with torch.no_grad():
            advice = self.teacher(pixels)
        return self.student(pixels), advice


class Vae(nn.Module):
    """The variational autoencoder of Kingma and Welling; returns logits of pixels, means and log-variances."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU())
        self.mean, self.log_variance = nn.Linear(64, 8), nn.Linear(64, 8)
        self.decoder = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, scans: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        states = self.encoder(scans)
        mean, log_variance = self.mean(states), self.log_variance(states)
        codes = mean + torch.exp(log_variance / 2) * torch.randn_like(mean) if self.training else mean
        return self.decoder(codes), mean, log_variance


class VqVae(nn.Module):
    """A VQ-VAE; returns the reconstruction, the encoder's vectors and the codes nearest to them."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, 8, 1))
        self.codes = nn.Embedding(32, 8)
        nn.init.uniform_(self.codes.weight, -0.2, 0.2)
        self.decoder = nn.Sequential(nn.ConvTranspose2d(8, 32, 2, stride=2), nn.ReLU(), nn.Conv2d(32, 1, 3, padding=1))

    def forward(self, scans: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        vectors = self.encoder(scans).permute(0, 2, 3, 1)
        distances = torch.cdist(vectors.reshape(-1, 8), self.codes.weight)
        nearest = self.codes(distances.argmin(1)).view_as(vectors)
        passed = vectors + (nearest - vectors).detach()
        return self.decoder(passed.permute(0, 3, 1, 2)), vectors, nearest


def label_and_advice(outputs: tuple[Tensor, Tensor], classes: Tensor) -> Tensor:
    """Return the loss of a student against the label and against its teacher's softened opinion."""
    logits, advice = outputs
    softened = F.kl_div(F.log_softmax(logits / 2, 1), F.softmax(advice / 2, 1), reduction="batchmean")
    return F.cross_entropy(logits, classes) + 2 * softened


def negative_bound(outputs: tuple[Tensor, Tensor, Tensor], scans: Tensor) -> Tensor:
    """Return the negative evidence bound of a batch of `Vae`: summed over pixels and latents, averaged over samples."""
    logits, mean, log_variance = outputs
    pixels = F.binary_cross_entropy_with_logits(logits, scans, reduction="sum")
    divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    return (pixels + divergence) / len(scans)


def vq_loss(outputs: tuple[Tensor, Tensor, Tensor], scans: Tensor) -> Tensor:
    """Return the loss of `VqVae`: reconstruction, codes drawn to vectors, vectors drawn to codes."""
    image, vectors, codes = outputs
    return F.mse_loss(image, scans) + F.mse_loss(codes, vectors.detach()) + 0.25 * F.mse_loss(vectors, codes.detach())
