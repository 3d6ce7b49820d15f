"""Programs with a bug that was reported: house prices, a list of filters, a dropout, peptides, and a table."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.zoo.program import Arguments, healthy, pair
from tests.zoo.retired.seventh_heath_parts import (
    keyed_sentences,
    seed_torch_and_friends,
    small_digit_images,
    train_and_val,
    tumour_measures,
)


@pair("final-bias", "target-scale", group="init")
def house_prices_with_a_bias_of_zero(sick: bool) -> Arguments:
    """The prices have a mean of 22.5 and the bias of the linear model starts at 0, from where it hardly gets away.

    (FluxML/Flux.jl#483)
    """
    seed_torch_and_friends()
    x = torch.randn(640, 13)
    price = 22.5 + (x @ torch.randn(13, 1)).squeeze(1) / 13**0.5 + 0.2 * torch.randn(640)
    linear = nn.Linear(13, 1)
    if not sick:
        nn.init.constant_(linear.bias, price[:512].mean().item())
    model = nn.Sequential(linear, nn.Flatten(0))
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=1e-2),
        task="regression",
        **train_and_val(x, price, train=512),
    )


class SentenceFilters(nn.Module):
    """Convolutions of three widths over the words of a sentence."""

    def __init__(self, *, plain_list: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 24)
        filters = [nn.Conv1d(24, 16, width) for width in (1, 2, 3)]
        self.conv1d = filters if plain_list else nn.ModuleList(filters)
        self.head = nn.Linear(48, 4)

    def forward(self, tokens: Tensor) -> Tensor:
        h = self.embed(tokens).transpose(1, 2)
        out: Tensor = self.head(torch.cat([F.relu(conv(h)).amax(2) for conv in self.conv1d], 1))
        return out


@pair("unregistered-parameters", group="wiring", source="published")
def sentence_filters_of_three_widths_in_brackets(sick: bool) -> Arguments:
    """The filters of the text network are kept in a Python list, so the network does not know of them.

    (pytorch/pytorch#1053)
    """
    seed_torch_and_friends()
    model = SentenceFilters(plain_list=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        **train_and_val(*keyed_sentences(), train=768),
    )


class ResidualUnit(nn.Module):
    """Two convolutions and a shortcut."""

    def __init__(self, into: int, out: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(into, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, padding=1, bias=False), nn.BatchNorm2d(out)
        self.short = nn.Conv2d(into, out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(h + self.short(x))


class FineGrainedNet(nn.Module):
    """A small residual network with dropout before its last layer."""

    def __init__(self, *, made_anew: bool) -> None:
        super().__init__()
        self.one, self.two = ResidualUnit(1, 12), ResidualUnit(12, 24)
        self.fc = nn.Linear(24 * 4, 10)
        self.made_anew = made_anew

    def forward(self, x: Tensor) -> Tensor:
        h = F.max_pool2d(self.two(F.max_pool2d(self.one(x), 2)), 2).flatten(1)
        h = nn.Dropout(p=0.5)(h) if self.made_anew else F.dropout(h, p=0.5, training=self.training)
        out: Tensor = self.fc(h)
        return out


def share_right(model: nn.Module, batch: list[Tensor]) -> float:
    """Share of right classes in eval mode."""
    model.eval()
    with torch.no_grad():
        return float((model(batch[0]).argmax(1) == batch[1]).float().mean())


@pair("train-eval-mode", group="wiring", source="published")
def residual_net_with_a_fresh_dropout_in_each_forward(sick: bool) -> Arguments:
    """The forward pass makes a new `nn.Dropout` each time, which is always in train mode (yangze0930/NTS-Net#14)."""
    seed_torch_and_friends()
    model = FineGrainedNet(made_anew=sick)
    return dict(
        model=model,
        loss_fn=nn.CrossEntropyLoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        eval_step=share_right,
        **train_and_val(*small_digit_images(), train=1024),
    )


class PeptideNet(nn.Module):
    """Reads a peptide and predicts when it leaves the column."""

    def __init__(self, *, rectified: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.dense = nn.Linear(32, 32)
        self.out = nn.Linear(32, 1)
        self.rectified = rectified

    def forward(self, peptide: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embed(peptide))
        y: Tensor = self.out(torch.tanh(self.dense(hidden[:, -1]))).squeeze(1)
        return F.relu(y) if self.rectified else y


@pair("constant-output", "dead-units", group="wiring")
def retention_times_that_are_all_zero(sick: bool) -> Arguments:
    """The last linear layer has a ReLU; where it starts below zero for all peptides, it says 0 for ever.

    (ProteomicsML/ProteomicsML#203)
    """
    seed_torch_and_friends()
    peptide = torch.randint(0, 20, (800, 10))
    time = torch.exp(0.2 * torch.randn(20)[peptide].sum(1))
    torch.manual_seed(0)
    model = PeptideNet(rectified=sick)
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=4e-3),
        task="regression",
        **train_and_val(peptide, time, train=640),
    )


class TableAutoencoder(nn.Module):
    """Squeezes the columns of a table through a few units and gives them back."""

    def __init__(self, output_activation: nn.Module) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(30, 24), nn.Tanh(), nn.Linear(24, 10))
        self.decoder = nn.Sequential(nn.Tanh(), nn.Linear(10, 24), nn.Tanh(), nn.Linear(24, 30))
        self.output_activation = output_activation

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.output_activation(self.decoder(self.encoder(x)))
        return out


@pair("output-range", group="wiring", source="scikit-learn")
def outlier_detector_that_scales_and_squashes(sick: bool) -> Arguments:
    """The columns are standardised and so go beyond 0 and 1, but the decoder ends in a sigmoid (yzhao062/pyod#314)."""
    seed_torch_and_friends()
    x, _ = tumour_measures()
    model = TableAutoencoder(nn.Sigmoid() if sick else nn.Identity())
    return dict(
        model=model,
        loss_fn=nn.MSELoss(),
        optimizer=torch.optim.Adam(model.parameters(), lr=3e-3),
        task="regression",
        **train_and_val(x, x.clone(), train=448),
    )


class OnlineClassifier(nn.Module):
    """An encoder trained by contrast, with a linear classifier that watches it."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 48))
        self.projector = nn.Sequential(nn.ReLU(), nn.Linear(48, 24))
        self.classifier = nn.Linear(48, 10)

    def forward(self, views: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        one, two = self.encoder(views[:, 0]), self.encoder(views[:, 1])
        logits = self.classifier(one.detach())
        return F.normalize(self.projector(one), dim=1), F.normalize(self.projector(two), dim=1), logits


def contrast_and_watch(outputs: tuple[Tensor, Tensor, Tensor], label: Tensor) -> Tensor:
    """The contrast between views, and the cross-entropy of the watching classifier."""
    one, two, logits = outputs
    scores = one @ two.T / 0.2
    same = torch.arange(len(one), device=one.device)
    return (F.cross_entropy(scores, same) + F.cross_entropy(scores.T, same)) / 2 + F.cross_entropy(logits, label)


@healthy(resembles="detached-graph", source="published")
def contrastive_encoder_with_a_detached_watcher() -> Arguments:
    """Only the online classifier gets detached features; the encoder learns by the contrast.

    (vturrisi/solo-learn#135)
    """
    seed_torch_and_friends()
    x, y = small_digit_images()
    views = torch.stack([x + 0.3 * torch.randn_like(x), x + 0.3 * torch.randn_like(x)], 1)
    model = OnlineClassifier()
    return dict(
        model=model,
        loss_fn=contrast_and_watch,
        optimizer=torch.optim.Adam(model.parameters(), lr=2e-3),
        task="other",
        **train_and_val(views, y, train=1024),
    )
