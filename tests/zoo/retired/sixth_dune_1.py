"""Steps, skips, priors and ranks: five programs."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.sixth_dune_parts import batches, digit_images, divided, seeded, waves


def small_cnn(classes: int = 10) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 16, classes),
    )


class Perturbation:
    """The way up the slope that sharpness-aware minimisation takes and comes back from."""

    def __init__(self, model: nn.Module, radius: float = 0.05) -> None:
        self.parameters = [p for p in model.parameters() if p.grad is not None]
        self.before = [p.detach().clone() for p in self.parameters]
        self.radius = radius

    @torch.no_grad()
    def apply(self) -> None:
        grads = [p.grad for p in self.parameters if p.grad is not None]
        norm = torch.stack([g.norm() for g in grads]).norm() + 1e-12
        for p, g in zip(self.parameters, grads, strict=True):
            p.add_(g * (self.radius / norm))

    @torch.no_grad()
    def undo(self) -> None:
        for p, old in zip(self.parameters, self.before, strict=True):
            p.copy_(old)


def sharpness_aware_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    perturbation = Perturbation(model)
    perturbation.apply()
    optimizer.zero_grad()
    F.cross_entropy(model(batch[0]), batch[1]).backward()  # type: ignore[no-untyped-call]
    perturbation.undo()
    optimizer.step()
    return loss.detach()


def sharpness_aware_step_undone_last(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    perturbation = Perturbation(model)
    perturbation.apply()
    optimizer.zero_grad()
    F.cross_entropy(model(batch[0]), batch[1]).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    perturbation.undo()
    return loss.detach()


@pair("updates-not-applied", group="training", source="scikit-learn")
def perturbation_undone_after_the_step(sick: bool) -> Arguments:
    """Sharpness-aware minimisation puts the old weights back after the optimizer's step, which so is undone."""
    seeded()
    model = small_cnn()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        train_step=sharpness_aware_step_undone_last if sick else sharpness_aware_step,
        **batches(digit_images()),
    )


class WaveUNet(nn.Module):
    """Two levels down and up again, with skips, over a series."""

    def __init__(self, to_the_skip: bool, width: int = 16) -> None:
        super().__init__()
        self.to_the_skip = to_the_skip
        self.enter = nn.Conv1d(1, width, 5, padding=2)
        self.down1 = nn.Conv1d(width, width, 5, padding=2)
        self.down2 = nn.Conv1d(width, width, 5, padding=2)
        self.up1 = nn.Conv1d(2 * width, width, 5, padding=2)
        self.up2 = nn.Conv1d(2 * width, width, 5, padding=2)
        self.leave = nn.Conv1d(width, 1, 1)

    def joined(self, x: Tensor, skip: Tensor) -> Tensor:
        x = F.interpolate(x, size=skip.shape[-1]) if self.to_the_skip else F.interpolate(x, scale_factor=2)
        return torch.cat([x, skip], dim=1)

    def forward(self, x: Tensor) -> Tensor:
        first = F.relu(self.enter(x))
        second = F.relu(self.down1(F.max_pool1d(first, 2)))
        third = F.relu(self.down2(F.max_pool1d(second, 2)))
        second = F.relu(self.up1(self.joined(third, second)))
        first = F.relu(self.up2(self.joined(second, first)))
        out: Tensor = self.leave(first)
        return out


@pair("runs", group="wiring", source="published")
def skip_of_an_odd_length(sick: bool) -> Arguments:
    """The U-Net doubles 12 steps to 24 and joins them to a skip of 25, as series of 50 steps are halved twice."""
    seeded()
    noisy, _ = waves(600)
    kernel = torch.ones(1, 1, 5) / 5
    smooth = F.conv1d(F.pad(noisy.unsqueeze(1), (2, 2), mode="circular"), kernel)
    model = WaveUNet(to_the_skip=not sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="regression",
        **batches(divided(noisy.unsqueeze(1), smooth, train=450)),
    )


def spots(rows: int = 500) -> tuple[Tensor, Tensor]:
    """Images (rows, 1, 12, 12) with one to three bright spots, and a map of their centres."""
    generator = torch.Generator().manual_seed(0)
    centres = torch.zeros(rows, 1, 12, 12)
    for row in range(rows):
        for _ in range(1 + row % 3):
            i, j = torch.randint(1, 11, (2,), generator=generator).tolist()
            centres[row, 0, i, j] = 1.0
    glow = torch.tensor([[0.3, 0.6, 0.3], [0.6, 1.0, 0.6], [0.3, 0.6, 0.3]]).view(1, 1, 3, 3)
    images = F.conv2d(centres, glow, padding=1) + 0.1 * torch.randn(rows, 1, 12, 12, generator=generator)
    return (images - images.mean()) / images.std(), centres


def with_prior(model: nn.Sequential, share: float, everywhere: bool) -> nn.Sequential:
    """Start the predicted probabilities at the share of positives."""
    for name, parameter in model.named_parameters():
        if name.endswith("bias") and (everywhere or name.startswith(f"{len(model) - 1}.")):
            nn.init.constant_(parameter, -math.log((1 - share) / share))
    return model


@pair("dead-units", group="init", source="published")
def prior_bias_given_to_every_layer(sick: bool) -> Arguments:
    """The bias of −4 for rare positives goes into every convolution instead of the last, so that no ReLU opens."""
    seeded()
    images, centres = spots()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 1, 1),
    )
    with_prior(model, centres.mean().item(), everywhere=sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **batches(divided(images, centres, train=380)),
    )


def log_partial_likelihood(risk: Tensor, times: Tensor, seen: Tensor) -> Tensor:
    """The mean log share of the risk of those still alive that falls on those who died."""
    order = times.argsort(descending=True)
    risk, seen = risk[order], seen[order]
    return ((risk - torch.logcumsumexp(risk, dim=0)) * seen).sum() / seen.sum().clamp(min=1)


def cox_loss(outputs: Tensor, targets: Tensor) -> Tensor:
    return -log_partial_likelihood(outputs.squeeze(1), targets[:, 0], targets[:, 1])


def cox_score(outputs: Tensor, targets: Tensor) -> Tensor:
    return log_partial_likelihood(outputs.squeeze(1), targets[:, 0], targets[:, 1])


@pair("loss-direction", group="wiring", source="published")
def partial_likelihood_is_minimised(sick: bool) -> Arguments:
    """The log partial likelihood of a survival model is minimised, so that those who live longest rank as sickest."""
    seeded()
    x = torch.randn(500, 8)
    risk = 1.2 * x[:, 0] - x[:, 1] + 0.7 * x[:, 2] * x[:, 3]
    times = (torch.empty(500).exponential_() * torch.exp(-risk)).sqrt().clamp(max=4.0)
    seen = (torch.rand(500) < 0.75).float()
    model = nn.Sequential(nn.Linear(8, 32), nn.SELU(), nn.Linear(32, 32), nn.SELU(), nn.Linear(32, 1, bias=False))
    return dict(
        model=model,
        loss_fn=cox_score if sick else cox_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **batches(divided(x, torch.stack([times, seen], 1), train=384), 64),
    )


class VariationalAutoencoder(nn.Module):
    """A variational autoencoder of grey images whose pixels lie between 0 and 1."""

    def __init__(self, pixels: int = 64, code: int = 6) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(pixels, 96), nn.SiLU(), nn.Linear(96, 2 * code))
        self.decoder = nn.Sequential(nn.Linear(code, 96), nn.SiLU(), nn.Linear(96, pixels))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (0.5 * logvar).exp() if self.training else mean
        return self.decoder(code), mean, logvar


def negative_elbo(outputs: tuple[Tensor, Tensor, Tensor], targets: Tensor) -> Tensor:
    logits, mean, logvar = outputs
    pixels = F.binary_cross_entropy_with_logits(logits, targets, reduction="sum")
    divergence = -0.5 * (1 + logvar - mean.square() - logvar.exp()).sum()
    return (pixels + divergence) / len(targets)


@healthy(resembles="loss-reduction", source="scikit-learn")
def elbo_summed_over_the_pixels_of_an_image() -> Arguments:
    """The reconstruction is summed over the pixels and divided by the images, as the bound wants it."""
    seeded()
    (x1, _), (x2, _) = digit_images(flat=True)
    x1, x2 = ((x * 0.376 + 0.305).clamp(0, 1) for x in (x1, x2))
    model = VariationalAutoencoder()
    return dict(
        model=model,
        loss_fn=negative_elbo,
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        task="other",
        **batches(((x1, x1), (x2, x2))),
    )
