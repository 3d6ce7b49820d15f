"""Reported bugs, first hand: large targets, reviews, voices, worn machines and faces."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eleventh_heron_parts import SmallConvNet, batches_in_order_of_seed, with_seeds


@pair("target-scale", "final-bias", group="data")
def targets_near_minus_2700(sick: bool) -> Arguments:
    """Targets around -2700 are not scaled to [0, 1] (discuss.pytorch.org/t/scaling-target-variables/41046)."""
    with_seeds()
    x = torch.rand(1000, 4) * 2 - 1
    y = -2700 + 60 * torch.tanh(x[:, :1] + 0.5 * x[:, 1:2]) + 40 * x[:, 2:3] * x[:, 3:]
    if not sick:
        y = (y - y.min()) / (y.max() - y.min())
    model = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 1))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {"model": model, "loader": batches_in_order_of_seed(x, y), "loss_fn": nn.MSELoss(), "optimizer": optimizer}


class ReviewNetwork(nn.Module):
    """Embedding, LSTM and one logit for the mood of a review."""

    def __init__(self, words: int = 40) -> None:
        super().__init__()
        self.embedding = nn.Embedding(words, 24)
        self.lstm = nn.LSTM(24, 32, batch_first=True)
        self.out = nn.Linear(32, 1)

    def init_hidden(self, size: int) -> tuple[Tensor, Tensor]:
        """States of zeros."""
        return torch.zeros(1, size, 32), torch.zeros(1, size, 32)

    def forward(self, words: Tensor, hidden: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """One logit for each review."""
        states, _ = self.lstm(self.embedding(words), hidden)
        return self.out(states[:, -1]).squeeze(1)


def read_reviews(model: ReviewNetwork, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One step on a batch of 64 reviews."""
    model.train()
    hidden = model.init_hidden(64)
    optimizer.zero_grad()
    loss = F.binary_cross_entropy_with_logits(model(batch[0], hidden), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 5.0)
    optimizer.step()
    return loss.detach()


@pair("runs", group="wiring")
def last_batch_of_reviews_too_small(sick: bool) -> Arguments:
    """The hidden state is made for 64 reviews, and the last batch has 24 (udacity/deep-learning-v2-pytorch#398)."""
    with_seeds()
    mood = torch.randint(0, 2, (600,)).float()
    words = torch.randint(20, 40, (600, 12))
    opinion = torch.where(mood.bool().unsqueeze(1), 0, 10) + torch.randint(0, 10, (600, 12))
    words = torch.where(torch.rand(600, 12) < 0.35, opinion, words)
    model = ReviewNetwork()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(words, mood, size=64, drop_last=not sick),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "train_step": read_reviews,
    }


class SpeakerEncoder(nn.Module):
    """A frozen encoder of the spectrum of a voice."""

    def __init__(self, with_grad: bool) -> None:
        super().__init__()
        self.with_grad = with_grad
        self.net = nn.Sequential(nn.Linear(17, 16), nn.Tanh(), nn.Linear(16, 8))
        self.requires_grad_(False)
        self.register_buffer("window", torch.hann_window(32))

    def spectrum(self, wave: Tensor) -> Tensor:
        """Mean logarithm of the power in each band."""
        window = self.get_buffer("window")
        bands = torch.fft.rfft(wave.unfold(-1, 32, 16) * window).abs().square()
        return (bands + 0.1).log().mean(1)

    def forward(self, wave: Tensor) -> Tensor:
        """A vector of unit length for each voice."""
        with torch.set_grad_enabled(self.with_grad and torch.is_grad_enabled()):
            bands = self.spectrum(wave)
        return F.normalize(self.net(bands), dim=-1)


class VoiceLoss(nn.Module):
    """Distance of the waves, and how much the speaker differs."""

    def __init__(self, encoder: SpeakerEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, made: Tensor, real: Tensor) -> Tensor:
        """Mean squared error plus one minus the similarity of the speakers."""
        alike = (self.encoder(made) * self.encoder(real)).sum(-1)
        return F.mse_loss(made, real) + (1 - alike).mean()


@pair("detached-graph", group="wiring")
def speaker_spectrum_without_grad(sick: bool) -> Arguments:
    """The speaker encoder takes its spectrum without gradients, so consistency teaches nothing (coqui-ai/TTS#2348)."""
    with_seeds()
    time = torch.arange(128) / 128
    code = torch.randn(600, 6)
    pitch = 8 + 3 * torch.tanh(code[:, :1])
    wave = torch.sin(2 * torch.pi * pitch * time) + 0.5 * torch.tanh(code[:, 1:2]) * torch.cos(60 * torch.pi * time)
    wave = wave + 0.4 * torch.randn(600, 128)
    model = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 128))
    return {
        "model": model,
        "loader": batches_in_order_of_seed(code, wave),
        "loss_fn": VoiceLoss(SpeakerEncoder(with_grad=not sick)),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "other",
    }


class WearNetwork(nn.Module):
    """Remaining life from sensors, with the features of a labelled and an unlabelled machine."""

    def __init__(self) -> None:
        super().__init__()
        self.extractor = nn.Sequential(nn.Linear(14, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh())
        self.regressor = nn.Linear(16, 1)

    def forward(self, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Remaining life of the labelled machines, and both sets of features."""
        ours, theirs = self.extractor(source), self.extractor(target)
        return self.regressor(ours).squeeze(1), ours, theirs


class AdaptationLoss(nn.Module):
    """Squared error, and the energy distance between the features of both domains."""

    def __init__(self, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon

    def distances(self, a: Tensor, b: Tensor) -> Tensor:
        """Mean euclidean distance of all pairs."""
        return ((a.unsqueeze(1) - b.unsqueeze(0)).square().sum(-1) + self.epsilon).sqrt().mean()

    def forward(self, outputs: tuple[Tensor, Tensor, Tensor], life: Tensor) -> Tensor:
        """The loss of one batch."""
        predicted, ours, theirs = outputs
        apart = 2 * self.distances(ours, theirs) - self.distances(ours, ours) - self.distances(theirs, theirs)
        return F.mse_loss(predicted, life) + 0.1 * apart


@pair("nonfinite-gradient", group="backward")
def root_of_a_distance_to_itself(sick: bool) -> Arguments:
    """Pairwise distances take the root of an exact zero on their diagonal (tilman151/rul-adapt#22)."""
    with_seeds()
    source = torch.randn(800, 14)
    target = torch.randn(800, 14) * 1.1 + 0.3
    life = torch.tanh(source[:, 0] - source[:, 1]) + 0.5 * source[:, 2] + 0.2 * torch.randn(800)
    model = WearNetwork()
    return {
        "model": model,
        "loader": batches_in_order_of_seed(source, target, life),
        "loss_fn": AdaptationLoss(0.0 if sick else 1e-6),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


def toned_faces(count: int, people: int = 8) -> tuple[Tensor, Tensor]:
    """Small colour images, first axis the picture: tones of skin, hair and shirt of a few people, red first."""
    who = torch.randint(people, (count,))
    places = torch.Generator().manual_seed(11)
    skin = torch.tensor([0.78, 0.58, 0.45]) + 0.12 * torch.randn(people, 3, generator=places)
    hair = torch.tensor([0.35, 0.25, 0.15]) + 0.12 * torch.randn(people, 3, generator=places)
    shirt = torch.rand(people, 3, generator=places)
    picture = torch.empty(count, 3, 12, 12)
    picture[:, :, :3] = hair[who].view(count, 3, 1, 1)
    picture[:, :, 3:9] = skin[who].view(count, 3, 1, 1)
    picture[:, :, 9:] = shirt[who].view(count, 3, 1, 1)
    light = 1 + 0.15 * torch.randn(count, 1, 1, 1)
    return ((picture * light + 0.08 * torch.randn_like(picture)) - 0.5) / 0.25, who


@pair("train-val-shift", group="data")
def verification_images_blue_first(sick: bool) -> Arguments:
    """The archives of the evaluation hold images blue first, training decodes red first (peteryuX/arcface-tf2#40)."""
    with_seeds()
    images, who = toned_faces(900)
    seen, known = images[:700], images[700:]
    if sick:
        known = known.flip(1)
    model = SmallConvNet(classes=8, channels=3)
    model.head = nn.Linear(32 * 9, 8)
    return {
        "model": model,
        "loader": batches_in_order_of_seed(seen, who[:700]),
        "val_loader": batches_in_order_of_seed(known, who[700:], shuffle=False),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }
