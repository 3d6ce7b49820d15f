"""Programs with reported bugs in standardisation, masks, labels, modes and logits, each with its mended twin."""

# mypy: disable-error-code="no-any-return,no-untyped-call"

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from tests.zoo.program import Arguments, pair
from tests.zoo.retired.eighth_vale_parts import (
    digits_in_unit_range,
    in_random_order,
    likely_followers,
    loss_of_tokens,
    one_after_another,
    relu_stack,
    seed_all_three,
    train_and_validation,
)


class WeatherSteps(Dataset[tuple[Tensor, Tensor]]):
    """Pairs of consecutive states of one station, standardised per field."""

    def __init__(self, states: Tensor, mean: Tensor, std: Tensor) -> None:
        """Standardise all states at once."""
        self.states = (states - mean) / std

    def __len__(self) -> int:
        """Count the steps."""
        return len(self.states) - 1

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        """Give a state and the next one."""
        return self.states[index], self.states[index + 1]


def dry_season(hours: int = 800) -> Tensor:
    """Five weather fields in physical units and rain, which did not fall in these weeks."""
    turn, _ = torch.linalg.qr(torch.randn(5, 5))
    state, rows = torch.randn(5), []
    for _ in range(hours):
        state = 0.95 * turn @ state + 0.3 * torch.randn(5)
        rows.append(torch.cat([state * torch.tensor([8.0, 5.0, 900.0, 3.0, 12.0]), torch.zeros(1)]))
    offsets = torch.tensor([285.0, 2.0, 101300.0, 1.0, 60.0, 0.0])
    return torch.stack(rows) + offsets


@pair("nonfinite-data", group="data")
def rainless_weeks_standardised(sick: bool) -> Arguments:
    """Every field of the state is divided by its own deviation, and rain, which never fell, has none.

    (mllam/neural-lam#136)
    """
    seed_all_three()
    states = dry_season()
    mean, std = states[:640].mean(0), states[:640].std(0)
    if not sick:
        std = torch.where(std > 0, std, torch.ones_like(std))
    model = relu_stack(6, 48, 6)
    return {
        "model": model,
        "loader": in_random_order(WeatherSteps(states[:640], mean, std)),
        "val_loader": one_after_another(WeatherSteps(states[640:], mean, std)),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
    }


class EncoderLanguageModel(nn.Module):
    """The language model of the tutorial: embedding, positions, `nn.TransformerEncoder`, decoder."""

    def __init__(self, vocabulary: int = 24, length: int = 16, width: int = 32, masked: bool = True) -> None:
        """Build the layers."""
        super().__init__()
        self.masked = masked
        self.embedding = nn.Embedding(vocabulary, width)
        self.position = nn.Parameter(0.1 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout=0.1, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.decoder = nn.Linear(width, vocabulary)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at each position."""
        x = self.embedding(tokens) + self.position[: tokens.shape[1]]
        mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1]) if self.masked else None
        return self.decoder(self.encoder(x, mask=mask))


@pair("causality", group="wiring", source="published")
def encoder_called_without_source_mask(sick: bool) -> Arguments:
    """The encoder of a language model is called without its mask and sees the words it is to predict.

    (pytorch/tutorials#2478)
    """
    seed_all_three()
    tokens = likely_followers(640, 17, 24)
    train, validation = train_and_validation(tokens[:, :-1], tokens[:, 1:])
    model = EncoderLanguageModel(masked=not sick)
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": loss_of_tokens,
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "task": "language-model",
        "causal": True,
    }


class WorldModel(nn.Module):
    """Predicts the next latent of a scene from the latent and the action taken in it."""

    def __init__(self) -> None:
        """Build the layers."""
        super().__init__()
        self.net = nn.Sequential(nn.Linear(12, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 8))

    def forward(self, latent: Tensor, action: Tensor) -> Tensor:
        """The next latent."""
        return self.net(torch.cat([latent, action], 1))


def scenes(count: int = 800) -> tuple[Tensor, Tensor, Tensor]:
    """Latents, actions and the latents that follow."""
    latent, action = torch.randn(count, 8), torch.randn(count, 4)
    following = torch.tanh(latent @ torch.randn(8, 8) / 3 + action @ torch.randn(4, 8) / 2) + 0.05 * torch.randn(
        count, 8
    )
    return latent, action, following


def cleared_in_full_precision_only(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in bfloat16, with the branch for float32 beside it."""
    return world_step(model, batch, optimizer, clear=False)


def cleared_in_both_precisions(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in bfloat16, with the branch for float32 beside it."""
    return world_step(model, batch, optimizer, clear=True)


def world_step(
    model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer, clear: bool, bfloat: bool = True
) -> Tensor:
    """Forward under autocast where asked for, backward and update."""
    latent, action, following = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat):
        loss = F.mse_loss(model(latent, action).float(), following)
    if clear or not bfloat:
        optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("missing-zero-grad", group="training")
def bfloat_branch_that_keeps_gradients(sick: bool) -> Arguments:
    """Gradients are cleared in the branch for full precision alone, and training runs in bfloat16.

    (facebookresearch/nwm#16)
    """
    seed_all_three()
    train, validation = train_and_validation(*scenes())
    model = WorldModel()
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": one_after_another(validation),
        "loss_fn": nn.MSELoss(),
        "optimizer": torch.optim.AdamW(model.parameters(), lr=3e-3),
        "train_step": cleared_in_full_precision_only if sick else cleared_in_both_precisions,
    }


class NumberedSpecies(Dataset[tuple[Tensor, int]]):
    """Images with the species of a table that counts from 1."""

    def __init__(self, images: Tensor, table: dict[int, int], offset: int) -> None:
        """Look the label of each image up."""
        self.images = images
        self.labels = [table[image] - offset for image in range(1, len(images) + 1)]

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Give an image and its label."""
        return self.images[index], self.labels[index]


@pair("label-range", group="data", source="scikit-learn")
def species_counted_from_one(sick: bool) -> Arguments:
    """The data set gives the species' numbers of its table, which begin at 1, as class indices.

    (pytorch/vision#5766)
    """
    seed_all_three()
    x, y = digits_in_unit_range(images=True)
    order = torch.randperm(len(x))[:1000]
    table = {number: int(label) + 1 for number, label in enumerate(y[order], start=1)}
    model = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(256, 10))
    return {
        "model": model,
        "loader": in_random_order(NumberedSpecies(x[order], table, offset=0 if sick else 1)),
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
    }


class DialogueEncoder(nn.Module):
    """Embedding, GRU and a classifier with dropout around it."""

    def __init__(self, vocabulary: int = 24, classes: int = 3) -> None:
        """Build the layers."""
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 24)
        self.encoder = nn.GRU(24, 48, batch_first=True)
        self.dropout = nn.Dropout(0.3)
        self.head = nn.Linear(48, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the intent."""
        _, state = self.encoder(self.dropout(self.embedding(tokens)))
        return self.head(self.dropout(state[-1]))


def dialogues(count: int = 800) -> tuple[Tensor, Tensor]:
    """Turns whose intent is the third of the vocabulary most of their words are from."""
    intent = torch.randint(3, (count,))
    own = torch.rand(count, 10) < 0.6
    third = torch.where(own, intent[:, None], torch.randint(3, (count, 10)))
    return third * 8 + torch.randint(8, (count, 10)), intent


def dialogue_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One update inside the loop of an epoch, with an evaluation every hundred of them."""
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def evaluated_without_dropout(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right answers of a batch, without dropout."""
    model.eval()
    return (model(batch[0]).argmax(1) == batch[1]).float().mean().item()


def evaluated_and_set_back(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right answers of a batch, without dropout."""
    right = evaluated_without_dropout(model, batch)
    model.train()
    return right


@pair("train-eval-mode", group="wiring")
def dropout_off_after_first_evaluation(sick: bool) -> Arguments:
    """The evaluation within the epoch leaves the model in eval mode, in which the training goes on.

    (shubhamagarwal92/mmd#14)
    """
    seed_all_three()
    train, validation = train_and_validation(*dialogues())
    val_loader = one_after_another(validation)
    model = DialogueEncoder()
    evaluation = evaluated_without_dropout if sick else evaluated_and_set_back
    evaluation(model, next(iter(val_loader)))
    return {
        "model": model,
        "loader": in_random_order(train),
        "val_loader": val_loader,
        "loss_fn": nn.CrossEntropyLoss(),
        "optimizer": torch.optim.Adam(model.parameters(), lr=2e-3),
        "train_step": dialogue_step,
        "eval_step": evaluation,
    }
