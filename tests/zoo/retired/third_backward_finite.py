"""Programs in which a value or a gradient stops being finite."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, passages, seed_everything


class AttentiveReader(nn.Module):
    """Word vectors, one convolution, and a pooling that weights each word by a learnt score."""

    def __init__(self, vocabulary: int = 400, width: int = 48, classes: int = 4, lowest: float = -1e4):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=0)
        self.context = nn.Conv1d(width, width, 3, padding=1)
        self.score = nn.Linear(width, 1)
        self.head = nn.Linear(width, classes)
        self.lowest = lowest

    def forward(self, ids: Tensor) -> Tensor:
        padded = ids == 0
        words = self.words(ids)
        h = words + F.gelu(self.context(words.transpose(1, 2)).transpose(1, 2)) * ~padded.unsqueeze(-1)
        score = self.score(h).squeeze(-1).masked_fill(padded, self.lowest)
        return self.head((score.softmax(-1).unsqueeze(-1) * h).sum(1))


class Mails:
    """Mails of up to 20 words, of which one in ten has a subject and no text."""

    def __init__(self, size: int = 32):
        self.ids, self.labels = passages()
        rng = np.random.RandomState(0)
        lengths = rng.randint(6, 21, len(self.ids))
        lengths[rng.rand(len(self.ids)) < 0.1] = 0
        self.ids[torch.arange(20) >= torch.from_numpy(lengths).unsqueeze(1)] = 0
        empty = self.ids.sum(1) == 0
        self.labels[empty] = 3
        self.size = size

    def __len__(self) -> int:
        return len(self.ids) // self.size

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for rows in torch.randperm(len(self.ids)).split(self.size)[: len(self)]:
            yield self.ids[rows], self.labels[rows]


@pair("nonfinite-forward", group="backward", source="own")
def attention_over_a_mail_without_words(sick: bool) -> Arguments:
    """Padding is masked with −inf, and a mail that is all padding leaves softmax nothing: 0 / 0 in its whole row."""
    seed_everything()
    model = AttentiveReader(lowest=float("-inf") if sick else -1e4)
    return {
        "model": model,
        "loader": Mails(),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
        "padding_value": 0,
    }


class DivergenceToTeacher(nn.Module):
    """Kullback-Leibler divergence of the student from what the teacher says."""

    def __init__(self, textbook: bool):
        super().__init__()
        self.textbook = textbook

    def forward(self, logits: Tensor, teacher: Tensor) -> Tensor:
        log_student = logits.log_softmax(-1)
        if self.textbook:
            terms = teacher * (teacher.log() - log_student)
        else:
            terms = torch.xlogy(teacher, teacher) - teacher * log_student
        return terms.sum(-1).mean()


class LeNet5(nn.Sequential):
    """LeNet-5 for images of 8 by 8."""

    def __init__(self):
        super().__init__(
            nn.Conv2d(1, 6, 3, padding=1),
            nn.Tanh(),
            nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 3, padding=1),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(256, 84),
            nn.Tanh(),
            nn.Linear(84, 10),
        )


@pair("nonfinite-forward", group="backward", source="published")
def divergence_from_a_teacher_that_is_certain(sick: bool) -> Arguments:
    """The divergence is written as p (log p − log q), and where the teacher says exactly 0 this is 0 times −inf."""
    seed_everything()
    images, labels = digit_images()
    teacher = 0.9 * F.one_hot(labels, 10).float()
    teacher += 0.1 * F.one_hot((labels + torch.randint(1, 10, labels.shape)) % 10, 10)
    model = LeNet5()
    return {
        "model": model,
        "loader": batches(images, teacher),
        "loss_fn": DivergenceToTeacher(textbook=sick),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    }


class NoiseReducedSpectra(nn.Module):
    """A classifier of short sounds: spectrum, minus the noise floor, compressed by a root, then convolutions."""

    def __init__(self, floor_at_zero: bool):
        super().__init__()
        self.floor_at_zero = floor_at_zero
        self.register_buffer("window", torch.hann_window(32, periodic=False))
        self.body = nn.Sequential(nn.Conv1d(17, 32, 3), nn.ReLU(), nn.Conv1d(32, 32, 3), nn.ReLU())
        self.head = nn.Linear(32, 3)

    def forward(self, sound: Tensor) -> Tensor:
        frames = sound.unfold(1, 32, 16) * self.window
        power = torch.fft.rfft(frames).abs().square()
        power = power - power.median(dim=1, keepdim=True).values
        if self.floor_at_zero:
            power = power.clamp(min=0)
        compressed = power**0.3
        return self.head(self.body(compressed.transpose(1, 2)).mean(-1))


def chirps(count: int = 480) -> tuple[Tensor, Tensor]:
    """A tone that rises, falls or stays."""
    rng = np.random.RandomState(0)
    kind = rng.randint(0, 3, count)
    time = np.linspace(0, 1, 256)
    begin = rng.uniform(30, 60, (count, 1))
    slope = np.choose(kind, [30.0, -25.0, 0.0])[:, None]
    sound = np.sin(2 * np.pi * (begin * time + slope * time**2 / 1.0) + rng.uniform(0, 6, (count, 1)))
    return torch.tensor(sound + 0.3 * rng.randn(count, 256), dtype=torch.float32), torch.from_numpy(kind)


@pair("nonfinite-forward", group="backward", source="own")
def root_of_a_spectrum_less_its_noise(sick: bool) -> Arguments:
    """What lies below the noise floor turns negative when it is taken off, and its power of 0.3 is not a number."""
    seed_everything()
    model = NoiseReducedSpectra(floor_at_zero=not sick)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(*chirps()), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class SpeakerNet(nn.Module):
    """Frames through dilated layers, channels weighted by what they hold, then mean and deviation over time."""

    def __init__(self, speakers: int, epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.frames = nn.Sequential(
            nn.Conv1d(12, 32, 3),
            nn.ReLU(),
            nn.Conv1d(32, 32, 3, dilation=2),
            nn.ReLU(),
            nn.Conv1d(32, 32, 1),
            nn.ReLU(),
        )
        self.excite = nn.Linear(32, 32)
        self.segment = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, speakers))

    def forward(self, recording: Tensor) -> Tensor:
        h = self.frames(recording)
        h = h * torch.sigmoid(self.excite(h.mean(-1))).unsqueeze(-1)
        mean = h.mean(-1)
        variance = (h - mean.unsqueeze(-1)).square().mean(-1)
        return self.segment(torch.cat([mean, torch.sqrt(variance + self.epsilon)], 1))


def recordings(count: int = 480, speakers: int = 6) -> tuple[Tensor, Tensor]:
    """Recordings of 40 frames, and a last class in which nobody speaks, only the microphone hums."""
    rng = np.random.RandomState(0)
    who = rng.randint(0, speakers, count)
    voice, colour = rng.randn(speakers, 12, 1), rng.uniform(0.3, 1.5, (speakers, 12, 1))
    sound = 0.7 * voice[who] + colour[who] * rng.randn(count, 12, 40)
    nobody = rng.rand(count) < 0.15
    sound[nobody] *= 0.003
    who[nobody] = speakers
    return torch.tensor(sound / sound.std(), dtype=torch.float32), torch.from_numpy(who)


@pair("nonfinite-gradient", group="backward", source="published")
def deviation_of_a_channel_that_is_silent(sick: bool) -> Arguments:
    """The deviation over time is the bare root of a variance that is 0 where ReLU silenced a channel: 0 times ∞."""
    seed_everything()
    model = SpeakerNet(7, epsilon=0.0 if sick else 1e-5)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loader": batches(*recordings()), "loss_fn": F.cross_entropy, "optimizer": optimizer}


class RetrievalNet(nn.Module):
    """A small ResNet whose maps are pooled by a generalised mean with a learnt power (GeM)."""

    def __init__(self, lowest: float, width: int = 24):
        super().__init__()
        self.lowest = lowest
        self.power = nn.Parameter(torch.tensor(3.0))
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.first, self.second = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)
        self.widen = nn.Conv2d(width, 2 * width, 3)
        self.head = nn.Linear(2 * width, 10)

    def forward(self, image: Tensor) -> Tensor:
        h = F.relu(self.stem(image))
        h = F.relu(h + self.second(F.relu(self.first(h))))
        h = F.relu(self.widen(h)).clamp(min=self.lowest)
        pooled = h.pow(self.power).mean((-2, -1)).pow(1 / self.power)
        return self.head(pooled)


@pair("nonfinite-gradient", group="backward", source="published")
def generalised_mean_of_a_map_of_zeros(sick: bool) -> Arguments:
    """The generalised mean has lost its small floor, and the third root of a map that is all zero has no slope."""
    seed_everything()
    model = RetrievalNet(lowest=0.0 if sick else 1e-4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }
