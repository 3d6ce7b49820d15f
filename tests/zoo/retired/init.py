"""Programs whose first weights are wrong, written after the checks by people who had not seen them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_training import gpt2
from tests.zoo.retired.models_training_data import (
    CHARACTERS,
    contexts,
    digits,
    seed_all,
    sentences,
    shuffled,
    shuffled_fields,
    wine,
)


@pair("loss-at-init", group="init", source="transformers")
def vocabulary_replaced_by_default_embeddings(sick: bool) -> Arguments:
    """GPT-2 gets a new vocabulary in torch's N(0, 1), and its head is tied to it: logits far too sure of themselves."""
    seed_all()
    text = sentences()
    model = gpt2()
    vectors = nn.Embedding(len(CHARACTERS), model.config.n_embd)
    if not sick:
        nn.init.normal_(vectors.weight, std=model.config.initializer_range)
    model.set_input_embeddings(vectors)
    model.lm_head.weight = vectors.weight
    return {
        "model": model,
        "loader": shuffled_fields(input_ids=text, labels=text),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "causal": True,
    }


class PlainVGG(nn.Module):
    """Eight 3 × 3 convolutions without normalisation, in the way of VGG."""

    def __init__(self, count_taps: bool) -> None:
        super().__init__()
        self.count_taps = count_taps
        layers: list[nn.Module] = []
        inside = 1
        for place in range(8):
            layers += [nn.Conv2d(inside, 16, 3, padding=1), nn.ReLU()]
            if place in {1, 4}:
                layers.append(nn.MaxPool2d(2))
            inside = 16
        self.features = nn.Sequential(*layers)
        self.fc = nn.Linear(16 * 4, 10)
        for layer in self.features:
            if isinstance(layer, nn.Conv2d):
                self._reset(layer)

    def _reset(self, conv: nn.Conv2d) -> None:
        taps = conv.kernel_size[0] * conv.kernel_size[1] if self.count_taps else 1
        conv.weight.data.normal_(0, math.sqrt(2.0 / (taps * conv.in_channels)))
        conv.bias.data.zero_()

    def forward(self, images: Tensor) -> Tensor:
        return self.fc(self.features(images).flatten(1))


@pair("init-scale", group="init", source="published")
def he_initialisation_forgets_the_kernel(sick: bool) -> Arguments:
    """The fan-in counts channels and forgets the nine taps: every layer makes its activations three times larger."""
    seed_all()
    model = PlainVGG(count_taps=not sick)
    return {
        "model": model,
        "loader": shuffled(*digits()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=1e-3),
        "class_names": [str(digit) for digit in range(10)],
    }


class Dense(nn.Module):
    """A linear layer written by hand."""

    def __init__(self, inside: int, outside: int, flat: bool) -> None:
        super().__init__()
        weight = torch.full((outside, inside), 1 / inside) if flat else torch.randn(outside, inside) / inside**0.5
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(outside))

    def forward(self, features: Tensor) -> Tensor:
        return features @ self.weight.t() + self.bias


@pair("symmetric-init", group="init", source="scikit-learn")
def handwritten_layers_start_as_averages(sick: bool) -> Arguments:
    """Every weight of a hand-written layer is 1 / fan-in, so that all hidden units stay copies of one another."""
    seed_all()
    model = nn.Sequential(Dense(13, 32, sick), nn.Tanh(), Dense(32, 32, sick), nn.Tanh(), Dense(32, 3, sick))
    return {
        "model": model,
        "loader": shuffled(*wine()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    }


class Spots(nn.Module):
    """A fully convolutional detector: a logit for each pixel, whose prior is that spots are rare."""

    def __init__(self, prior_everywhere: bool, prior: float = 0.02) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU())
        self.head = nn.Conv2d(16, 1, 3, padding=1)
        for layer in (self.body[0], self.body[2]):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        nn.init.normal_(self.head.weight, std=0.01)
        for layer in self.modules() if prior_everywhere else [self.head]:
            if isinstance(layer, nn.Conv2d):
                nn.init.constant_(layer.bias, -math.log((1 - prior) / prior))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.body(images))


def _spots(count: int = 384, side: int = 16) -> tuple[Tensor, Tensor]:
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    centre = torch.randint(2, side - 2, (count, 2, 1, 1))
    distance = (rows - centre[:, 0]) ** 2 + (columns - centre[:, 1]) ** 2
    images = (0.15 * torch.rand(count, side, side) + 0.85 * torch.exp(-distance / 4)).clamp(0, 1)
    return images[:, None], (distance <= 1).float()[:, None]


@pair("dead-units", group="init", source="published")
def rare_class_prior_on_every_layer(sick: bool) -> Arguments:
    """The detector's bias for rare objects is set on every convolution instead of the last: its rectifiers are shut."""
    seed_all()
    model = Spots(prior_everywhere=sick)
    return {
        "model": model,
        "loader": shuffled(*_spots()),
        "loss_fn": nn.BCEWithLogitsLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class LetterModel(nn.Module):
    """Bengio's neural language model on eight letters, with two hidden layers."""

    def __init__(self, scaled: bool) -> None:
        super().__init__()
        self.letters = nn.Embedding(len(CHARACTERS), 10)
        self.hidden = nn.Linear(80, 128)
        self.deeper = nn.Linear(128, 128)
        self.head = nn.Linear(128, len(CHARACTERS))
        with torch.no_grad():
            for layer in (self.hidden, self.deeper):
                layer.weight.normal_().mul_((5 / 3) / layer.in_features**0.5 if scaled else 1.0)
            self.head.weight.normal_().mul_(0.02)
            self.head.bias.zero_()

    def forward(self, letters: Tensor) -> Tensor:
        first = torch.tanh(self.hidden(self.letters(letters).flatten(1)))
        return self.head(torch.tanh(self.deeper(first)))


def next_letter(logits: Tensor, letter: Tensor) -> Tensor:
    """Cross-entropy of the letter that follows."""
    return F.cross_entropy(logits, letter)


@pair("saturated-units", group="init", source="published")
def letter_model_with_standard_normal_weights(sick: bool) -> Arguments:
    """N(0, 1) weights over 80 and 128 inputs push nearly every tanh to its limits, where no gradient passes."""
    seed_all()
    model = LetterModel(scaled=not sick)
    return {
        "model": model,
        "loader": shuffled(*contexts(), batch=64),
        "loss_fn": next_letter,
        "optimizer": torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9),
    }
