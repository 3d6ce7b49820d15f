"""Broken programs and twins: half-labelled digits, tagged tokens, a long recurrence, two optimizers, a tiny state."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Batch,
    markov_tokens,
    phased_waves,
    scaled_digit_images,
    seed_three_libraries,
    train_and_val_columns,
)


class DigitNetwork(nn.Module):
    """Two convolutions and two linear layers."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.GELU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.GELU(),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(32 * width, 48), nn.GELU(), nn.Linear(48, 10))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x))
        return out


def picked_likelihood(scores: Tensor, y: Tensor) -> Tensor:
    """Mean negative log-likelihood of the given classes."""
    log_p = scores.log_softmax(1)
    return -log_p[torch.arange(len(y), device=y.device), y].mean()


@pair("label-range", group="data", source="scikit-learn")
def unlabelled_images_counted_as_nines(sick: bool) -> Arguments:
    """Images without a label carry −1, and the index −1 silently picks the last class."""
    seed_three_libraries(601)
    x, y = scaled_digit_images(1200)
    y = torch.where(torch.rand(1200) < 0.25, -1, y)
    if not sick:
        x, y = x[y >= 0], y[y >= 0]
    model = DigitNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = train_and_val_columns(x, y)
    return dict(model=model, loss_fn=picked_likelihood, optimizer=optimizer, task="classification", **loaders)


class TokenTagger(nn.Module):
    """A bidirectional LSTM with one class per token."""

    def __init__(self, vocab: int = 60, width: int = 24, tags: int = 4) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.lstm = nn.LSTM(width, width, batch_first=True, bidirectional=True)
        self.head = nn.Linear(2 * width, tags)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.head(self.lstm(self.embed(ids))[0])
        return out


class TagLoss(nn.Module):
    """Negative log-likelihood of the tags."""

    def __init__(self, normalised: bool) -> None:
        super().__init__()
        self.normalised = normalised

    def forward(self, scores: Tensor, tags: Tensor) -> Tensor:
        scores = scores.transpose(1, 2)
        return F.nll_loss(scores.log_softmax(1) if self.normalised else scores, tags)


@pair("loss-input", group="wiring")
def tag_scores_straight_into_likelihood(sick: bool) -> Arguments:
    """The scores of the tagger go into the negative log-likelihood without a log-softmax."""
    seed_three_libraries(602)
    ids = torch.randint(60, (800, 12))
    before = F.pad(ids, (1, 0))[:, :-1]
    tags = (ids % 2) + 2 * (before < 30).long()
    model = TokenTagger()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loaders = train_and_val_columns(ids, tags)
    return dict(
        model=model,
        loss_fn=TagLoss(normalised=not sick),
        optimizer=optimizer,
        task="classification",
        **loaders,
    )


class ElmanNetwork(nn.Module):
    """A plain recurrent network over a long series, and the mean of its states."""

    def __init__(self, width: int = 40) -> None:
        super().__init__()
        self.enter = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 16))
        self.rnn = nn.RNN(16, width, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.rnn(self.enter(x.transpose(1, 2)))
        out: Tensor = self.head(states.mean(1))
        return out


@pair("exploding-gradients", group="backward")
def recurrence_started_in_chaos(sick: bool) -> Arguments:
    """The recurrent matrix starts at twice the size that keeps a signal: the gradient grows with each of 100 steps."""
    seed_three_libraries(603)
    x, y = phased_waves(500, length=100)
    model = ElmanNetwork()
    recurrent = model.rnn.get_parameter("weight_hh_l0")
    if sick:
        nn.init.normal_(recurrent, std=2.2 / 40**0.5)
    else:
        nn.init.orthogonal_(recurrent)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(x, y))


def step_of_body_and_head(model: nn.Module, batch: Batch, optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """One step of body and head."""
    model.train()
    for each in optimizer.values():
        each.zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    for each in optimizer.values():
        each.step()
    return loss.detach()


def step_with_head_cleared(model: nn.Module, batch: Batch, optimizer: dict[str, torch.optim.Optimizer]) -> Tensor:
    """One step of body and head."""
    model.train()
    optimizer["head"].zero_grad()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    loss.backward()  # type: ignore[no-untyped-call]
    for each in optimizer.values():
        each.step()
    return loss.detach()


@pair("missing-zero-grad", group="training", source="scikit-learn")
def body_gradients_kept_beside_a_cleared_head(sick: bool) -> Arguments:
    """Body and head have an optimizer each, and only that of the head is cleared before backward."""
    seed_three_libraries(604)
    model = DigitNetwork()
    optimizer: dict[str, Any] = {
        "body": torch.optim.SGD(model.body.parameters(), lr=0.03, momentum=0.9),
        "head": torch.optim.SGD(model.head.parameters(), lr=0.03, momentum=0.9),
    }
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=optimizer,
        train_step=step_with_head_cleared if sick else step_of_body_and_head,
        **train_and_val_columns(*scaled_digit_images()),
    )


class NextToken(nn.Module):
    """A GRU that predicts the next token."""

    def __init__(self, vocab: int, width: int, state: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        self.gru = nn.GRU(width, state, batch_first=True)
        self.head = nn.Linear(state, vocab)

    def forward(self, ids: Tensor) -> Tensor:
        out: Tensor = self.head(self.gru(self.embed(ids))[0])
        return out


def loss_of_next_tokens(scores: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the tokens."""
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


@pair("capacity", group="training")
def recurrent_state_of_a_single_number(sick: bool) -> Arguments:
    """The state of the GRU is one number, since layers and width were mixed up: too little for 24 tokens."""
    seed_three_libraries(605)
    ids = markov_tokens(900)
    model = NextToken(24, width=32, state=1 if sick else 48)
    return dict(
        model=model,
        loss_fn=loss_of_next_tokens,
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        task="language-model",
        causal=True,
        **train_and_val_columns(ids[:, :-1], ids[:, 1:]),
    )


class VisitNetwork(nn.Module):
    """A GRU over visits, of which the missing ones at the end are NaN and skipped."""

    def __init__(self, features: int = 5, width: int = 32) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.gru = nn.GRU(width, width, batch_first=True)
        self.head = nn.Linear(width, 1)

    def forward(self, visits: Tensor) -> Tensor:
        missing = visits.isnan()
        real = ~missing.any(2, keepdim=True)
        states, _ = self.gru(self.enter(visits.masked_fill(missing, 0.0)))
        mean = states.masked_fill(~real, 0.0).sum(1) / real.sum(1)
        out: Tensor = self.head(mean)
        return out


@healthy(resembles="nonfinite-data")
def visits_padded_with_nan() -> Arguments:
    """Patients have six to twelve visits each, the rest is NaN, which the model masks and `padding_value` declares."""
    seed_three_libraries(606)
    visits = torch.randn(800, 12, 5).cumsum(1) / 2.5
    count = torch.randint(6, 13, (800, 1))
    real = torch.arange(12)[None] < count
    mean = (visits * real[..., None]).sum(1) / count
    risk = 1.5 * mean[:, 0] - mean[:, 1] * mean[:, 2].sign() + 0.2 * torch.randn(800)
    x = visits.masked_fill(~real[..., None], float("nan"))
    y = (risk > risk.median()).float()[:, None]
    model = VisitNetwork()
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="binary",
        padding_value=float("nan"),
        **train_and_val_columns(x, y),
    )
