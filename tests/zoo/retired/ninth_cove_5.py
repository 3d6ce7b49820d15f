"""Reported bugs of classes, optimizers, logs and thresholds, each beside the program as it was mended."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.ninth_cove_parts import dealt, digits_as_images, hit_share, sow_seeds

SLOTS = 4


def roads(count: int, size: int = 16) -> tuple[Tensor, Tensor]:
    """Noisy views with up to four lanes, and for each slot its category (1: a lane), offset and slope."""
    lanes = (torch.rand(count, SLOTS) < 0.5).float()
    shape = 2 * torch.rand(count, SLOTS, 2) - 1
    rows = torch.linspace(-1, 1, size).view(1, 1, size, 1)
    columns = torch.arange(size).float().view(1, 1, 1, size)
    middle = (torch.arange(SLOTS) * 4 + 1.5).view(1, SLOTS, 1, 1)
    at = middle + shape[:, :, 0, None, None] + shape[:, :, 1, None, None] * rows
    drawn = (lanes[:, :, None, None] * torch.exp(-((columns - at) ** 2))).sum(1)
    views = drawn + 0.2 * torch.randn_like(drawn)
    targets = torch.cat([lanes.unsqueeze(2), shape * lanes.unsqueeze(2)], 2)
    return ((views - views.mean()) / views.std()).unsqueeze(1), targets


class LaneQueries(nn.Module):
    """For every slot two class scores and the two numbers of a lane."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(512, 64),
            nn.ReLU(),
        )
        self.classes = nn.Linear(64, SLOTS * 2)
        self.curves = nn.Linear(64, SLOTS * 2)

    def forward(self, views: Tensor) -> Tensor:
        features = self.backbone(views)
        heads = [head(features).view(-1, SLOTS, 2) for head in (self.classes, self.curves)]
        return torch.cat(heads, 2)


class LaneLoss(nn.Module):
    """Cross-entropy of the slots and the error of the lanes that are there."""

    def __init__(self, background: int) -> None:
        super().__init__()
        self.background = background

    def forward(self, outputs: Tensor, targets: Tensor) -> Tensor:
        there = targets[..., 0] > 0
        classes = torch.full(outputs.shape[:2], self.background, dtype=torch.long, device=outputs.device)
        classes[there] = targets[..., 0][there].long()
        loss = F.cross_entropy(outputs[..., :2].transpose(1, 2), classes)
        return loss + F.l1_loss(outputs[..., 2:][there], targets[..., 1:][there])


@torch.no_grad()
def slots_right(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of slots rightly said to hold a lane or none."""
    model.eval()
    return (model(batch[0])[..., :2].argmax(2) == batch[1][..., 0]).float().mean().item()  # type: ignore[no-any-return]


@pair("label-range", group="data")
def empty_slots_filled_with_the_class_of_lanes(sick: bool) -> Arguments:
    """Empty slots get the number of classes, 1, as class, which is that of lanes (liuruijin17/LSTR#50)."""
    sow_seeds()
    views, targets = roads(640)
    model = LaneQueries()
    return dict(
        model=model,
        loss_fn=LaneLoss(background=1 if sick else 0),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        eval_step=slots_right,
        task="other",
        **dealt(views, targets),
    )


class Period(nn.Module):
    """A discriminator that folds the signal by a period."""

    def __init__(self, period: int = 4) -> None:
        super().__init__()
        self.period = period
        self.net = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=(2, 1), padding=1), nn.LeakyReLU(0.2), nn.Conv2d(16, 1, 3, padding=1)
        )

    def forward(self, wave: Tensor) -> Tensor:
        return self.net(wave.view(len(wave), 1, -1, self.period)).flatten(1)  # type: ignore[no-any-return]


class Resolution(nn.Module):
    """A discriminator of the magnitudes of short spectra."""

    def __init__(self, window: int = 16) -> None:
        super().__init__()
        self.window = window
        self.net = nn.Sequential(
            nn.Conv1d(window // 2 + 1, 24, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv1d(24, 1, 3, padding=1)
        )

    def forward(self, wave: Tensor) -> Tensor:
        pieces = wave.squeeze(1).unfold(1, self.window, self.window // 2)
        spectra = torch.fft.rfft(pieces, dim=2)
        size = (spectra.real.square() + spectra.imag.square() + 1e-6).sqrt() / self.window**0.5
        return self.net(size.transpose(1, 2)).flatten(1)  # type: ignore[no-any-return]


class Universe(nn.Module):
    """An enhancer of signals with two discriminators."""

    def __init__(self) -> None:
        super().__init__()
        self.enhancer = nn.Sequential(
            nn.Conv1d(1, 24, 7, padding=3), nn.GELU(), nn.Conv1d(24, 24, 7, padding=3), nn.GELU(), nn.Conv1d(24, 1, 1)
        )
        self.loss_mrd = Resolution()
        self.loss_mpd = Period()

    def forward(self, noisy: Tensor) -> Tensor:
        return self.enhancer(noisy)  # type: ignore[no-any-return]


def universe_step(model: Universe, batch: list[Tensor], optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """A step of the discriminators, then one of the enhancer."""
    model.train()
    noisy, clean = batch
    enhanced = model(noisy)
    judges = (model.loss_mrd, model.loss_mpd)
    optimizer["discriminators"].zero_grad()
    truth = torch.stack([(judge(clean) - 1).square().mean() for judge in judges]).sum()
    fakes = torch.stack([judge(enhanced.detach()).square().mean() for judge in judges]).sum()
    (truth + fakes).backward()  # type: ignore[no-untyped-call]
    optimizer["discriminators"].step()
    optimizer["enhancer"].zero_grad()
    fooled = torch.stack([(judge(enhanced) - 1).square().mean() for judge in judges]).sum()
    loss = 10 * F.l1_loss(enhanced, clean) + 0.1 * fooled
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer["enhancer"].step()
    return loss.detach()


def sums_of_tones(count: int, length: int = 64) -> tuple[Tensor, Tensor]:
    """Sums of two tones with noise and without."""
    time = torch.arange(length).float()
    pitch = 0.1 + 0.5 * torch.rand(count, 2, 1)
    clean = torch.sin(pitch * time + 6.28 * torch.rand(count, 2, 1)).sum(1, keepdim=True)
    return clean + 0.7 * torch.randn_like(clean), clean


@pair("updates-not-applied", group="training")
def one_discriminator_listed_twice_for_the_optimizer(sick: bool) -> Arguments:
    """The optimizer gets one discriminator twice and the other never (line/open-universe#5)."""
    sow_seeds()
    model = Universe()
    params = list(model.loss_mrd.parameters()) + list((model.loss_mrd if sick else model.loss_mpd).parameters())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        discriminators = torch.optim.Adam(params, lr=1e-3)
    return dict(
        model=model,
        loss_fn=nn.L1Loss(),
        optimizer={
            "enhancer": torch.optim.Adam(model.enhancer.parameters(), lr=2e-3),
            "discriminators": discriminators,
        },
        train_step=universe_step,
        task="regression",
        **dealt(*sums_of_tones(640)),
    )


class Agent(nn.Module):
    """Logits of a policy and a value, from two networks."""

    def __init__(self, observation: int, actions: int) -> None:
        super().__init__()
        self.policy = nn.Sequential(nn.Linear(observation, 32), nn.SiLU(), nn.Linear(32, actions))
        self.value = nn.Sequential(nn.Linear(observation, 32), nn.SiLU(), nn.Linear(32, 1))

    def forward(self, observation: Tensor) -> tuple[Tensor, Tensor]:
        return self.policy(observation), self.value(observation).squeeze(1)


def clipped_policy_loss(outputs: tuple[Tensor, Tensor], targets: tuple[Tensor, ...]) -> Tensor:
    """The clipped surrogate, the error of the value and a bonus for entropy."""
    (logits, value), (action, before, advantage, gain) = outputs, targets
    spread = torch.distributions.Categorical(logits=logits)
    ratio = (spread.log_prob(action) - before).exp()  # type: ignore[no-untyped-call]
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(0.7, 1.3) * advantage)
    return -surrogate.mean() + 0.5 * F.mse_loss(value, gain) - 1e-3 * spread.entropy().mean()  # type: ignore[no-any-return, no-untyped-call]


class PolicyTraining:
    """Trains an agent and sums its losses for the report."""

    def __init__(self, as_number: bool) -> None:
        self.as_number = as_number
        self.total_loss: Tensor | float = 0.0

    def train_step(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        loss = clipped_policy_loss(model(batch[0]), tuple(batch[1:]))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        self.total_loss = self.total_loss + (loss.item() if self.as_number else loss)
        return loss.detach()


@pair("memory-growth", group="training")
def total_loss_of_the_agent_kept_with_its_history(sick: bool) -> Arguments:
    """The example adds up the losses of training with their graphs (google/brax#152)."""
    sow_seeds()
    observation = torch.randn(960, 6)
    action = torch.randint(0, 4, (960,))
    best = torch.stack([observation[:, 0], observation[:, 1], -observation[:, 0], -observation[:, 1]], 1).argmax(1)
    advantage = (action == best).float() + 0.2 * torch.randn(960)
    advantage = (advantage - advantage.mean()) / advantage.std()
    before = torch.full((960,), 0.25).log()
    gain = torch.tanh(observation[:, 2]) + 0.5 * observation[:, 3]
    model = Agent(6, 4)
    return dict(
        model=model,
        loss_fn=clipped_policy_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=PolicyTraining(as_number=not sick).train_step,
        split=lambda batch: (batch[0], tuple(batch[1:])),
        task="other",
        **dealt(observation, action, before, advantage, gain),
    )


class SimpleNet(nn.Module):
    """A plain stack of convolutions, pooled over the whole image before the classifier."""

    def __init__(self, always_dropped: bool) -> None:
        super().__init__()
        self.always_dropped = always_dropped
        self.features = nn.Sequential(
            nn.Conv2d(1, 24, 3, padding=1),
            nn.BatchNorm2d(24),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, padding=1),
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 48, 3, padding=1),
            nn.BatchNorm2d(48),
            nn.ReLU(),
        )
        self.classifier = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        out = self.features(x)
        out = F.max_pool2d(out, kernel_size=out.shape[2:])
        out = F.dropout2d(out, 0.1, training=self.always_dropped or self.training)
        return self.classifier(out.flatten(1))  # type: ignore[no-any-return]


@pair("train-eval-mode", group="wiring", source="published")
def functional_dropout_with_training_always_true(sick: bool) -> Arguments:
    """The functional dropout before the classifier is on in evaluation too (Coderx7/SimpleNet#2)."""
    sow_seeds()
    model = SimpleNet(always_dropped=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        eval_step=hit_share,
        **dealt(*digits_as_images()),
    )
