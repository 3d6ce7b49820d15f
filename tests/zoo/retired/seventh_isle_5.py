"""Five programs around gates, freezing and validation that somebody reported, fifth part."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_isle_parts import (
    IsleLetterModel,
    isle_accuracy,
    isle_digits,
    isle_letter_loss,
    isle_loaders,
    isle_passages,
    isle_seed,
    isle_table,
)


class WrittenOutLSTM(nn.Module):
    """An LSTM from its formulas over the rows of an image, with a linear head."""

    def __init__(self, spread: float, hidden: int = 64) -> None:
        super().__init__()
        self.hidden = hidden
        self.w = nn.Parameter(spread * torch.randn(8, 4 * hidden))
        self.u = nn.Parameter(spread * torch.randn(hidden, 4 * hidden))
        self.b = nn.Parameter(torch.zeros(4 * hidden))
        self.head = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        h = c = x.new_zeros(len(x), self.hidden)
        for row in x.squeeze(1).unbind(1):
            i, f, o, g = (row @ self.w + h @ self.u + self.b).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            h = torch.sigmoid(o) * torch.tanh(c)
        logits: Tensor = self.head(h)
        return logits


@pair("saturated-units", group="init", source="scikit-learn")
def written_out_lstm_from_unit_normals(sick: bool) -> Arguments:
    """The weights of a hand-written LSTM start from unit normals, so that its sigmoids and tanhs are saturated.

    (mukul-rathi/deep-learning-tutorials#2)
    """
    isle_seed()
    model = WrittenOutLSTM(1.0 if sick else 64**-0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **isle_loaders(*isle_digits()))


class FrozenEncoder(nn.Module):
    """An encoder with batch normalisation that can be frozen, and a head."""

    def __init__(self, *, stays: bool) -> None:
        super().__init__()
        self.stays, self.frozen = stays, False
        self.encoder = nn.Sequential(
            nn.Linear(30, 32, bias=False),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.Linear(32, 16, bias=False),
            nn.BatchNorm1d(16),
            nn.ReLU(),
        )
        self.head = nn.Linear(16, 2)

    def freeze(self) -> None:
        """Fix the encoder, its statistics included."""
        self.frozen = True
        self.encoder.requires_grad_(False).eval()

    def train(self, mode: bool = True) -> FrozenEncoder:
        """Set the mode of all modules."""
        super().train(mode)
        if self.frozen and self.stays:
            self.encoder.eval()
        return self

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the classes."""
        logits: Tensor = self.head(self.encoder(x))
        return logits


def step_in_train_mode(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """A usual step."""
    model.train()
    optimizer.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    optimizer.step()
    return loss.detach()


@pair("frozen-parameters-change", group="training", source="scikit-learn")
def freezing_undone_by_the_next_train_call(sick: bool) -> Arguments:
    """Freezing puts the encoder's normalisations into eval mode, and the loop's next call of train() undoes it.

    (pgniewko/gt-pyg#112)
    """
    isle_seed()
    model = FrozenEncoder(stays=not sick)
    x, y = isle_table("cancer")
    pretraining = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(8):
        for start in range(0, 256, 32):
            step_in_train_mode(model, [x[start : start + 32], y[start : start + 32]], pretraining)
    model.zero_grad()
    model.freeze()
    model.head = nn.Linear(16, 2)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.head.parameters(), lr=3e-3),
        train_step=step_in_train_mode,
        eval_step=isle_accuracy,
        **isle_loaders(x[256:], y[256:], batch=16),
    )


class WordSpotter(nn.Module):
    """A recurrent network over the rows of a picture of sound."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = nn.GRU(8, 48, batch_first=True)
        self.head = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Scores of the words."""
        logits: Tensor = self.head(self.rows(x.squeeze(1))[0].mean(1))
        return logits


def executor_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One batch of the executor."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 50.0)
    optimizer.step()
    return loss.detach()


def executor_step_cleared(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """One batch of the executor."""
    optimizer.zero_grad()
    return executor_step(model, batch, optimizer)


@pair("missing-zero-grad", group="training", source="scikit-learn")
def executor_that_never_clears(sick: bool) -> Arguments:
    """The executor of a keyword spotter runs backward and steps, and clears the gradients nowhere.

    (wenet-e2e/wekws#72)
    """
    isle_seed()
    model = WordSpotter()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=executor_step if sick else executor_step_cleared,
        eval_step=isle_accuracy,
        **isle_loaders(*isle_digits()),
    )


def loss_and_backward(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Loss of a batch, run backward at once."""
    loss = isle_letter_loss(model(batch[0]), batch[1])
    loss.backward()
    return loss.detach()


def noam_style_step(model: nn.Module, batch: list[Tensor], optimizer: torch.optim.Optimizer) -> Tensor:
    """Loss, gradients, update, and the gradients cleared for the next batch."""
    model.train()
    loss = loss_and_backward(model, batch)
    optimizer.step()
    optimizer.zero_grad()
    return loss


def validation_by_the_same_function(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Loss of a validation batch in eval mode."""
    model.eval()
    return loss_and_backward(model, batch)


@torch.no_grad()
def validation_without_gradients(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Loss of a validation batch in eval mode."""
    model.eval()
    return isle_letter_loss(model(batch[0]), batch[1])


@pair("evaluation-changes-model", group="training")
def validation_that_runs_the_loss_backward(sick: bool) -> Arguments:
    """Validation uses the loss function of training, which runs backward also where no optimizer is given.

    (harvardnlp/annotated-transformer#14)
    """
    isle_seed()
    model = IsleLetterModel()
    passages = isle_passages()
    return dict(
        model=model,
        loss_fn=isle_letter_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        train_step=noam_style_step,
        eval_step=validation_by_the_same_function if sick else validation_without_gradients,
        causal=True,
        **isle_loaders(passages[:, :-1], passages[:, 1:], batch=16),
    )


def step_written_by_hand(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """Clipped gradients, taken off the parameters with a rate of 2."""
    model.train()
    model.zero_grad()
    loss = isle_letter_loss(model(batch[0]), batch[1])
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.grad is not None:
                parameter.add_(parameter.grad, alpha=-2.0)
    return loss.detach()


@healthy(resembles="updates-not-applied")
def language_model_updated_by_hand() -> Arguments:
    """No optimizer is ever stepped, because the loop takes the gradients off the weights itself.

    (pytorch/pytorch#1271)
    """
    isle_seed()
    passages = isle_passages()
    return dict(
        model=IsleLetterModel(),
        loss_fn=isle_letter_loss,
        train_step=step_written_by_hand,
        causal=True,
        **isle_loaders(passages[:, :-1], passages[:, 1:], batch=16),
    )
