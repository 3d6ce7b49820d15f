"""Programs that cannot fit a batch, or could if they were not held back."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.models_of_learning_data import batches, digit_images, letter_windows, seed_everything, tumours
from tests.zoo.retired.models_of_learning_nets import marked_sentences


class Reverser(nn.Module):
    """A transformer encoder that spells a sequence backwards."""

    def __init__(self, add_positions: bool, letters: int = 28, width: int = 64, length: int = 16):
        super().__init__()
        self.add_positions = add_positions
        self.letters = nn.Embedding(letters, width)
        angle = torch.arange(length).unsqueeze(1) * torch.exp(torch.arange(0, width, 2) * (-math.log(50.0) / width))
        self.register_buffer("positions", torch.stack([angle.sin(), angle.cos()], 2).flatten(1))
        layer = nn.TransformerEncoderLayer(width, 4, 128, dropout=0.0, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.out = nn.Linear(width, letters)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.letters(ids)
        if self.add_positions:
            x = x + self.positions
        return self.out(self.encoder(x)).transpose(1, 2)


@pair("overfit-one-batch", group="training", source="published")
def spelt_backwards_without_positions(sick: bool) -> Arguments:
    """The positions are computed and never added: the same letter gets the same answer wherever it stands."""
    seed_everything()
    ids = letter_windows(16, 800)
    model = Reverser(add_positions=not sick)
    return {
        "model": model,
        "loader": batches(ids, ids.flip(1)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class Echo(nn.Module):
    """A causal stack of dilated convolutions that repeats what it heard some steps ago."""

    def __init__(self, dilations: list[int], symbols: int = 2, width: int = 48):
        super().__init__()
        self.symbols = nn.Embedding(symbols, width)
        self.dilations = dilations
        self.stack = nn.ModuleList(nn.Conv1d(width, width, 3, dilation=dilation) for dilation in dilations)
        self.out = nn.Conv1d(width, symbols, 1)

    def forward(self, ids: Tensor) -> Tensor:
        h = self.symbols(ids).transpose(1, 2)
        for dilation, convolution in zip(self.dilations, self.stack, strict=True):
            h = h + F.relu(convolution(F.pad(h, (2 * dilation, 0))))
        return self.out(h)


@pair("overfit-one-batch", group="training", source="published")
def echo_from_beyond_the_receptive_field(sick: bool) -> Arguments:
    """The dilations 1, 2, 4 were never doubled: the stack sees seven steps back, and the echo comes after ten."""
    seed_everything()
    heard = torch.randint(0, 2, (512, 32))
    echo = torch.full_like(heard, -100)
    echo[:, 10:] = heard[:, :-10]
    model = Echo([1, 1, 1] if sick else [1, 2, 4])
    return {
        "model": model,
        "loader": batches(heard, echo),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


class Shells(nn.Module):
    """A network over points in space, whose activation is a setting."""

    def __init__(self, activation: str | None, columns: int = 6, width: int = 64):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(columns, width), nn.Linear(width, width), nn.Linear(width, width)])
        self.last = nn.Linear(width, 3)
        self.activation = getattr(F, activation) if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = self.activation(layer(x))
        return self.last(x)


@pair("overfit-one-batch", group="training", source="own")
def layers_with_nothing_between_them(sick: bool) -> Arguments:
    """The setting for the activation was not passed on: four linear layers are one, and shells are no half-spaces."""
    seed_everything()
    direction = F.normalize(torch.randn(960, 6), dim=1)
    shell = torch.randint(0, 3, (960,))
    points = direction * (0.8 + 1.6 * shell.unsqueeze(1) + 0.15 * torch.randn(960, 1))
    settings = {"width": 64} if sick else {"width": 64, "activation": "relu"}
    model = Shells(settings.get("activation"), width=settings["width"])
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    return {
        "model": model,
        "loader": batches(points, shell, size=64),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": optimizer,
    }


def parameter_groups(model: nn.Module, decay: float) -> list[dict]:
    """Matrices decay, biases and norms do not."""
    matrices = [p for p in model.parameters() if p.dim() > 1]
    rest = [p for p in model.parameters() if p.dim() <= 1]
    return [{"params": matrices, "weight_decay": decay}, {"params": rest, "weight_decay": 0.0}]


@pair("regularised-debug-run", group="training", source="scikit-learn")
def decay_of_adamw_given_to_adam(sick: bool) -> Arguments:
    """A decay of 0.5, harmless in AdamW at a rate of 1e-3, is added to the gradient by Adam and drowns it."""
    seed_everything()
    model = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    kind = torch.optim.Adam if sick else torch.optim.AdamW
    optimizer = kind(parameter_groups(model, 0.5), lr=2e-3)
    return {"model": model, "loader": batches(*tumours()), "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


class DropBlock(nn.Module):
    """Whole blocks of a map are dropped, with seeds of a rate that should leave `drop` of it dropped."""

    def __init__(self, drop: float, block: int, share_among_block: bool):
        super().__init__()
        self.rate = drop / block**2 if share_among_block else drop
        self.block = block

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        seeds = (torch.rand_like(x[:, :1]) < self.rate).float()
        kept = 1 - F.max_pool2d(seeds, self.block, stride=1, padding=self.block // 2)
        return x * kept * kept.numel() / kept.sum().clamp(min=1)


class BlockResNet(nn.Module):
    """Two residual blocks, each followed by DropBlock."""

    def __init__(self, share_among_block: bool, width: int = 16):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.convolutions = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.drop = DropBlock(0.1, 5, share_among_block)
        self.head = nn.Linear(4 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.stem(x))
        for convolution in self.convolutions:
            h = self.drop(h + F.relu(convolution(h)))
        return self.head(F.adaptive_avg_pool2d(h, 2).flatten(1))


@pair("regularised-debug-run", group="training", source="published")
def seeds_of_dropblock_not_shared_among_the_block(sick: bool) -> Arguments:
    """A tenth should be dropped, but the rate of seeds is not divided by the 25 pixels of a block: hardly any stay."""
    seed_everything()
    model = BlockResNet(share_among_block=not sick)
    return {
        "model": model,
        "loader": batches(*digit_images()),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=5e-3),
    }


@pair("regularised-debug-run", group="training", source="transformers")
def distilbert_with_nine_tenths_dropped(sick: bool) -> Arguments:
    """The probabilities to keep of an old configuration, 0.9, are read as probabilities to drop."""
    seed_everything()
    keep = 0.9
    drop = keep if sick else 1 - keep
    config = DistilBertConfig(
        vocab_size=64,
        dim=48,
        hidden_dim=96,
        n_layers=2,
        n_heads=4,
        max_position_embeddings=32,
        dropout=drop,
        attention_dropout=drop,
        seq_classif_dropout=drop,
        num_labels=4,
        initializer_range=0.1,
    )
    model = DistilBertForSequenceClassification(config)
    return {
        "model": model,
        "loader": marked_sentences(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
    }
