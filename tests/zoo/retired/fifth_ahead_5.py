"""Broken programs and twins: diabetes, leads, an LSTM, a kept state, a large epsilon."""

from __future__ import annotations

import torch
from sklearn.datasets import load_diabetes
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.fifth_ahead_parts import (
    phased_waves,
    scaled_digit_images,
    seed_three_libraries,
    standardised_table,
    topic_sentences,
    train_and_val_columns,
    two_hidden_layers,
)


class Progression(nn.Module):
    """Progression of the disease, one number per patient."""

    def __init__(self) -> None:
        super().__init__()
        self.net = two_hidden_layers(10, 32, 1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.net(x)
        return out.squeeze(1)


@pair("loss-reduction", group="wiring", source="scikit-learn")
def squares_added_up_over_the_patients(sick: bool) -> Arguments:
    """The squared errors of a batch are added up, and the rate of gradient descent is one for their mean."""
    seed_three_libraries(501)
    x, y = standardised_table(load_diabetes())
    y = ((y - y.mean()) / y.std()).float()
    model = Progression()
    return dict(
        model=model,
        loss_fn=nn.MSELoss(reduction="sum" if sick else "mean"),
        optimizer=torch.optim.SGD(model.parameters(), lr=0.03),
        task="regression",
        **train_and_val_columns(x, y),
    )


class LeadNetwork(nn.Module):
    """Convolutions over three leads."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv1d(3, 16, 7, padding=3),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Conv1d(16, 32, 5, stride=2, padding=2),
            nn.BatchNorm1d(32),
            nn.ReLU(),
            nn.AdaptiveAvgPool1d(1),
            nn.Flatten(),
        )
        self.head = nn.Linear(32, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(self.net(x))
        return out


@pair("nonfinite-data", group="data")
def flat_leads_divided_by_their_deviation(sick: bool) -> Arguments:
    """Each lead of a recording is divided by its own deviation, which is zero where the electrode had fallen off."""
    seed_three_libraries(502)
    raw, y = phased_waves(600, length=64, channels=3, classes=3)
    fallen = torch.randperm(600)[:25]
    raw[fallen, torch.randint(3, (25,))] = 0.0
    deviation = raw.std(2, keepdim=True)
    x = (raw - raw.mean(2, keepdim=True)) / (deviation if sick else deviation + 1e-6)
    model = LeadNetwork()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(x, y))


class LastStateLSTM(nn.Module):
    """Embedding, LSTM, the mean of its states over the real positions."""

    def __init__(self, vocab: int = 60, width: int = 32) -> None:
        super().__init__()
        self.embed = nn.Embedding(vocab, width, padding_idx=0)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.head = nn.Linear(width, 3)

    def forward(self, ids: Tensor) -> Tensor:
        states, _ = self.lstm(self.embed(ids))
        real = (ids != 0)[..., None]
        out: Tensor = self.head((states * real).sum(1) / real.sum(1))
        return out


def start_all_weights_evenly(module: nn.Module) -> None:
    """Constant start for all weights of an LSTM and its head."""
    if isinstance(module, (nn.LSTM, nn.Linear)):
        for p in module.parameters():
            nn.init.constant_(p, 0.05)


def start_at_random(module: nn.Module) -> None:
    """Random start for all weights of an LSTM and its head."""
    if isinstance(module, (nn.LSTM, nn.Linear)):
        for p in module.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)
            else:
                nn.init.zeros_(p)


@pair("symmetric-init", group="init")
def lstm_units_that_all_start_alike(sick: bool) -> Arguments:
    """All weights of the LSTM and of its head start at the same constant, so that its units stay copies of one."""
    seed_three_libraries(503)
    ids, _, y = topic_sentences(900)
    model = LastStateLSTM()
    model.apply(start_all_weights_evenly if sick else start_at_random)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    loaders = train_and_val_columns(ids, y)
    return dict(model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, padding_value=0, **loaders)


class WaveGRU(nn.Module):
    """A GRU over a wave, from a first state of zeros."""

    def __init__(self, batch: int | None, width: int = 24) -> None:
        super().__init__()
        self.batch = batch
        self.gru = nn.GRU(2, width, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, x: Tensor) -> Tensor:
        start = torch.zeros(1, self.batch or len(x), self.gru.hidden_size, device=x.device)
        states, _ = self.gru(x.transpose(1, 2), start)
        out: Tensor = self.head(states.mean(1))
        return out


@pair("runs", group="wiring")
def first_state_for_full_batches_only(sick: bool) -> Arguments:
    """The first state has the configured batch size, and the last batch of an epoch is smaller."""
    seed_three_libraries(504)
    x, y = phased_waves(218, length=32)
    model = WaveGRU(batch=32 if sick else None)
    loader = DataLoader(TensorDataset(x, y), 32, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer, "loader": loader}


class Squeeze(nn.Module):
    """Convolutions with squeeze and excitation."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.gate = nn.Sequential(nn.Linear(width, 8), nn.GELU(), nn.Linear(8, width), nn.Sigmoid())
        self.head = nn.Linear(16 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = F.relu(self.second(F.relu(self.first(x))))
        h = h * self.gate(h.mean((2, 3)))[..., None, None]
        out: Tensor = self.head(F.max_pool2d(h, 2).flatten(1))
        return out


@pair("update-ratio", "learning-rate", group="training", source="published")
def epsilon_of_one_in_adam(sick: bool) -> Arguments:
    """Adam got an epsilon of 1 from an old recipe for another network and rate, which drowns the gradients."""
    seed_three_libraries(505)
    model = Squeeze()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, eps=1.0 if sick else 1e-8)
    return dict(
        model=model, loss_fn=nn.CrossEntropyLoss(), optimizer=optimizer, **train_and_val_columns(*scaled_digit_images())
    )


class SwitchByKind(nn.Module):
    """A shared layer, and one expert per kind of product."""

    def __init__(self, kinds: int = 8, width: int = 32) -> None:
        super().__init__()
        self.shared = nn.Sequential(nn.Linear(10, width), nn.ReLU())
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1)) for _ in range(kinds)
        )

    def forward(self, x: Tensor, kind: Tensor) -> Tensor:
        h = self.shared(x)
        out: Tensor = h.new_zeros(len(h))
        for k in sorted(set(kind.tolist())):
            rows = (kind == k).nonzero().squeeze(1)
            out = out.index_copy(0, rows, self.experts[k](h[rows]).squeeze(1))
        return out


@healthy(resembles="unused-parameters", source="own")
def experts_of_rare_kinds() -> Arguments:
    """Each row goes to the expert of its kind, and two kinds are so rare that most batches have none of them."""
    seed_three_libraries(506)
    shares = torch.tensor([0.2, 0.2, 0.2, 0.15, 0.15, 0.08, 0.01, 0.01])
    kind = shares.multinomial(1200, replacement=True)
    x = torch.randn(1200, 10)
    y = torch.sin(x[:, 0] + 0.4 * kind) + 0.5 * x[:, 1] * x[:, 2].tanh() + 0.1 * torch.randn(1200)
    model = SwitchByKind()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loaders = train_and_val_columns(x, kind, y)
    return dict(model=model, loss_fn=nn.MSELoss(), optimizer=optimizer, task="regression", **loaders)
