"""Broken programs and twins: a mean divided again, an unlisted position table; and four look-alikes."""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import DistilBertConfig, DistilBertForSequenceClassification

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    Batch,
    Named,
    markov_tokens,
    record_loaders,
    scaled_digit_images,
    seed_three_libraries,
    standardised_table,
    topic_sentences,
    train_and_val_columns,
    two_hidden_layers,
)


class ThreeConvolutions(nn.Module):
    """Three convolutions, two of them with stride, and two linear layers."""

    def __init__(self, width: int = 12) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.second = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.third = nn.Conv2d(2 * width, 2 * width, 3, stride=2, padding=1)
        self.hidden = nn.Linear(8 * width, 48)
        self.last = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        for layer in (self.first, self.second, self.third):
            x = F.relu(layer(x))
        out: Tensor = self.last(F.relu(self.hidden(x.flatten(1))))
        return out


def step_on_the_mean(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def step_on_the_mean_divided(model: nn.Module, batch: Batch, optimizer: torch.optim.Optimizer) -> Tensor:
    """One step."""
    model.train()
    loss = F.cross_entropy(model(batch[0]), batch[1]) / len(batch[0])
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


@pair("loss-reduction", group="wiring", source="published")
def mean_divided_by_the_batch_again(sick: bool) -> Arguments:
    """The mean loss of the batch is divided by the batch size once more, and descent crawls at a 32nd of its rate."""
    seed_three_libraries(901)
    model = ThreeConvolutions()
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9),
        train_step=step_on_the_mean_divided if sick else step_on_the_mean,
        task="classification",
        **train_and_val_columns(*scaled_digit_images(), batch=32),
    )


class PlacedDecoder(nn.Module):
    """A causal decoder with learnt positions."""

    def __init__(self, listed: bool, vocab: int = 24, width: int = 32, length: int = 20) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width)
        nn.init.normal_(self.embed.weight, std=0.1)
        place = 0.1 * torch.randn(length, width)
        self.place = nn.Parameter(place) if listed else place.requires_grad_()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, 4, batch_first=True)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 48), nn.GELU(), nn.Linear(48, vocab))

    def forward(self, ids: Tensor) -> Tensor:
        size = ids.shape[1]
        h = self.embed(ids) + self.place[:size]
        n = self.norm(h)
        ahead = torch.ones(size, size, dtype=torch.bool, device=ids.device).triu(1)
        out: Tensor = self.head(h + self.attention(n, n, n, attn_mask=ahead, need_weights=False)[0])
        return out


def loss_of_the_next(scores: Tensor, targets: Tensor) -> Tensor:
    """Mean cross-entropy of the tokens."""
    return F.cross_entropy(scores.flatten(0, 1), targets.flatten())


@pair("unregistered-parameters", group="wiring")
def positions_in_a_tensor_that_only_requires_grad(sick: bool) -> Arguments:
    """The positions are a plain tensor that requires gradients, no `nn.Parameter`: neither listed nor trained."""
    seed_three_libraries(902)
    ids = markov_tokens(800)
    model = PlacedDecoder(listed=not sick)
    return dict(
        model=model,
        loss_fn=loss_of_the_next,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="language-model",
        causal=True,
        **train_and_val_columns(ids[:, :-1], ids[:, 1:]),
    )


@healthy(resembles="split-leak")
def answers_of_a_short_questionnaire() -> Arguments:
    """Six yes-no questions allow 64 different rows, so that validation cannot but share rows with training."""
    seed_three_libraries(903)
    x = (torch.rand(1200, 6) < torch.tensor([0.5, 0.4, 0.6, 0.3, 0.5, 0.5])).float()
    odds = 2.2 * x[:, 0] * x[:, 1] - 1.8 * x[:, 2] + 1.5 * x[:, 3] * (1 - x[:, 4]) + 0.8 * x[:, 5]
    y = torch.bernoulli(torch.sigmoid(2 * odds - 1))[:, None]
    model = two_hidden_layers(6, 16, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loss_fn = nn.BCEWithLogitsLoss()
    return dict(model=model, loss_fn=loss_fn, optimizer=optimizer, task="binary", **train_and_val_columns(x, y))


class RareDefect(nn.Module):
    """Whether any of eight rare defects is present, with a head that starts at their frequency."""

    def __init__(self, frequency: Tensor) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(16, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU())
        self.head = nn.Linear(48, 8)
        nn.init.normal_(self.head.weight, std=0.01)
        with torch.no_grad():
            self.head.bias.copy_(torch.logit(frequency))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x))
        return out


@healthy(resembles="loss-at-init")
def rare_defects_with_their_frequency_as_start() -> Arguments:
    """The last bias starts at the logit of each rare defect's frequency, and the first loss is far below log 2."""
    seed_three_libraries(904)
    x = torch.randn(1400, 16)
    scores = x @ torch.randn(16, 8) / 4 + 0.5 * (x[:, :8] * x[:, 8:])
    limits = scores.quantile(0.92, 0)
    y = (scores > limits).float()
    model = RareDefect(y[: int(0.8 * 1400)].mean(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = train_and_val_columns(x, y, batch=64)
    return dict(model=model, loss_fn=nn.BCEWithLogitsLoss(), optimizer=optimizer, task="multilabel", **loaders)


class AccumulatingStep:
    """A training step that updates on every fourth call."""

    def __init__(self, every: int = 4) -> None:
        self.every = every
        self.calls = 0

    def __call__(self, model: nn.Module, batch: Named, optimizer: torch.optim.Optimizer) -> Tensor:
        model.train()
        loss: Tensor = model(**batch).loss
        (loss / self.every).backward()  # type: ignore[no-untyped-call]
        self.calls += 1
        if self.calls % self.every == 0:
            optimizer.step()
            optimizer.zero_grad()
        return loss.detach()


@healthy(resembles="updates-not-applied", source="transformers")
def distilbert_updated_every_fourth_call() -> Arguments:
    """Gradients of four small batches are gathered before each update, so that most calls change nothing."""
    seed_three_libraries(905)
    config = DistilBertConfig(  # type: ignore[call-arg]
        vocab_size=60, dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=32, num_labels=3
    )
    ids, real, y = topic_sentences(900)
    model = DistilBertForSequenceClassification(config)
    return dict(
        model=model,
        optimizer=torch.optim.AdamW(model.parameters(), lr=1e-3),
        train_step=AccumulatingStep(),
        **record_loaders(batch=8, input_ids=ids, attention_mask=real.long(), labels=y),
    )


@torch.no_grad()
def accuracy_with_small_weights_cut(model: nn.Module, batch: Batch) -> dict[str, float]:
    """Accuracy with the smallest third of the weights set to zero, which are then put back."""
    was_training = model.training
    model.eval()
    kept = [p.clone() for p in model.parameters()]
    try:
        for p in model.parameters():
            p.masked_fill_(p.abs() < p.abs().flatten().quantile(0.33), 0.0)
        sparse = ((model(batch[0]) > 0) == (batch[1] > 0.5)).float().mean().item()
    finally:
        for p, value in zip(model.parameters(), kept, strict=True):
            p.copy_(value)
        model.train(was_training)
    return {"accuracy at a third pruned": sparse}


@healthy(resembles="evaluation-changes-model", source="scikit-learn")
def pruned_for_the_evaluation_and_restored() -> Arguments:
    """Evaluation sets small weights to zero in place to see what pruning would cost, and puts them back to the bit."""
    seed_three_libraries(906)
    x, y = standardised_table(load_breast_cancer())
    model = two_hidden_layers(30, 32, 1)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-3),
        eval_step=accuracy_with_small_weights_cut,
        task="binary",
        **train_and_val_columns(x, y.float()[:, None]),
    )
