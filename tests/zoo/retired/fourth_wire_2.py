"""Masks, tables, forecasts and remarks: five broken programs with their twins, and a ranking that is right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fourth_wire_parts import (
    both_parts,
    discs,
    patients,
    remarks,
    reshuffled,
    seed_generators,
    standard_tumours,
    three_shapes,
)


def overlap(logits: Tensor, masks: Tensor) -> Tensor:
    """The Dice coefficient of each image."""
    probabilities = logits.sigmoid()
    both = (probabilities * masks).sum((1, 2, 3))
    return (2 * both + 1) / (probabilities.sum((1, 2, 3)) + masks.sum((1, 2, 3)) + 1)


class Dice(nn.Module):
    """Dice as a criterion."""

    def __init__(self, as_a_distance: bool):
        super().__init__()
        self.as_a_distance = as_a_distance

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        mean = overlap(logits, masks).mean()
        return 1 - mean if self.as_a_distance else mean


def mask_network() -> nn.Sequential:
    """Three convolutions from image to logits."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 1, 1),
    )


@pair("loss-direction", group="wiring")
def dice_itself_is_minimised(sick: bool) -> Arguments:
    """The criterion returns the overlap instead of one minus the overlap, so that training drives it to nothing."""
    seed_generators(21)
    images, masks = discs(400)
    model = mask_network()
    return {
        "model": model,
        "loss_fn": Dice(as_a_distance=not sick),
        "optimizer": torch.optim.Adam(model.parameters(), lr=3e-3),
        "task": "segmentation",
        "loader": reshuffled(images, masks, batch=16),
    }


@pair("loss-reduction", group="wiring", source="scikit-learn")
def tumours_with_a_summed_criterion(sick: bool) -> Arguments:
    """The criterion sums over the 64 samples of a batch, under a rate that was chosen for their mean."""
    seed_generators(22)
    features, labels = standard_tumours()
    model = nn.Sequential(nn.Linear(30, 48), nn.ReLU(), nn.Linear(48, 24), nn.ReLU(), nn.Linear(24, 2))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(reduction="sum" if sick else "mean"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9),
        **both_parts(features, labels, held_out=100, batch=64),
    )


class Forecaster(nn.Module):
    """Dilated convolutions over a window and one number for the next step."""

    def __init__(self, last: nn.Module):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv1d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.Conv1d(16, 16, 3, padding=2, dilation=2),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(16 * 24, 32), nn.ReLU(), nn.Linear(32, 1), last)

    def forward(self, window: Tensor) -> Tensor:
        forecast: Tensor = self.head(self.body(window.unsqueeze(1)))
        return forecast


def windows(length: int, steps: int = 24) -> tuple[Tensor, Tensor]:
    """Windows of a standardised series of two periods and noise, and the value that follows each."""
    draw = torch.Generator().manual_seed(8)
    time = torch.arange(length + steps)
    series = torch.sin(time / 3.1) + 0.8 * torch.sin(time / 7.7 + 1)
    series = series + 0.1 * torch.randn(len(time), generator=draw)
    series = (series - series.mean()) / series.std()
    view = series.unfold(0, steps + 1, 1)
    return view[:, :-1].clone(), view[:, -1:].clone()


@pair("output-range", group="wiring")
def demand_forecast_cut_at_zero(sick: bool) -> Arguments:
    """The forecast of a standardised series passes through a ReLU, and half of its values are negative."""
    seed_generators(27)
    model = Forecaster(nn.ReLU() if sick else nn.Identity())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loss_fn": nn.MSELoss(), "optimizer": optimizer, "loader": reshuffled(*windows(700))}


class NormedRecurrent(nn.Module):
    """Normalises a series and reads it with a GRU."""

    def __init__(self, norm: nn.Module):
        super().__init__()
        self.norm = norm
        self.reader = nn.GRU(1, 32, batch_first=True)
        self.head = nn.Linear(32, 3)

    def forward(self, series: Tensor) -> Tensor:
        states, _ = self.reader(self.norm(series.unsqueeze(-1)))
        scores: Tensor = self.head(states.mean(1))
        return scores


@pair("constant-output", group="wiring")
def series_normalised_over_its_single_channel(sick: bool) -> Arguments:
    """Layer normalisation runs over the one channel, not over time, and turns each value into zero."""
    seed_generators(24)
    series, kind = three_shapes(600)
    model = NormedRecurrent(nn.LayerNorm(1 if sick else [series.shape[1], 1]))
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=5e-3),
        **both_parts(series, kind, held_out=120),
    )


class AttentiveReader(nn.Module):
    """Embeds words, reads them both ways and weighs the states by attention."""

    def __init__(self, over: int):
        super().__init__()
        self.over = over
        self.words = nn.Embedding(50, 24)
        self.reader = nn.GRU(24, 24, batch_first=True, bidirectional=True)
        self.score = nn.Sequential(nn.Linear(48, 24), nn.Tanh(), nn.Linear(24, 1, bias=False))
        self.head = nn.Linear(48, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        states, _ = self.reader(self.words(tokens))
        weights = self.score(states).softmax(dim=self.over)
        scores: Tensor = self.head((weights * states).sum(1))
        return scores


@pair("batch-leak", group="wiring", source="published")
def word_attention_across_the_sentences(sick: bool) -> Arguments:
    """The attention weights sum to one over the sentences of the batch instead of over the words of a sentence."""
    seed_generators(25)
    model = AttentiveReader(over=0 if sick else 1)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(*remarks(800), held_out=160),
    )


class Ranker(nn.Module):
    """One score of each patient."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(10, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, features: Tensor) -> Tensor:
        score: Tensor = self.net(features).squeeze(1)
        return score


def rank_loss(scores: Tensor, course: Tensor) -> Tensor:
    """RankNet: the logistic loss of the difference of scores over all pairs of which the first fares worse."""
    differences = scores[:, None] - scores[None, :]
    worse = course[:, None] > course[None, :]
    return F.softplus(-differences)[worse].mean()


@healthy(resembles="silent-broadcast", source="scikit-learn")
def diabetes_ranked_by_ordered_pairs() -> Arguments:
    """The loss spreads (N,) against (N,) to all pairs on purpose, and counts each ordered pair once."""
    seed_generators(26)
    model = Ranker()
    return dict(
        model=model,
        loss_fn=rank_loss,
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        **both_parts(*patients(), held_out=90),
    )
