"""Models of the retired programs: small published networks for digits, words and series."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import (
    DistilBertConfig,
    DistilBertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    ViTConfig,
    ViTForImageClassification,
)

from tests.zoo.retired.models_training_data import CHARACTERS, TOPICS, VOCABULARY


class LeNet(nn.Module):
    """LeNet-5 for 8 × 8 images, with rectifiers and dropout before each linear layer."""

    def __init__(self, classes: int = 10, dropout: float = 0.0, width: int = 8) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.hidden = nn.Sequential(nn.Dropout(dropout), nn.Linear(8 * width, 64), nn.ReLU())
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(64, classes))

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.hidden(self.features(images).flatten(1)))


class Residual(nn.Module):
    """A basic block of a ResNet."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.first_norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.second_norm = nn.BatchNorm2d(channels)

    def forward(self, images: Tensor) -> Tensor:
        inner = F.relu(self.first_norm(self.first(images)))
        return F.relu(images + self.second_norm(self.second(inner)))


class ResNet(nn.Module):
    """Three basic blocks and a linear head."""

    def __init__(self, classes: int = 10, channels: int = 16) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU())
        self.blocks = nn.Sequential(Residual(channels), nn.AvgPool2d(2), Residual(channels), Residual(channels))
        self.fc = nn.Linear(channels * 16, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.blocks(self.stem(images)).flatten(1))


def _separable(inside: int, outside: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, inside, 3, padding=1, groups=inside, bias=False), nn.BatchNorm2d(inside), nn.ReLU6(),
        nn.Conv2d(inside, outside, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU6(),
    )  # fmt: skip


class MobileNet(nn.Module):
    """A stem, three separable blocks, pooling, a head."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU6())
        self.blocks = nn.Sequential(_separable(16, 32), nn.MaxPool2d(2), _separable(32, 48), _separable(48, 64))
        self.head = nn.Linear(64, classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.blocks(self.stem(images)).mean((2, 3)))


class Perceptron(nn.Module):
    """Two hidden layers over a table or flattened images."""

    def __init__(self, inside: int, outside: int, width: int = 64) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inside, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
        self.head = nn.Linear(width, outside)

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.body(features.flatten(1)))


class WordBag(nn.Module):
    """Mean of word vectors, a hidden layer, a head (a deep averaging network); larger ids are cut to `largest`."""

    def __init__(self, largest: int = VOCABULARY - 1, width: int = 32) -> None:
        super().__init__()
        self.largest = largest
        self.vectors = nn.Embedding(VOCABULARY, width)
        self.hidden = nn.Linear(width, 64)
        self.head = nn.Linear(64, len(TOPICS))

    def forward(self, words: Tensor) -> Tensor:
        read = self.vectors(words.clamp(max=self.largest)).mean(1)
        return self.head(F.relu(self.hidden(read)))


class Forecaster(nn.Module):
    """A GRU over a series, and the next value from its last state."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(1, 32, batch_first=True)
        self.head = nn.Linear(32, 1)

    def forward(self, series: Tensor) -> Tensor:
        states, _ = self.gru(series)
        return self.head(states[:, -1])


class Reader(nn.Module):
    """A leaky memory of the letters read so far, from which the next letter is told."""

    def __init__(self) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(CHARACTERS), 48)
        self.head = nn.Sequential(nn.Linear(48, 64), nn.Tanh(), nn.Linear(64, len(CHARACTERS)))

    def read(self, chunk: Tensor, memory: Tensor | None = None) -> Tensor:
        """Add a chunk of letters to the memory."""
        for place in range(chunk.shape[1]):
            letter = self.letters(chunk[:, place])
            memory = letter if memory is None else 0.5 * memory + letter
        return memory

    def forward(self, chunk: Tensor) -> Tensor:
        return self.head(self.read(chunk))


class Autoencoder(nn.Module):
    """Digits through 16 numbers and back, as logits of the pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
        self.decoder = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))


def reconstruction(logits: Tensor, images: Tensor) -> Tensor:
    """Binary cross-entropy of the pixels."""
    return F.binary_cross_entropy_with_logits(logits, images)


class SimSiam(nn.Module):
    """An encoder with projector, and a predictor whose targets carry no gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
            nn.Linear(256, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32), nn.BatchNorm1d(32, affine=False),
        )  # fmt: skip
        self.predictor = nn.Sequential(nn.Linear(32, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 32))

    def forward(self, views: Tensor) -> tuple[Tensor, ...]:
        one, two = self.encoder(views[:, 0]), self.encoder(views[:, 1])
        return self.predictor(one), self.predictor(two), one.detach(), two.detach()


class MeanTeacher(nn.Module):
    """A student that learns, and a frozen twin that follows it."""

    def __init__(self, student: nn.Module, teacher: nn.Module) -> None:
        super().__init__()
        self.student = student
        self.teacher = teacher.requires_grad_(False)
        teacher.load_state_dict(student.state_dict())

    def forward(self, images: Tensor) -> Tensor:
        return self.student(images)

    @torch.no_grad()
    def follow(self, momentum: float = 0.99) -> None:
        """Move the teacher a little towards the student."""
        for slow, fast in zip(self.teacher.parameters(), self.student.parameters(), strict=True):
            slow.lerp_(fast, 1 - momentum)


class Average:
    """An exponential moving average of a model's parameters, used for evaluation."""

    def __init__(self, model: nn.Module) -> None:
        self.shadow = copy.deepcopy(model.state_dict())

    def follow(self, model: nn.Module, momentum: float = 0.9) -> None:
        """Move the average towards the model."""
        for name, tensor in model.state_dict().items():
            self.shadow[name].lerp_(tensor, 1 - momentum)


class Generator(nn.Module):
    """A DCGAN generator of 8 × 8 images in [-1, 1]."""

    def __init__(self, latent: int = 16) -> None:
        super().__init__()
        self.latent = latent
        self.layers = nn.Sequential(
            nn.ConvTranspose2d(latent, 32, 4, bias=False), nn.BatchNorm2d(32), nn.ReLU(),
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1), nn.Tanh(),
        )  # fmt: skip

    def forward(self, noise: Tensor) -> Tensor:
        return self.layers(noise[:, :, None, None])


class ActorCritic(nn.Module):
    """Logits of the actions and the value of a state, from two separate networks."""

    def __init__(self) -> None:
        super().__init__()
        self.actor = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 2))
        self.critic = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor(states), self.critic(states).squeeze(1)


def vit() -> ViTForImageClassification:
    """A vision transformer for digits."""
    return ViTForImageClassification(
        ViTConfig(
            image_size=8, patch_size=2, num_channels=1, hidden_size=48, num_hidden_layers=2, num_attention_heads=4,
            intermediate_size=96, num_labels=10, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip


def distilbert() -> DistilBertForSequenceClassification:
    """DistilBERT for the topics of documents."""
    return DistilBertForSequenceClassification(
        DistilBertConfig(
            vocab_size=VOCABULARY, dim=48, n_layers=2, n_heads=4, hidden_dim=96, max_position_embeddings=32,
            num_labels=len(TOPICS), dropout=0.1, attention_dropout=0.1,
        )
    )  # fmt: skip


def gpt2() -> GPT2LMHeadModel:
    """GPT-2 over characters."""
    return GPT2LMHeadModel(
        GPT2Config(
            vocab_size=len(CHARACTERS), n_positions=64, n_embd=48, n_layer=2, n_head=4, bos_token_id=0, eos_token_id=0,
            resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
        )
    )  # fmt: skip


def llama() -> LlamaForCausalLM:
    """Llama over characters."""
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(CHARACTERS), hidden_size=48, intermediate_size=96, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64, bos_token_id=0, eos_token_id=0,
        )
    )  # fmt: skip
