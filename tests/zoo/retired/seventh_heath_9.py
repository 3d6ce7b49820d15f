"""Programs with a bug that was reported: an attentional machine, a recommender, questions, poses; and two views."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    disc_images,
    keyed_sentences,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
)


class AttentionalMachine(nn.Module):
    """A factorisation machine whose pairs of fields are weighed by attention."""

    offset: Tensor

    def __init__(self, *, by_mode: bool, fields: int = 8, values: int = 8) -> None:
        super().__init__()
        self.embed = nn.Embedding(fields * values, 16)
        self.linear = nn.Embedding(fields * values, 1)
        self.attention = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1, bias=False))
        self.out = nn.Linear(16, 1)
        self.by_mode = by_mode
        self.register_buffer("offset", torch.arange(fields) * values)
        nn.init.normal_(self.embed.weight, std=0.4)
        nn.init.normal_(self.linear.weight, std=0.05)

    def forward(self, row: Tensor) -> Tensor:
        index = row + self.offset
        e = self.embed(index)
        one, other = torch.triu_indices(e.shape[1], e.shape[1], 1)
        products = e[:, one] * e[:, other]
        scores = torch.softmax(self.attention(products), 1)
        if self.by_mode:
            scores = F.dropout(scores, p=0.2, training=self.training)
            pooled = F.dropout((scores * products).sum(1), p=0.2, training=self.training)
        else:
            scores = F.dropout(scores, p=0.2)
            pooled = F.dropout((scores * products).sum(1), p=0.2)
        out: Tensor = (self.linear(index).sum(1) + self.out(pooled)).squeeze(1)
        return out


def click_accuracy(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of clicks foretold in eval mode."""
    model.eval()
    with torch.no_grad():
        return float(((model(batch[0]) > 0) == (batch[1] > 0.5)).float().mean())


@pair("train-eval-mode", group="wiring", source="published")
def clicks_whose_attention_drops_out_for_ever(sick: bool) -> Arguments:
    """`F.dropout` on the attention scores and the pooled pairs is called without `training=self.training`.

    (rixwew/pytorch-fm#21)
    """
    seed_torch_and_friends()
    row = torch.randint(0, 8, (1200, 8))
    taste = torch.randn(2, 8)
    click = ((taste[0, row[:, 0]] * taste[1, row[:, 1]] + 0.7 * taste[0, row[:, 2]]) > 0).float()
    model = AttentionalMachine(by_mode=not sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        eval_step=click_accuracy,
        **train_and_val(row, click, train=960),
    )


def recommender_layers(sizes: list[int], *, random_bias: bool, last: bool) -> nn.Sequential:
    """Rectified layers with the recommender's own initialisation."""
    layers: list[nn.Module] = []
    for index, (into, out) in enumerate(pairwise(sizes)):
        linear = nn.Linear(into, out)
        nn.init.normal_(linear.weight, std=(2 / (into + out)) ** 0.5)
        bias = torch.randn(out) * (1 / out) ** 0.5
        with torch.no_grad():
            linear.bias.copy_(bias if random_bias else torch.zeros(out))
        layers.append(linear)
        if index < len(sizes) - 2 or not last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class Recommender(nn.Module):
    """Dense features and embeddings that interact, and layers on top."""

    offset: Tensor

    def __init__(self, *, random_bias: bool) -> None:
        super().__init__()
        self.bottom = recommender_layers([4, 8, 4], random_bias=random_bias, last=False)
        self.embed = nn.Embedding(18, 4)
        self.top = recommender_layers([10, 16, 1], random_bias=random_bias, last=True)
        self.register_buffer("offset", torch.arange(3) * 6)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        x = self.bottom(dense)
        every = torch.cat([x.unsqueeze(1), self.embed(sparse + self.offset)], 1)
        one, other = torch.triu_indices(4, 4, 1)
        out: Tensor = self.top(torch.cat([x, (every @ every.transpose(1, 2))[:, one, other]], 1)).squeeze(1)
        return out


@pair("dead-units", group="init", source="published")
def recommender_with_biases_drawn_far_below_zero(sick: bool) -> Arguments:
    """Biases are drawn with a spread of one over the root of the width, and low ones leave rectified units dead.

    (facebookresearch/dlrm#358)
    """
    seed_torch_and_friends()
    dense, sparse = torch.log1p(torch.empty(960, 4).exponential_()), torch.randint(0, 6, (960, 3))
    taste = torch.randn(6)
    click = (1.5 * dense[:, 0] - 1.5 * dense[:, 1] + taste[sparse[:, 0]] - taste.mean() > 0).float()
    torch.manual_seed(1696)
    model = Recommender(random_bias=sick)
    return dict(
        model=model,
        loss_fn=nn.BCEWithLogitsLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **train_and_val(dense, sparse, click, train=768),
    )


class ControlUnit(nn.Module):
    """Reads a question, and attends to its words."""

    def __init__(self, *, masked: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 24, padding_idx=0)
        self.lstm = nn.LSTM(24, 24, batch_first=True, bidirectional=True)
        self.control = nn.Linear(48, 48)
        self.attend = nn.Linear(48, 1, bias=False)
        self.head = nn.Linear(48, 4)
        self.masked = masked

    def forward(self, question: Tensor) -> Tensor:
        real = question != 0
        lengths = real.sum(1)
        packed = pack_padded_sequence(self.embed(question), lengths.cpu(), batch_first=True, enforce_sorted=False)
        states, (last, _) = self.lstm(packed)
        context, _ = pad_packed_sequence(states, batch_first=True, total_length=question.shape[1])
        control = self.control(torch.cat([last[0], last[1]], 1)).unsqueeze(1)
        score = self.attend(torch.tanh(control + context)).squeeze(2)
        if self.masked:
            score = score.masked_fill(~real, float("-inf"))
        out: Tensor = self.head((torch.softmax(score, 1).unsqueeze(2) * context).sum(1))
        return out


@pair("padding-leak", group="wiring", source="published")
def questions_attended_beyond_their_last_word(sick: bool) -> Arguments:
    """The control unit attends over all steps of the batch, also those behind a question's last word.

    (rosinality/mac-network-pytorch#7)
    """
    seed_torch_and_friends()
    model = ControlUnit(masked=not sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        padding_value=0,
        **train_and_val(*keyed_sentences(padded=True), train=768),
    )


class PoseNet(nn.Module):
    """Predicts where things are."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU(), nn.Flatten()
        )
        self.head = nn.Sequential(nn.Linear(24 * 16, 48), nn.ReLU(), nn.Linear(48, 3))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.body(x))
        return out


class PhaseFunction:
    """What is done with a batch in a phase."""

    def __init__(self, optimizer: torch.optim.Optimizer, phase: str, *, heeds_phase: bool) -> None:
        self.optimizer = optimizer
        self.phase = phase
        self.heeds_phase = heeds_phase

    def __call__(self, model: nn.Module, batch: list[Tensor]) -> Tensor:
        if self.phase == "val" and self.heeds_phase:
            model.eval()
            with torch.no_grad():
                return F.mse_loss(model(batch[0]), batch[1])
        model.train()
        loss = F.mse_loss(model(batch[0]), batch[1])
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()


@pair("evaluation-changes-model", group="training")
def poses_learnt_in_the_phase_of_validation(sick: bool) -> Arguments:
    """The function made for both phases never looks at the phase, so validation data are trained on as well.

    (princeton-vl/pose-ae-train#11)
    """
    seed_torch_and_friends()
    image, _, where = disc_images(640)
    model = PoseNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=optimizer,
        train_step=PhaseFunction(optimizer, "train", heeds_phase=not sick),
        eval_step=PhaseFunction(optimizer, "val", heeds_phase=not sick),
        task="regression",
        **train_and_val(image, where, train=512),
    )


class SimSiam(nn.Module):
    """Two views of an image, an encoder, and a predictor on top of it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 32), nn.BatchNorm1d(32, affine=False)
        )
        self.predictor = nn.Sequential(nn.Linear(32, 24), nn.BatchNorm1d(24), nn.ReLU(), nn.Linear(24, 32))

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        one, two = self.encoder(views[:, 0].flatten(1)), self.encoder(views[:, 1].flatten(1))
        return self.predictor(one), self.predictor(two), one.detach(), two.detach()


def minus_cosine_of_views(outputs: tuple[Tensor, Tensor, Tensor, Tensor], _: Tensor) -> Tensor:
    """Minus the cosine between each prediction and the other view, which is not moved."""
    p1, p2, z1, z2 = outputs
    return -(F.cosine_similarity(p1, z2).mean() + F.cosine_similarity(p2, z1).mean()) / 2


@healthy(resembles="loss-direction", source="published")
def siamese_views_with_a_negative_cosine() -> Arguments:
    """The loss of SimSiam is negative and its targets detached, as in the paper (facebookresearch/simsiam#44)."""
    seed_torch_and_friends()
    x, y = small_digit_images()
    views = torch.stack([x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)], 1)
    model = SimSiam()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    return dict(
        model=model,
        loss_fn=minus_cosine_of_views,
        optimizer=optimizer,
        task="other",
        **train_and_val(views, y, train=1024),
    )
