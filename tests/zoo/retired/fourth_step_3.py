"""A deep autoencoder, a BERT with a new encoder, a perceptron with dropout, a codebook, and accumulated gradients."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import BertConfig, BertForSequenceClassification, BertModel

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_step_parts import (
    step_digits,
    step_loaders,
    step_mappings,
    step_seeded,
    step_table,
    step_topics,
)


class DeepAutoencoder(nn.Module):
    """Hinton's autoencoder: layers of falling width down to a code, and back."""

    def __init__(self, hidden: type[nn.Module]) -> None:
        super().__init__()
        down, up = [64, 56, 48, 40, 12], [12, 40, 48, 56, 64]
        parts: list[nn.Module] = []
        for sizes in (down, up):
            for before, after in pairwise(sizes):
                parts += [nn.Linear(before, after), hidden()]
        self.net = nn.Sequential(*parts[:-1])
        for layer in parts:
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.net(x))


@pair("vanishing-gradients", group="backward", source="scikit-learn")
def sigmoids_in_eight_layers(sick: bool) -> Arguments:
    """All hidden layers of a deep autoencoder are sigmoids, each of which quarters the gradient at least."""
    step_seeded()
    model = DeepAutoencoder(nn.Sigmoid if sick else nn.Tanh)
    x, _ = step_digits(flat=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **step_loaders(x, x.clone()))


@pair("optimizer-mismatch", group="training", source="transformers")
def encoder_loaded_behind_the_optimizer(sick: bool) -> Arguments:
    """The encoder is exchanged after the optimizer was built, which goes on with the one that was thrown away."""
    step_seeded()
    config = BertConfig(
        vocab_size=60,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=32,
    )
    config.num_labels = 4
    model = BertForSequenceClassification(config)
    other = BertModel(config)
    if not sick:
        model.bert = other
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    if sick:
        model.bert = other
    return dict(model=model, optimizer=optimizer, **step_mappings(*step_topics()))


class DroppedOut(nn.Module):
    """A perceptron for tumours with dropout after every layer."""

    def __init__(self, keep_prob: float) -> None:
        super().__init__()
        self.first = nn.Linear(30, 64)
        self.second = nn.Linear(64, 64)
        self.third = nn.Linear(64, 32)
        self.head = nn.Linear(32, 2)
        self.dropout = nn.Dropout(keep_prob)

    def forward(self, x: Tensor) -> Tensor:
        x = self.dropout(F.relu(self.first(x)))
        x = self.dropout(F.relu(self.second(x)))
        return self.head(self.dropout(F.relu(self.third(x))))


@pair("regularised-debug-run", group="training", source="scikit-learn")
def dropout_given_what_to_keep(sick: bool) -> Arguments:
    """The share of units to keep, 0.9 as in TensorFlow, is given as the share to drop."""
    step_seeded()
    model = DroppedOut(0.9 if sick else 0.1)
    loaders = step_loaders(*step_table("breast_cancer"), batch=16)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **loaders)


class Codebook(nn.Module):
    """Nearest codes, which follow the vectors that chose them, as in VQ-VAE with moving averages."""

    codes: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, size: int, width: int, *, always: bool) -> None:
        super().__init__()
        self.always = always
        self.register_buffer("codes", 0.5 * torch.randn(size, width))
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("sums", self.codes.clone())

    def forward(self, z: Tensor) -> tuple[Tensor, Tensor]:
        chosen = torch.cdist(z.detach(), self.codes).argmin(1)
        if self.always or self.training:
            with torch.no_grad():
                picked = F.one_hot(chosen, len(self.codes)).float()
                self.counts.mul_(0.95).add_(picked.sum(0), alpha=0.05)
                self.sums.mul_(0.95).add_(picked.T @ z, alpha=0.05)
                self.codes.copy_(self.sums / (self.counts.unsqueeze(1) + 1e-5))
        code = self.codes[chosen]
        return z + (code - z).detach(), F.mse_loss(z, code.detach())


class CodedDigits(nn.Module):
    """Four codes for each digit, and the digit out of its codes."""

    def __init__(self, *, always: bool) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 32))
        self.book = Codebook(32, 8, always=always)
        self.decoder = nn.Sequential(nn.Linear(32, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        z, commitment = self.book(self.encoder(x).view(-1, 8))
        return torch.sigmoid(self.decoder(z.view(-1, 32))), commitment


def coded_loss(outputs: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Reconstruction and commitment."""
    return F.mse_loss(outputs[0], x) + 0.1 * outputs[1]


def coded_step(model: CodedDigits, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A step in train mode."""
    model.train()
    loss = coded_loss(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


@torch.no_grad()
def coded_error(model: CodedDigits, batch: list[Tensor]) -> float:
    """The reconstruction error of a batch in eval mode."""
    model.eval()
    return F.mse_loss(model(batch[0])[0], batch[1]).item()


@pair("evaluation-changes-model", group="training", source="published")
def codebook_that_learns_from_validation(sick: bool) -> Arguments:
    """The codes follow whatever passes through, in eval mode too, so that each evaluation moves the codebook."""
    step_seeded()
    model = CodedDigits(always=sick)
    x, _ = step_digits(flat=True)
    return dict(
        model=model,
        loss_fn=coded_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        train_step=coded_step,
        eval_step=coded_error,
        task="other",
        **step_loaders(x, x.clone()),
    )


class Accumulator:
    """Steps that gather the gradients of four small batches before each update."""

    def __init__(self, every: int) -> None:
        self.every = every
        self.seen = 0

    def __call__(self, model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
        loss = F.cross_entropy(model(batch[0]), batch[1])
        (loss / self.every).backward()
        self.seen += 1
        if self.seen % self.every == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()


@healthy(resembles="missing-zero-grad", source="scikit-learn")
def gradients_of_four_batches_at_a_time() -> Arguments:
    """Gradients are gathered over four batches, divided by four and cleared after the update."""
    step_seeded()
    model = nn.Sequential(nn.Linear(64, 96), nn.GELU(), nn.Linear(96, 96), nn.GELU(), nn.Linear(96, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loaders = step_loaders(*step_digits(1500, flat=True), batch=8)
    loss_fn = nn.CrossEntropyLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, train_step=Accumulator(4), **loaders)
